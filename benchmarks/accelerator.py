"""Accelerator: what `python -m benchmarks accelerator` measures on the device that JAX finds.

First the derivative of the spike, relative to the time to multiply the same arrays: the memory's
bandwidth. Then a training step as in `peers`, with this package's ways to take less memory or time,
in braintools, and in spyx and SpikingJelly where they are installed. "In parts" stores the states
between ten parts of ten steps (on an accelerator, twenty of twenty) and runs the steps inside again
on the way back. `unroll` is the number of steps that XLA puts into one turn of the loop; without
it, 1. "To bound" is relative to the step of this package. Memory is that of the
temporaries of the compiled step. On a CPU all is small, and a step's time is the processor's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import jax

from . import kernels
from .harness import Case, Settings
from .peer_worker import CONTESTANTS
from .peers import ROOT, training_steps

LEFT_OUT = ("jaxpike", "snnTorch", "Norse")  # `peers` has them
LARGE = 100_000_000  # elements that no cache holds


def cases(settings: Settings) -> Iterator[Case]:
    """The kernels, then the training steps."""
    small = settings.quick or jax.default_backend() == "cpu"
    yield kernels.product(settings.elements if small else LARGE)
    names = [name for name in CONTESTANTS if not name.startswith(LEFT_OUT)]
    if settings.quick:
        yield training_steps(names, neurons=16, steps=9, batch=8)
    elif small:
        yield training_steps(names, neurons=256, steps=100, batch=64)
    else:
        yield training_steps(names, neurons=1024, steps=400, batch=128)


def tested() -> str:
    """What pytest says at the end of tests/accelerator."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/accelerator"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    print(run.stdout, flush=True)
    return (run.stdout.splitlines() or ["not run: install pytest"])[-1].strip("= ")

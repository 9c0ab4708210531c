"""Peers: a training step in other libraries, in processor time.

64 inputs, two layers of leaky integrate-and-fire neurons that keep 0.9 of their membrane in a step,
100 steps, batch of 64; the loss takes the mean spikes of the second layer. All have the fast
sigmoid 1 / (1 + 2|x|)^2 as derivative, but for Norse, whose slope is fixed, and braintools, which
comes with its cheapest surrogate, ReluGrad, and its QPseudoSpike. Each uses its library's own
neuron, loop and optimizer as the documentation does, in its own process on all cores. JAX compiles
the step, PyTorch does not: `torch.compile` of a network ended in an error with snnTorch, and with
SpikingJelly it had not ended after four minutes on a busy machine. Times are of the processor, over
all threads, so that other programs count little. "To bound" is relative to this package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .harness import Case, Ready, Settings
from .peer_worker import CONTESTANTS, OURS

ROOT = Path(__file__).parent.parent
ELSEWHERE = (", in parts", ", unroll")  # of this package: in `accelerator`
SECONDS = 60.0  # for the rounds of a case


def cases(settings: Settings) -> Iterator[Case]:
    """Narrow layers, in which the neurons take most of the time, and wide ones."""
    names = [name for name in CONTESTANTS if not any(word in name for word in ELSEWHERE)]
    for neurons in (16,) if settings.quick else (128, 512):
        yield training_steps(names, neurons, steps=10 if settings.quick else 100, batch=64)


def training_steps(names: Iterable[str], neurons: int, steps: int, batch: int) -> Case:
    """The training step of each, side by side."""
    contestants = {name: _process(name, neurons, steps, batch) for name in names}
    work = f"2 x {neurons} neurons, {steps} steps, batch of {batch}"
    return Case("Training step", work, contestants, bound=OURS, seconds=SECONDS)


def _process(*task: object) -> Callable[[], Ready]:
    """A worker that answers the first line with the memory, others with seconds."""

    def start() -> Ready:
        worker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peer_worker", *map(str, task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=os.environ | {"OMP_WAIT_POLICY": "passive"},  # idle threads give way to others
        )
        try:
            memory = int(_ask(worker)) or None
        except RuntimeError:
            worker.kill()
            raise
        close = lambda: worker.communicate("")
        return Ready(lambda: _ask(worker), None, memory, own_process=True, close=close)

    return start


def _ask(worker: subprocess.Popen) -> float:
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write("\n")
    worker.stdin.flush()
    answer = worker.stdout.readline().strip()
    try:
        return float(answer)
    except ValueError:
        raise RuntimeError(answer or f"the worker ended with {worker.wait()}") from None

"""Peers: the same formula in other frameworks.

All contestants compute spikes and the gradient (1 + 2|x|/(q - 1)) ** -q times a cotangent. Here
this is `QPseudoSpike.from_q(q)`; SpikingJelly calls it QPseudoSpike; at q = 2 it is snnTorch's fast
sigmoid, and the SuperSpike of spyx and Norse with slope 2 (Norse's slope is always 1). Each
contestant checks the formula before it is timed, and runs in its own process on all cores. JAX
compiles; PyTorch does so only with torch.compile. "To bound" compares with this package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from .harness import Case, Ready, Settings
from .peer_worker import CONTESTANTS, OURS

ROOT = Path(__file__).parent.parent
LAYER = 64 * 256  # a batch of 64, 256 neurons


def cases(settings: Settings) -> Iterator[Case]:
    """The size of one layer, and arrays larger than the caches; then a q that is not an integer."""
    for elements in (LAYER, settings.elements):
        for work in ("forward", "forward and backward"):
            yield _case(work, 2.0, elements)
    yield _case("forward and backward", 1.7, settings.elements)


def _case(work: str, q: float, elements: int) -> Case:
    able = [name for name, framework in CONTESTANTS.items() if q == 2.0 or framework.any_q]
    contestants = {name: _process(name, work, q, elements) for name in able}
    return Case(f"q = {q:g}, float32", f"{work}, {elements:,}", contestants, bound=OURS)


def _process(*task: object) -> Callable[[], Ready]:
    """A worker that answers each line with the seconds of one sample."""

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
        ask = lambda: _ask(worker)
        try:
            ask()
        except RuntimeError:
            worker.kill()
            raise
        return Ready(ask, close=lambda: worker.communicate(""))

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

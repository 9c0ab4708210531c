"""The work of `benchmarks.scaling`, in a process of its own or on an executor's workers."""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from typing import Any

import numpy as np

EPOCHS_OF_AN_ANSWER = 20
SPEC = {"name": "QPseudoSpike", "alpha": 2.0}


@cache
def workload() -> Any:
    """The demonstration network on arrays that are drawn."""
    from braintools_qps._comparison.settings import Settings
    from braintools_qps._comparison.tasks import task_from_arrays

    from .training import bench_of

    rng = np.random.default_rng(0)
    y = np.arange(432) % 4  # of which 280 are for training
    X = rng.standard_normal((432, 8, 8)) + 0.5 * np.eye(8)[y][:, None]
    return bench_of(task_from_arrays(X, y), Settings(), hidden=64)


def jobs_of(runs: int) -> list[Any]:
    """Runs of one program, with other seeds."""
    from braintools_qps import QPseudoSpike
    from braintools_qps._comparison.programs import Job

    return [Job(QPseudoSpike(SPEC["alpha"]), {}, seed) for seed in range(runs)]


def outcomes() -> list[Any]:
    """As large as those of six runs."""
    from braintools_qps._comparison.programs import Outcome
    from braintools_qps._comparison.training import Curves, Tested

    curve = np.zeros(EPOCHS_OF_AN_ANSWER, np.float32)
    return [Outcome(Curves(curve, curve, curve), 1, Tested(*[np.float32(0)] * 4))] * 6


def echo(errand: Any) -> Any:
    """What a worker would answer, had it trained."""
    from braintools_qps._comparison.workers.errands import Answer

    return Answer((outcomes(), None), None, {"errand": errand.epochs})


def pin(taken: Any) -> None:
    """Keep this process to the next core that no other has."""
    with taken.get_lock():
        number, taken.value = taken.value, taken.value + 1
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


def main(runs: int, epochs: int, cores: int) -> None:
    """Answer the first line with what compiling took, each other one with seconds of training."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from braintools_qps._comparison.programs import Programs

    programs, jobs = Programs(workload(), runs), jobs_of(runs)

    def seconds() -> float:
        begin = time.perf_counter()
        programs.train(jobs, epochs, lambda done, loss: None)
        return time.perf_counter() - begin

    sys.stdin.readline()
    print(seconds() - seconds(), flush=True)
    for _ in sys.stdin:
        print(seconds(), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

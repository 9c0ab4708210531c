"""Many trainings of the demonstration network, through the programs of `compare`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from braintools.surrogate import Surrogate

from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.programs import Job, Outcome, Programs
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import Task
from braintools_qps._comparison.training import Bench

Report = Callable[[int, float], None]


def bench_of(task: Task, settings: Settings, **options: Any) -> Bench:
    """The demonstration network on a task."""
    return Bench(Factory(partial(demonstration, **options)), task, settings, objective(task))


def trained(
    bench: Bench,
    surrogates: Sequence[Surrogate],
    seeds: Sequence[int],
    setting: Mapping[str, Any] = {},
    report: Report = lambda done, loss: None,
) -> list[list[Outcome]]:
    """Each surrogate with each seed, tested."""
    jobs = [Job(surrogate, setting, seed) for surrogate in surrogates for seed in seeds]
    outcomes = Programs(bench, len(jobs)).train(jobs, bench.settings.epochs, report, test=True)
    rows = np.arange(len(jobs)).reshape(len(surrogates), len(seeds))
    return [[outcomes[number] for number in row] for row in rows]

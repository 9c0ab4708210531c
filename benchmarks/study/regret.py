"""What the search of `compare` loses against the whole grid of the study, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import picks
from .data import Problem, own, reported
from .design import CANDIDATES, DAMPENINGS, EPOCHS, RATES, SCALES, SPREAD, TASKS
from .intervals import Effect, bootstrap
from .store import Store

Schedule = Sequence[tuple[int, int]]


class Regret(NamedTuple):
    """Of all candidates on one task, in points."""

    mean: Effect  # the interval is over candidates
    high: float  # 90th percentile over candidates
    by_candidate: dict[str, float]


def cost(schedule: Schedule = picks.NOW) -> float:
    """Epochs of the search, as a share of those of the grid, for one candidate and seed."""
    spent = sum(count * epochs for count, epochs in schedule)
    return spent / (EPOCHS * len(DAMPENINGS) * len(RATES) * len(SCALES))


def regret(store: Store, task: str, schedule: Schedule = picks.NOW) -> Regret | None:
    """Mean over reporting seeds at the grid's best by validation, less that at the search's choice.

    Both settings are chosen with the same tuning seed and reported with ten others.
    """
    found, problem = {}, Problem(task)
    for name in CANDIDATES:
        searched = picks.searched(picks.short_scores(store, task, name), schedule)
        best = reported(store, problem, name, of_grid(store, problem, name))
        reached = reported(store, problem, name, searched)
        if best is not None and reached is not None:
            seeds = min(len(best), len(reached))
            found[name] = float(best[:seeds].mean() - reached[:seeds].mean())
    if not found:
        return None
    values = np.array(list(found.values()))
    mean = bootstrap(lambda rows: float(values[rows].mean()), len(values))
    return Regret(mean, float(np.percentile(values, 90)), found)


def of_grid(store: Store, problem: Problem, candidate: str) -> picks.Setting | None:
    """The best by validation of the grid's dampenings, lower ones left out."""
    rows = picks.table(store, problem.task, candidate, problem.network)
    best = picks.best([one for one in rows if one.setting["dampening"] in DAMPENINGS])
    return None if best is None else best.setting


def of_second_seed(store: Store, task: str) -> dict[str, float]:
    """Points gained by choosing with two tuning seeds in place of one, by candidate."""
    problem, found = Problem(task), {}
    for name in SPREAD:
        pair = picks.best_of_seeds([picks.table(store, task, name, seed=s) for s in (0, 1)])
        if pair is None:
            continue
        after = reported(store, problem, name, pair.setting)
        before = own(store, problem, name, "both")
        if after is not None and before is not None:
            found[name] = float(after.mean() - before.mean())
    return found


def regrets(store: Store, schedule: Schedule = picks.NOW) -> dict[str, Regret]:
    """By task, where the short trainings are there."""
    found = {task: regret(store, task, schedule) for task in TASKS}
    return {task: one for task, one in found.items() if one is not None}

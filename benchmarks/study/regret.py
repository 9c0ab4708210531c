"""What the search of `compare` loses against the whole grid of the study, and what it costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from braintools_qps._comparison.tuning import DEFAULT_TUNE, rounds

from . import picks
from .data import Problem, chosen, reported
from .design import CANDIDATES, CUE, DAMPENINGS, EPOCHS, HARD, RATES, ROWS, SCALES
from .intervals import Effect, bootstrap
from .store import Store


class Regret(NamedTuple):
    """Of all candidates on one task, in points."""

    mean: Effect  # the interval is over candidates
    high: float  # 90th percentile over candidates
    by_candidate: dict[str, float]


def cost() -> float:
    """Epochs of the search, as a share of those of the grid, for one candidate and seed."""
    settings = int(np.prod([len(values) for values in DEFAULT_TUNE.values()]))
    spent = sum(count * epochs for count, epochs in rounds(settings, EPOCHS))
    return spent / (EPOCHS * len(DAMPENINGS) * len(RATES) * len(SCALES))


def regret(store: Store, task: str, freedom: str = "all three") -> Regret | None:
    """Mean over reporting seeds at the grid's best by validation, less that at the search's choice.

    Both settings are chosen with the same tuning seed and reported with ten others.
    """
    found, problem = {}, Problem(task)
    for name in CANDIDATES:
        pair = [
            reported(store, problem, name, setting)
            for setting in (
                chosen(store, problem, name, freedom),
                picks.searched(picks.short_scores(store, task, name)),
            )
        ]
        if all(one is not None for one in pair):
            best, search = pair
            found[name] = float(best.mean() - search.mean())
    if not found:
        return None
    values = np.array(list(found.values()))
    mean = bootstrap(lambda rows: float(values[rows].mean()), len(values))
    return Regret(mean, float(np.percentile(values, 90)), found)


def regrets(store: Store) -> dict[str, Regret]:
    """By task, where the short trainings are there."""
    found = {task: regret(store, task) for task in (ROWS, CUE, HARD)}
    return {task: one for task, one in found.items() if one is not None}

"""What was trained, as arrays: the grid of a problem, its reports, what was measured before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from . import picks
from .design import (
    DAMPENINGS,
    FEWER_DAMPENINGS,
    FEWER_RATES,
    LAYER,
    NETWORKS,
    REPORTED,
    SCALES,
    SPREAD,
    TASKS,
    by_rule,
    flow,
    report,
)  # fmt: skip
from .store import Store


class Problem(NamedTuple):
    """A network on a task."""

    task: str
    network: str = LAYER

    @property
    def label(self) -> str:
        """Its name on the page."""
        return self.task if self.network == LAYER else f"{self.task}, {self.network}"


def alpha_of(candidate: str) -> float:
    """The tail of a candidate of the family."""
    return float(candidate.removeprefix("alpha "))


def cube(
    store: Store,
    problem: Problem,
    candidates: Sequence[str] = SPREAD,
    dampenings: Sequence[float] = FEWER_DAMPENINGS,
    rates: Sequence[float] = FEWER_RATES,
    scale: float = 1.0,
    *,
    seed: int = 0,
    field: str = "test",
) -> np.ndarray | None:
    """Percent by candidate, dampening and learning rate; None where one is missing."""
    found = []
    for candidate in candidates:
        known = {
            tuple(one.setting.values()): getattr(one, field)
            for one in picks.table(store, *_names(problem, candidate), seed=seed)
        }
        found.append([[known.get((scale, d, r)) for r in rates] for d in dampenings])
    if any(value is None for of_one in found for row in of_one for value in row):
        return None
    return 100 * np.array(found, float)


def problems(store: Store) -> list[Problem]:
    """All whose common part of the grid, of tails, dampenings and rates, has been trained."""
    every = [Problem(task, network) for network in NETWORKS for task in TASKS]
    return [one for one in every if cube(store, one) is not None]


def alphas(store: Store, problem: Problem) -> tuple[str, ...]:
    """Tails that were trained on the problem."""
    names = (
        "alpha 0.25",
        "alpha 0.5",
        "alpha 1",
        "alpha 2",
        "alpha 4",
        "alpha 8",
        "alpha 16",
        "alpha inf",
    )
    return tuple(n for n in names if picks.table(store, *_names(problem, n)))


def chosen(store: Store, problem: Problem, candidate: str, freedom: str) -> picks.Setting | None:
    """The setting that is best by validation, where only some of it is free."""
    rows = picks.table(store, *_names(problem, candidate))
    found = picks.best(rows, picks.FREEDOMS[freedom])
    return None if found is None else found.setting


def reported(
    store: Store, problem: Problem, candidate: str, setting: Mapping[str, float] | None
) -> np.ndarray | None:
    """Percent of the test samples by reporting seed; None where it was not trained."""
    if setting is None:
        return None
    for seeds in (REPORTED, REPORTED[:5]):
        cell = report(problem.task, candidate, setting, network=problem.network, seeds=seeds)
        if kept := store.get(cell):
            return 100 * np.array(kept["test"])
    return None


def own(store: Store, problem: Problem, candidate: str, freedom: str) -> np.ndarray | None:
    """The reports at a candidate's own setting."""
    return reported(store, problem, candidate, chosen(store, problem, candidate, freedom))


def measured(store: Store, problem: Problem, candidate: str, name: str) -> np.ndarray | None:
    """A number from before training, by scale (one for all but the one layer) and dampening."""
    kept = store.get(flow(problem.task, candidate, problem.network))
    if kept is None:
        return None
    scales = len(SCALES) if problem.network == LAYER else 1
    return np.array(kept[name], float).reshape(scales, len(DAMPENINGS))


def _names(problem: Problem, candidate: str) -> tuple[str, str, str]:
    return problem.task, candidate, problem.network


def ruled(store: Store, problem: Problem, candidate: str, rule: str) -> np.ndarray | None:
    """Percent by seed where a rule chose the dampening."""
    for seeds in (REPORTED, REPORTED[:5]):
        if kept := store.get(by_rule(rule, problem.task, candidate, problem.network, seeds)):
            return 100 * np.array(kept["test"])
    return None

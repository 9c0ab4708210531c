"""What the search of `compare` loses against the whole grid of the study, and what it costs."""

from __future__ import annotations

import itertools
from functools import cache
from typing import NamedTuple

import numpy as np

from . import picks
from .data import Problem, own, reported
from .design import CANDIDATES, DAMPENINGS, EPOCHS, NETWORKS, RATES, SCALES, SPREAD, TASKS
from .intervals import Effect, over_both
from .store import Store

PLANNED = len(DAMPENINGS) * len(RATES) * len(SCALES)


class Regret(NamedTuple):
    """Of all candidates on one problem, in points."""

    mean: Effect  # the interval is over candidates and reporting seeds
    high: float  # 90th percentile over candidates
    by_candidate: dict[str, float]
    settings: tuple[int, int]  # in the smallest and the largest grid of a candidate


def cost(settings: int = PLANNED, search: picks.Search = picks.NOW) -> float:
    """Epochs of the search, as a share of those of a grid, for one candidate and seed."""
    return sum(count * epochs for count, epochs in search.rounds) / (EPOCHS * settings)


def regret(store: Store, problem: Problem, search: picks.Search = picks.NOW) -> Regret | None:
    """Mean over reporting seeds at the grid's best by validation, less that at the search's choice.

    Both settings are chosen with the same tuning seed and reported with others, paired by seed.
    """
    found, sizes = {}, []
    for name in CANDIDATES:
        grid = of_grid(store, problem, name)
        choice = picks.searched(picks.ended(store, problem.task, name, problem.network), search)
        best = reported(store, problem, name, picks.best_setting(grid))
        reached = reported(store, problem, name, choice)
        if best is not None and reached is not None:
            seeds = min(len(best), len(reached))
            found[name] = best[:seeds] - reached[:seeds]
            sizes.append(len(grid))
    if not found:
        return None
    values = {name: float(lost.mean()) for name, lost in found.items()}
    high = float(np.percentile(list(values.values()), 90))
    return Regret(over_both(list(found.values())), high, values, (min(sizes), max(sizes)))


def of_grid(store: Store, problem: Problem, candidate: str) -> list[picks.Trained]:
    """What was trained of the grid's dampenings, lower ones left out."""
    rows = picks.table(store, problem.task, candidate, problem.network)
    return [one for one in rows if one.setting["dampening"] in DAMPENINGS]


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


def of_two_seeds(store: Store, task: str) -> Effect | None:
    """Points lost against the best of the grid by the mean of two tuning seeds."""
    problem, found = Problem(task), []
    for name in SPREAD:
        pair = picks.best_of_seeds([picks.table(store, task, name, seed=s) for s in (0, 1)])
        best = None if pair is None else reported(store, problem, name, pair.setting)
        choice = picks.searched(picks.ended(store, task, name))
        reached = reported(store, problem, name, choice)
        if best is not None and reached is not None:
            found.append(best - reached)
    return over_both(found) if found else None


def worst(store: Store) -> dict[str, str | float]:
    """The most that one candidate loses."""
    every = [
        (points, name, label)
        for label, one in regrets(store).items()
        for name, points in one.by_candidate.items()
    ]
    return dict(zip(("points", "candidate", "problem"), max(every)))


def outer_rates(store: Store) -> tuple[int, int]:
    """Of how many grids with all learning rates, at a scale of 1, the first or the last is best."""
    grids = [of_grid(store, Problem(task), name) for task in TASKS for name in CANDIDATES]
    found = []
    for rows in grids:
        of_scale = [one for one in rows if one.setting["scale"] == 1]
        if {one.setting["learning_rate"] for one in of_scale} >= set(RATES):
            found.append(picks.best_setting(of_scale))
    chosen = sum(one["learning_rate"] in (RATES[0], RATES[-1]) for one in found if one)
    return len(found), chosen


def of_third(store: Store) -> tuple[int, int]:
    """How many searches there are, and in how many a third setting in full would be chosen."""
    (first, (count, epochs)) = picks.NOW.rounds
    more = picks.NOW._replace(rounds=(first, (count + 1, epochs)))
    pairs = [
        (picks.searched(known), picks.searched(known, more))
        for task, network, name in itertools.product(TASKS, NETWORKS, CANDIDATES)
        if (known := picks.ended(store, task, name, network))
    ]
    changed = [one != other for one, other in pairs if one is not None and other is not None]
    return len(changed), sum(changed)


@cache
def regrets(store: Store, search: picks.Search = picks.NOW) -> dict[str, Regret]:
    """By problem, where the short trainings are there; of a store to which nothing is added."""
    every = [Problem(task, network) for network in NETWORKS for task in TASKS]
    found = {one.label: regret(store, one, search) for one in every}
    return {label: one for label, one in found.items() if one is not None}

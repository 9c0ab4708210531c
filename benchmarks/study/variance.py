"""How much of the variance of accuracy is tail, scale, dampening, learning rate, task, seed?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from .data import Problem, cube, problems
from .design import CUE, DAMPENINGS, FEWER_DAMPENINGS, FEWER_RATES, RATES, ROWS, SCALES, SPREAD
from .intervals import Effect, bootstrap
from .store import Store

FACTORS = ("task", "tail", "dampening", "learning rate")
WITH_SCALE = ("scale", "tail", "dampening", "learning rate")
LOW = FEWER_DAMPENINGS[:3]  # 1/16 to 1/4


def shares(values: np.ndarray, names: Sequence[str]) -> dict[tuple[str, ...], float]:
    """Share of the sum of squares for each effect and interaction of a balanced design."""
    whole = values - values.mean()
    total = float((whole**2).sum())
    axes = range(values.ndim)
    parts: dict[tuple[int, ...], np.ndarray] = {(): np.zeros(())}
    found = {}
    for size in range(1, values.ndim + 1):
        for of in itertools.combinations(axes, size):
            mean = whole.mean(axis=tuple(a for a in axes if a not in of), keepdims=True)
            parts[of] = mean - sum(parts[sub] for sub in parts if set(sub) < set(of))
            weight = values.size / parts[of].size
            found[tuple(names[a] for a in of)] = float((parts[of] ** 2).sum()) * weight / total
    return found


def grouped(found: dict[tuple[str, ...], float]) -> dict[str, float]:
    """Main effects, the interaction of tail and dampening, all other interactions."""
    main = {name[0]: share for name, share in found.items() if len(name) == 1}
    both = found[("tail", "dampening")]
    rest = sum(share for name, share in found.items() if len(name) > 1) - both
    return main | {"tail by dampening": both, "other interactions": rest}


def over_tasks(store: Store, dampenings: Sequence[float] = FEWER_DAMPENINGS) -> dict[str, Effect]:
    """Shares in the common grid of all problems, with intervals over the problems."""
    found = [cube(store, one, dampenings=dampenings) for one in problems(store)]
    stacked = np.stack([one for one in found if one is not None])
    names = list(grouped(shares(stacked, FACTORS)))
    return {
        name: bootstrap(
            lambda rows, n=name: grouped(shares(stacked[rows], FACTORS))[n], len(stacked), 300
        )
        for name in names
    }


def by_problem(
    store: Store, dampenings: Sequence[float] = FEWER_DAMPENINGS
) -> dict[str, dict[str, float]]:
    """The same within each problem."""
    return {
        one.label: grouped(shares(found, FACTORS[1:]))
        for one in problems(store)
        if (found := cube(store, one, dampenings=dampenings)) is not None
    }


def with_scale(store: Store) -> dict[str, dict[str, float]]:
    """Shares with the scale as a factor, where it was trained."""
    tables = {}
    for problem in problems(store):
        for dampenings, rates in ((DAMPENINGS, RATES), (DAMPENINGS, FEWER_RATES)):
            found = [cube(store, problem, SPREAD, dampenings, rates, s) for s in sorted(SCALES)]
            if all(one is not None for one in found):
                tables[problem.label] = grouped(shares(np.stack(found), WITH_SCALE))
                break
    return tables


def seeds(store: Store) -> dict[str, tuple[float, float]]:
    """Share of the seed, and its standard deviation in points, where a second one was trained."""
    found = {}
    for problem in (Problem(ROWS), Problem(CUE)):
        pair = [cube(store, problem, SPREAD, DAMPENINGS, RATES, seed=seed) for seed in (0, 1)]
        if all(one is not None for one in pair):
            both = np.stack(pair)
            within = float(both.var(axis=0, ddof=1).mean())
            found[problem.label] = within / float(both.var()), float(np.sqrt(within))
    return found

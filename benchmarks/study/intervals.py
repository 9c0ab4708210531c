"""Intervals over problems and seeds, by Student's t and by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from braintools_qps._statistics import summary

DRAWS = 2000


class Effect(NamedTuple):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float

    def __format__(self, form: str) -> str:
        shown = [f"{x:{form}}" for x in self]
        return f"{shown[0]} ({shown[1]} to {shown[2]})"


def over(values: Sequence[float] | np.ndarray) -> Effect:
    """Mean with the t interval over what is given, problems or seeds."""
    mean, low, high = summary(values)
    return Effect(mean, mean if low is None else low, mean if high is None else high)


def over_both(values: Sequence[np.ndarray], draws: int = DRAWS, seed: int = 0) -> Effect:
    """Mean over items, each the mean over its seeds; for the interval both are drawn."""
    rng = np.random.default_rng(seed)
    again = lambda of_one: of_one[rng.integers(len(of_one), size=len(of_one))].sum() / len(of_one)
    found = [
        sum(again(values[row]) for row in rng.integers(len(values), size=len(values)))
        for _ in range(draws)
    ]
    mean = float(np.mean([of_one.mean() for of_one in values]))
    return Effect(mean, *map(float, np.percentile(found, [2.5, 97.5]) / len(values)))


def bootstrap(
    statistic: Callable[[np.ndarray], float], items: int, draws: int = DRAWS, seed: int = 0
) -> Effect:
    """Percentile interval of a statistic of rows, which are drawn with replacement."""
    rng = np.random.default_rng(seed)
    found = [statistic(rng.integers(items, size=items)) for _ in range(draws)]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Effect(float(statistic(np.arange(items))), float(low), float(high))

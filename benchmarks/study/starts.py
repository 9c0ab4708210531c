"""Settings without a search: where to start, what a lower slope gains, which is too high."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from .trained import NORMALISED, Effect, Trained, over, percent
from .trainings import CANDIDATES, DAMPENINGS, LONGER_CANDIDATES, RATES, SLOPES

LABELS = tuple(CANDIDATES)
FAMILY = LABELS[:4]  # the q-PseudoSpikes, the fattest tail first
UP_TO_01 = tuple(place for place, rate in enumerate(RATES) if rate <= 0.1)
AT_03 = (RATES.index(0.3),)
HEIGHTS = tuple(range(len(DAMPENINGS) + len(SLOPES)))
BINS = (0.0, 0.0501, 0.1001, 0.15, 0.2, 0.25, np.inf)  # of the mean slope
GROUPS = {
    "alpha 1/2": ("alpha 1/2",),
    "alpha 2, S2NN": ("alpha 2", "S2NN"),
    "alpha 8, ∞, Sigmoid": ("alpha 8", "alpha ∞", "Sigmoid"),
}
TOO_HIGH = 0.2  # what `gradient_flow` calls so
NOTHING = Effect(np.nan, np.nan, np.nan)


def _half(held_out: bool) -> Callable[[Sequence[Trained]], list[Trained]]:
    return lambda problems: [one for one in problems if one.held_out is held_out]


def _deep(problems: Sequence[Trained]) -> list[Trained]:
    return [one for one in problems if "three layers" in one.name]


def _hard(problems: Sequence[Trained]) -> list[Trained]:
    """The third of the problems with the lowest best accuracy."""
    return sorted(problems, key=lambda one: one.highest)[: max(1, round(len(problems) / 3))]


# Learning rates and problems; three layers and hard problems are too few in one half alone.
CASES: dict[str, tuple[tuple[int, ...], Callable[[Sequence[Trained]], list[Trained]]]] = {
    "rates up to 0.1": (UP_TO_01, _half(True)),
    "rate 0.3": (AT_03, _half(True)),
    "three layers, up to 0.1": (UP_TO_01, _deep),
    "hardest third, up to 0.1": (UP_TO_01, _hard),
    "development, up to 0.1": (UP_TO_01, _half(False)),
    "development, 0.3": (AT_03, _half(False)),
}
SHOWN_CASES = tuple(CASES)[:4]


def losses(problem: Trained, rates: Sequence[int]) -> np.ndarray:
    """Points below the best of the same rate, by candidate and height: a mean over rates."""
    below = problem.best_at_rate[None, :, None, :] - problem.test
    return below.mean(axis=-1)[:, list(rates)].mean(axis=1)


def start(problems: Sequence[Trained], label: str, height: int, case: str) -> Effect:
    """What a start loses in a case."""
    rates, some = CASES[case]
    row = LABELS.index(label)
    values = [float(losses(one, rates)[row, height]) for one in some(problems)]
    return over(values) if values else NOTHING


def gain(
    problem: Trained, label: str, rates: Sequence[int] = UP_TO_01, height: int = NORMALISED
) -> float:
    """Points that a mean slope of 0.1, or another height, gains over a dampening of 1."""
    scores = problem.test[LABELS.index(label), list(rates)]
    return float((scores[:, height] - scores[:, 0]).mean())


def by_slope(problems: Sequence[Trained], group: Sequence[str]) -> list[Effect]:
    """What some candidates lose, up to a rate of 0.1, with a mean slope between two limits."""
    rows, found = [LABELS.index(label) for label in group], []
    for low, high in pairwise(BINS):
        means = []
        for one in problems:
            slopes = one.slopes[rows]
            some = losses(one, UP_TO_01)[rows][(slopes > low) & (slopes <= high)]
            means += [float(some.mean())] if some.size else []
        found.append(over(means) if means else NOTHING)
    return found


def order_below(problems: Sequence[Trained], limit: float = SLOPES[0]) -> Effect:
    """Rank correlation, below the limit, of the mean slope with what it loses."""
    found = []
    for one in problems:
        slopes, lost = one.slopes[:, :NORMALISED], losses(one, UP_TO_01)[:, :NORMALISED]
        low = slopes <= limit
        if low.sum() > 3:
            found.append(float(stats.spearmanr(slopes[low], -lost[low]).statistic))
    return over(found)


def picks(problem: Trained) -> dict[str, float]:
    """What is lost by picking among all candidates and dampenings by a rule, without training."""
    slopes, lost = problem.slopes[:, :NORMALISED], losses(problem, UP_TO_01)[:, :NORMALISED]
    low, high = slopes <= SLOPES[0], slopes > TOO_HIGH
    distance = np.abs(np.log(slopes / SLOPES[0]))
    thin = FAMILY.index("alpha ∞")
    return {
        "any": float(lost.mean()),
        "above 0.2": float(lost[high].mean()) if high.any() else np.nan,
        "at most 0.2": float(lost[~high].mean()),
        "at most 0.1": float(lost[low].mean()),
        "nearest to 0.1": float(lost.flat[distance.argmin()]),
        "nearest to 0.1, of alpha ∞": float(lost[thin, distance[thin].argmin()]),
        "the lowest": float(lost.flat[slopes.argmin()]),
    }


def changes(problem: Trained, longer: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Differences that conclusions rest on, at the planned epochs and at twice as many."""
    rows = [LABELS.index(label) for label in LONGER_CANDIDATES]
    twice = np.array([percent(longer[label]["test"]) for label in LONGER_CANDIDATES])
    both = problem.grid[rows], np.nan_to_num(twice, nan=problem.chance)
    pairs = (scores.mean(axis=-1) for scores in both)
    found = [_differences(scores) for scores in pairs]
    return {name: (found[0][name], found[1][name]) for name in found[0]}


def _differences(scores: np.ndarray) -> dict[str, float]:
    """``scores`` of shape (candidates, rates, dampenings)."""
    at_01 = scores[:, 0]
    half, eighth = DAMPENINGS.index(1 / 2), DAMPENINGS.index(1 / 8)
    return {
        "best accuracy": float(scores.max()),
        "alpha 1/2: dampening 1/8 less 1": float(at_01[0, eighth] - at_01[0, 0]),
        "alpha 2: dampening 1/8 less 1/2": float(at_01[1, eighth] - at_01[1, half]),
        "alpha ∞: dampening 1/8 less 1": float(at_01[2, eighth] - at_01[2, 0]),
        "alpha ∞ less alpha 2, each at its best": float(at_01[2].max() - at_01[1].max()),
    }

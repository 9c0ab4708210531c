"""Settings without a search: where to start, what a lower slope gains, which is too high."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from .rules import DEFAULT, RULES, lost
from .trained import NORMALISED, Effect, Trained, chosen_elsewhere, over, scores_of
from .trainings import CANDIDATES, DAMPENINGS, LONGER_CANDIDATES, RATES, SLOPES

LABELS = tuple(CANDIDATES)
UP_TO_01 = tuple(place for place, rate in enumerate(RATES) if rate <= 0.1)
AT_03 = (RATES.index(0.3),)
HEIGHTS = tuple(range(len(DAMPENINGS) + len(SLOPES)))
BINS = (0.0, 0.0501, 0.1001, 0.15, 0.2, 0.25, np.inf)  # of the mean slope
GROUPS = {
    "alpha 1/2": ("alpha 1/2",),
    "alpha 2, S2NN": ("alpha 2", "S2NN"),
    "alpha 8, ∞, Sigmoid": ("alpha 8", "alpha ∞", "Sigmoid"),
}
BEST = "best accuracy"
TOO_HIGH = 0.2  # what `gradient_flow` calls so


Chosen = Callable[[Sequence[Trained]], list[Trained]]


def look(held_out: bool, wave: int | None = None) -> Chosen:
    """The problems of a half, in one wave or in both."""
    return lambda problems: [
        one for one in problems if one.held_out is held_out and wave in (None, one.wave)
    ]


def _deep(problems: Sequence[Trained]) -> list[Trained]:
    return [one for one in problems if "three layers" in one.name]


def _hard(problems: Sequence[Trained]) -> list[Trained]:
    """The third of the problems with the lowest best accuracy."""
    return sorted(problems, key=lambda one: one.highest)[: max(1, round(len(problems) / 3))]


# Learning rates and problems; three layers and hard problems are too few in one half alone.
CASES: dict[str, tuple[tuple[int, ...], Chosen]] = {
    "second look": (UP_TO_01, look(True, 2)),
    "both looks": (UP_TO_01, look(True)),
    "rate 0.3": (AT_03, look(True)),
    "three layers †": (UP_TO_01, _deep),
    "hardest third †": (UP_TO_01, _hard),
    "first look": (UP_TO_01, look(True, 1)),
    "development": (UP_TO_01, look(False)),
    "development, 0.3": (AT_03, look(False)),
}
SHOWN_CASES = tuple(CASES)[:5]


def rows_of(problem: Trained, labels: Sequence[str]) -> list[int]:
    """Places of those candidates that the problem has."""
    return [problem.labels.index(label) for label in labels if label in problem.labels]


def losses(problem: Trained, rates: Sequence[int]) -> np.ndarray:
    """Points below the best of the same rate, by candidate and height: a mean over rates."""
    below = problem.best_at_rate[None, :, None, :] - problem.test
    return below.mean(axis=-1)[:, list(rates)].mean(axis=1)


def start(
    problems: Sequence[Trained], label: str, height: int, rates: Sequence[int] = UP_TO_01
) -> Effect:
    """What a start loses."""
    each = [losses(one, rates)[rows_of(one, [label]), height] for one in problems]
    return over([float(loss) for some in each for loss in some])


def advised(problem: Trained, label: str, rate: float = 0.03) -> float:
    """What one training at a mean slope of 0.1 ends below the best of all that was trained."""
    scores = problem.test[problem.labels.index(label), RATES.index(rate), NORMALISED]
    return problem.highest - float(scores.mean())


def lost_at(problem: Trained, rate: float) -> float:
    """Points that the best setting at a learning rate ends below the best at all rates."""
    scores = problem.test[:, RATES.index(rate)]
    best = chosen_elsewhere(scores.reshape(-1, scores.shape[-1]))
    return problem.highest - float(best.mean())


def slower(problem: Trained, label: str) -> float:
    """Points that a learning rate of 0.01 gains over 0.03, at a mean slope of 0.1."""
    return advised(problem, label, 0.03) - advised(problem, label, 0.01)


def gain(
    problem: Trained, label: str, rates: Sequence[int] = UP_TO_01, height: int = NORMALISED
) -> float:
    """Points that a mean slope of 0.1, or another height, gains over a dampening of 1."""
    if label not in problem.labels:
        return np.nan
    scores = problem.test[problem.labels.index(label), list(rates)]
    return float((scores[:, height] - scores[:, 0]).mean())


def by_slope(problems: Sequence[Trained], group: Sequence[str]) -> list[Effect]:
    """What some candidates lose, up to a rate of 0.1, with a mean slope between two limits."""
    found = []
    for low, high in pairwise(BINS):
        means = []
        for one in problems:
            rows = rows_of(one, group)
            slopes = one.slopes[rows]
            some = losses(one, UP_TO_01)[rows][(slopes > low) & (slopes <= high)]
            means += [float(some.mean())] if some.size else []
        found.append(over(means))
    return found


def _settings(problem: Trained) -> tuple[np.ndarray, np.ndarray]:
    """Mean slopes of all candidates and dampenings, and what they lose up to a rate of 0.1."""
    slopes, lost = problem.slopes[:, :NORMALISED], losses(problem, UP_TO_01)[:, :NORMALISED]
    return slopes.ravel(), lost.ravel()


def order_below(problem: Trained, limit: float = SLOPES[0]) -> float:
    """Rank correlation, below the limit, of the mean slope with accuracy."""
    slopes, lost = _settings(problem)
    low = slopes <= limit
    return float(stats.spearmanr(slopes[low], -lost[low]).statistic) if low.sum() > 3 else np.nan


def _picked(chosen: Callable[[np.ndarray], np.ndarray]) -> Callable[[Trained], float]:
    def pick(problem: Trained) -> float:
        slopes, lost = _settings(problem)
        return float(lost[chosen(slopes)].mean())

    return pick


# What is lost by picking a candidate and a dampening by its mean slope, without training.
PICKS = {
    "any": _picked(lambda slopes: slopes > 0),
    "above 0.2": _picked(lambda slopes: slopes > TOO_HIGH),
    "at most 0.2": _picked(lambda slopes: slopes <= TOO_HIGH),
    "at most 0.1": _picked(lambda slopes: slopes <= SLOPES[0]),
    "nearest to 0.1": _picked(lambda slopes: np.abs(np.log(slopes / SLOPES[0])).argmin()),
    "the lowest": _picked(lambda slopes: slopes.argmin()),
}


def twice(problem: Trained, kept: Mapping[str, Any]) -> tuple[Trained, Trained]:
    """Some candidates of a problem, trained as planned and for twice the epochs."""
    rows = rows_of(problem, LONGER_CANDIDATES)
    scores = {"validation": problem.validation[rows], "test": problem.test[rows]}
    once = replace(problem, labels=LONGER_CANDIDATES, slopes=problem.slopes[rows], **scores)
    each = [kept[label] for label in LONGER_CANDIDATES]
    return once, replace(once, **scores_of(each, problem.chance))


def conclusions(problem: Trained) -> dict[str, float]:
    """What is concluded from a problem, in points."""
    mean = lambda label, rates, height: float(
        problem.test[problem.labels.index(label), list(rates), height].mean()
    )
    low = {label: mean(label, UP_TO_01, NORMALISED) for label in LONGER_CANDIDATES}
    half, eighth = (mean("alpha 2", (0,), DAMPENINGS.index(x)) for x in (1 / 2, 1 / 8))
    return {
        BEST: problem.highest,
        **{f"a mean slope of 0.1 gains, {label}": gain(problem, label) for label in low},
        "three rates at a mean slope of 0.1 lose against the grid": lost(RULES[DEFAULT], problem),
        "alpha 1/2 less alpha 2, at a mean slope of 0.1": low["alpha 1/2"] - low["alpha 2"],
        "alpha ∞ less alpha 2, at a mean slope of 0.1": low["alpha ∞"] - low["alpha 2"],
        "alpha 2, rate 0.1: dampening 1/8 less 1/2": eighth - half,
    }

"""Statistics of scores from a few seeds: means, paired differences, and runs at chance level.

`paired` compares all candidates with each other, once, at an error of 5% for all pairs together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
ROUNDING = 1e-6  # of scores, which come in float32
UNBOUNDED = (-math.inf, math.inf)
LEAST_SEEDS = 5  # for a verdict
FREEDOM = 1.5  # degrees of the studentised range for each seed but one
LARGEST_MEAN = 3.0  # of variances, in lower quartiles
NEAR, HALF_WAY = 0.1, 0.5  # parts of the way from chance level to the best score


class Interval(NamedTuple):
    """A mean with its 95% confidence interval.

    ``low`` and ``high`` are None if the spread is unknown: one seed, or two equal values.
    """

    mean: float
    low: float | None
    high: float | None


def summary(values: ArrayLike, *, bounds: tuple[float, float] = UNBOUNDED) -> Interval:
    r"""Return the mean over seeds with its t interval.

    The interval is mean :math:`\pm\, t\, s / \sqrt n`, with :math:`s` the standard deviation over
    :math:`n` seeds and :math:`t` the quantile of Student's distribution with :math:`n - 1` degrees
    of freedom. It assumes that scores are roughly normal. Two accuracies are often equal, because
    they count samples; then there is no interval, which would have no width.

    Parameters
    ----------
    values : array_like
        One score for each seed, of shape (seeds,).
    bounds : tuple of float
        The smallest and the largest possible score. The interval is cut there, which does not
        change its confidence: no true mean lies outside.

    Returns
    -------
    Interval

    Examples
    --------
    >>> from braintools_qps._statistics import summary
    >>> summary([1.0, 2.0, 3.0])
    Interval(mean=2.0, low=-0.484..., high=4.484...)
    >>> summary([0.9])
    Interval(mean=0.9, low=None, high=None)
    >>> summary([1.0, 0.9, 0.98], bounds=(0, 1)).high
    1.0
    """
    values = np.asarray(values, np.float64)
    mean, seeds = float(values.mean()), len(values)
    equal = np.ptp(values) <= ROUNDING * np.abs(values).max()
    if seeds < 2 or (seeds == 2 and equal):
        return Interval(mean, None, None)
    student = float(stats.t.isf((1 - LEVEL) / 2, seeds - 1))
    half = student * float(values.std(ddof=1)) / math.sqrt(seeds)
    return Interval(mean, *map(float, np.clip([mean - half, mean + half], *bounds)))


class Paired(NamedTuple):
    """Paired differences between all candidates, row minus column, of shape (rows, rows)."""

    mean: np.ndarray
    half: np.ndarray  # of the width of the interval
    lower: np.ndarray  # whether the whole interval is below 0


def paired(scores: Sequence[ArrayLike] | np.ndarray) -> Paired:
    r"""Return the paired differences with intervals that hold together for all pairs in 95%.

    Half of an interval is :math:`q\, s / \sqrt{2 n}`, with :math:`s` the standard deviation of the
    difference over :math:`n` seeds and :math:`q` the quantile of the studentised range of all
    candidates. With two candidates that is the paired t test.

    With three candidates or more, :math:`q` has 1.5 (n - 1) degrees of freedom. A variance of a
    pair that is smaller than the mean over all pairs is replaced by the average of the two, since
    with few seeds it is often too small by chance. That mean counts as three times the lower
    quartile at most, so that one candidate that varies much does not widen all intervals.

    Parameters
    ----------
    scores : array_like
        Scores of shape (candidates, seeds), for two candidates or more and two seeds or more.

    Returns
    -------
    Paired

    Examples
    --------
    >>> from braintools_qps._statistics import paired
    >>> pairs = paired([[0.91, 0.89, 0.92, 0.90, 0.91], [0.31, 0.29, 0.32, 0.33, 0.28]])
    >>> pairs.mean[1, 0].round(3), pairs.lower[1, 0]
    (np.float64(-0.6), np.True_)
    """
    runs = np.array(scores, np.float64)
    candidates, seeds = runs.shape
    differences = runs[:, None] - runs
    mean, variances = differences.mean(axis=2), differences.var(axis=2, ddof=1)
    if candidates > 2:
        each = variances[np.triu_indices(candidates, 1)]
        usual = min(each.mean(), LARGEST_MEAN * np.quantile(each, 0.25))
        variances = np.maximum(variances, (variances + usual) / 2)
        np.fill_diagonal(variances, 0.0)
    half = _quantile(candidates, seeds) * np.sqrt(variances / (2 * seeds))
    return Paired(mean, half, mean + half < -ROUNDING * np.abs(runs).max())


@lru_cache
def _quantile(candidates: int, seeds: int) -> float:
    freedom = (FREEDOM if candidates > 2 else 1.0) * (seeds - 1)
    return float(stats.studentized_range.isf(1 - LEVEL, candidates, freedom))


def at_chance(scores: Sequence[ArrayLike], chance: float, noise: float) -> list[int]:
    """Count the runs of each candidate whose score is at chance level.

    That is within the noise of one score, or within a tenth of the way from chance level to the
    best candidate, but never more than half of it. If not even the best one is above the noise, all
    are.
    """
    runs = [np.asarray(row, np.float64) for row in scores]
    best = max(runs, key=np.median)
    way = float(np.median(best)) - chance
    near = min(max(noise, NEAR * way), HALF_WAY * way)
    limit = chance + near if way > noise / math.sqrt(len(best)) else math.inf
    return [int(np.sum(row <= limit)) for row in runs]

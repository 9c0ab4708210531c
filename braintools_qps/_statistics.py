"""Statistics of scores from a few seeds: who is clearly lower, who is equal, how many more seeds.

Start with `standing`. `paired` has the intervals of all pairs that it tests.
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
LEAST_SEEDS = 5  # for any verdict
LOOKS = (5, 8, 13, 20, 32, 50)  # numbers of seeds
FREEDOM = 1.5  # degrees of the studentised range for each seed but one
LARGEST_MEAN = 3.0  # of variances, in lower quartiles
POWER = 0.8416  # the 80% quantile of the normal distribution
MANY = 100_000  # seeds


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


class Standing(NamedTuple):
    """What is known about candidates. Rows are those of the scores."""

    lower: tuple[bool, ...]  # row by row: clearly below another candidate, or failed
    open: tuple[int, ...]  # rows that need more seeds
    settled: bool  # every pair is told apart, or equal within the margin
    next: int  # number of seeds at the next look


def standing(
    scores: Sequence[ArrayLike], *, margin: float | None, first: int, most: int
) -> Standing:
    r"""Say which candidates are clearly lower, and which need more seeds.

    The scores are looked at after `LOOKS` seeds, beginning at ``first`` and ending at ``most``. A
    look at :math:`n` seeds spends :math:`(n - n') / N` of the error of 5%, where
    :math:`n'` is the look before and :math:`N` is ``most``. At each look, a candidate is lower if
    the interval of its paired difference from any other lies below 0. Two are equal if two
    one-sided t tests find the difference within the margin. Both stop there: later looks only test
    pairs that are still open.

    Parameters
    ----------
    scores : sequence of array_like
        For each candidate, one score per seed; higher is better. Those that stopped at an earlier
        look have fewer. A candidate with a NaN has failed.
    margin : float or None
        The largest difference that does not matter, in the unit of the scores. With None, no pair
        counts as equal.
    first, most : int
        Number of seeds at the first and the last look. At least 5 are needed for any verdict.

    Returns
    -------
    Standing

    Examples
    --------
    >>> from braintools_qps._statistics import standing
    >>> scores = [[0.91, 0.89, 0.92, 0.90, 0.91], [0.31, 0.29, 0.32, 0.33, 0.28]]
    >>> standing(scores, margin=0.01, first=5, most=40)
    Standing(lower=(False, True), open=(), settled=True, next=8)
    """
    runs = [np.asarray(row, np.float64) for row in scores]
    lower = np.array([bool(np.isnan(row).any()) for row in runs], bool)
    equal = np.eye(len(runs), dtype=bool)
    before, looks = 0, _looks(first, most)
    for look in (*looks, None):
        unknown = ~equal & ~lower & ~lower[:, None]
        still = np.flatnonzero(unknown.any(axis=1))
        if not len(still) or look is None or min(len(runs[row]) for row in still) < look:
            break
        pairs, spent = paired([runs[row][:look] for row in still]), (look - before) / looks[-1]
        lower[still] |= (pairs.mean + pairs.half(spent) < -pairs.rounding).any(axis=1)
        if margin is not None:  # each of the two tests has the whole error
            half = pairs.half(2 * spent, together=False)
            equal[np.ix_(still, still)] |= np.abs(pairs.mean) + half <= margin
        before = look
    after = next((look for look in looks if look > before), most)
    return Standing(tuple(map(bool, lower)), tuple(map(int, still)), not len(still), after)


class Paired(NamedTuple):
    """Differences between all pairs of candidates: row minus column."""

    mean: np.ndarray
    standard_error: np.ndarray
    seeds: int
    rounding: float  # smaller differences are those of float32

    @property
    def spread(self) -> float:
        """Standard deviation over seeds of a paired difference: the root mean square of all."""
        errors = self.standard_error[np.triu_indices(len(self.mean), 1)]
        return math.sqrt(self.seeds * float(np.mean(errors**2)))

    def half(self, spent: float = 1.0, *, together: bool = True) -> np.ndarray:
        """Half of the width of intervals that hold together but for this part of the error of 5%.

        With two candidates, and for each pair by itself, they are those of the paired t test. With
        more they are Tukey's, from the studentised range with 1.5 (n - 1) degrees of freedom.
        """
        candidates, error = len(self.mean) if together else 2, spent * (1 - LEVEL)
        return _quantile(candidates, self.seeds, error) * self.standard_error


def paired(scores: Sequence[ArrayLike]) -> Paired:
    """Return the paired differences of scores of shape (candidates, seeds).

    With three candidates or more, the variance of a pair that is smaller than the mean of all pairs
    is drawn half way up to it, since few seeds often have too small a variance by chance. That mean
    counts as three times the lower quartile at most, so that a candidate that varies much does not
    widen all intervals.
    """
    runs = np.array(scores, np.float64)
    differences = runs[:, None] - runs
    variances = differences.var(axis=2, ddof=1)
    if len(runs) > 2:
        each = variances[np.triu_indices(len(runs), 1)]
        usual = min(each.mean(), LARGEST_MEAN * np.quantile(each, 0.25))
        variances = np.maximum(variances, (variances + usual) / 2)
    seeds, rounding = runs.shape[1], ROUNDING * float(np.abs(runs).max())
    return Paired(differences.mean(axis=2), np.sqrt(variances / seeds), seeds, rounding)


@lru_cache(maxsize=1024)
def _quantile(candidates: int, seeds: int, error: float) -> float:
    """Half of an interval in standard errors of a paired difference."""
    if candidates == 2:
        return float(stats.t.isf(error / 2, seeds - 1))
    wide = stats.studentized_range.isf(error, candidates, FREEDOM * (seeds - 1))
    return float(wide) / math.sqrt(2)


def _looks(first: int, most: int) -> list[int]:
    """Numbers of seeds at which a verdict is looked for; none where there are too few."""
    begin = max(first, LEAST_SEEDS)
    between = [look for look in LOOKS if begin < look < most]
    return [begin, *between, most][: 1 if begin == most else None] if begin <= most else []


def differences(scores: Sequence[ArrayLike], best: int, *, first: int, most: int) -> list[Interval]:
    """Return for each candidate its paired difference from the best, whose row is given.

    Intervals hold for all pairs together at the last look that both were part of; before the first
    look there are none. ``first`` and ``most`` are those of `standing`.
    """
    runs = [np.asarray(row, np.float64) for row in scores]
    looks = [0, *_looks(first, most)]
    return [_difference(runs, row, best, looks) for row in range(len(runs))]


def _difference(runs: Sequence[np.ndarray], row: int, best: int, looks: Sequence[int]) -> Interval:
    seeds = min(len(runs[row]), len(runs[best]))
    mean = float(np.mean(runs[row][:seeds] - runs[best][:seeds])) if seeds else math.nan
    done = max((look for look in looks if look <= seeds), default=0)
    if math.isnan(mean) or row == best or not done:
        return Interval(mean, None, None)
    sound = [n for n, run in enumerate(runs) if len(run) >= seeds and not np.isnan(run).any()]
    pairs = paired([runs[n][:seeds] for n in sound])
    spent = (done - looks[looks.index(done) - 1]) / looks[-1]
    half = float(pairs.half(spent)[sound.index(row), sound.index(best)])
    return Interval(mean, mean - half, mean + half)


def more_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the seeds that were given, and after them the integers above the largest."""
    largest = max(seeds)
    return (*seeds, *range(largest + 1, largest + 1 + count - len(seeds)))


def seeds_needed(std: float, difference: float, *, candidates: int = 2) -> int:
    r"""Return about how many seeds show a difference, with a power of 80%.

    It is the smallest :math:`n \ge 5` with :math:`n \ge ((q_n + z) s / d)^2`, where :math:`q_n` is
    half of an interval in standard errors, :math:`z` the 80% quantile of the normal distribution,
    :math:`s` the standard deviation and :math:`d` the difference.

    Parameters
    ----------
    std : float
        Standard deviation over seeds of the paired difference.
    difference : float
        The difference to show, in the unit of ``std``.
    candidates : int
        How many candidates are compared.

    Returns
    -------
    int
        At most 100,000.

    Examples
    --------
    >>> from braintools_qps._statistics import seeds_needed
    >>> seeds_needed(std=1.5, difference=1.0)
    20
    """
    enough = lambda n: ((_quantile(candidates, n, 1 - LEVEL) + POWER) * std / difference) ** 2
    seeds = max(LEAST_SEEDS, math.ceil(min(enough(MANY), MANY)))
    while seeds < min(enough(seeds), MANY):
        seeds += 1
    return seeds

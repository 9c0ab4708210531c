"""Statistics of scores from a few seeds: who is clearly lower, who is equal, how many more seeds.

Start with `standing`. `paired` has the intervals of all pairs that it tests, `looks_at` says which
part of the error of 5% a look spends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
ROUNDING = 1e-6  # of scores, which come in float32
UNBOUNDED = (-math.inf, math.inf)
LEAST_SEEDS = 5  # for any verdict
MOST_SEEDS = 160  # that are proposed
FREEDOM = 1.5  # degrees of the studentised range for each seed but one
LARGEST_MEAN = 3.0  # of variances, in lower quartiles
SUCCESS = 0.8  # of a look that is proposed
DRAWS = 100  # of further scores
NEAR, LIKE_GUESSING = 0.1, 0.5  # parts of the way from guessing to the best score


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


class Look(NamedTuple):
    """A look at the scores after a number of seeds."""

    seeds: int
    spent: float  # the part of the error of 5% that it spends


def looks_at(numbers: Iterable[int]) -> tuple[Look, ...]:
    r"""Return looks after these numbers of seeds, in the order in which they were made.

    After :math:`n` seeds, :math:`n / (n + 5)` of the error of 5% is spent, however many looks there
    were: a look gets what those before it have left of that. So all looks together keep the 5%,
    also if nobody has planned them. A look that would get nothing is left out.

    Examples
    --------
    >>> from braintools_qps._statistics import looks_at
    >>> looks_at([5, 20])
    (Look(seeds=5, spent=0.5), Look(seeds=20, spent=0.3...))
    """
    looks = [Look(0, 0.0)]
    spent = lambda seeds: seeds / (seeds + LEAST_SEEDS)
    for seeds in numbers:
        if seeds >= LEAST_SEEDS and seeds > (before := looks[-1].seeds):
            looks.append(Look(seeds, spent(seeds) - spent(before)))
    return tuple(looks[1:])


def next_look(seeds: int, most: int) -> int:
    """Number of seeds at the next look: twice as many, or all where few would be left then."""
    return 2 * seeds if 3 * seeds <= most else most


class Lower(NamedTuple):
    """Why a candidate is lower."""

    other: int  # the row that it is below
    difference: float  # its mean paired difference from that
    seeds: int


class Standing(NamedTuple):
    """What is known about candidates. Rows are those of the scores."""

    lower: tuple[bool, ...]  # row by row: clearly below another candidate, or failed
    open: tuple[int, ...]  # rows that need more seeds
    settled: bool  # every pair is told apart, or equal within the margin
    below: Mapping[int, Lower]  # by row, for those that are clearly below another


def standing(
    scores: Sequence[ArrayLike] | np.ndarray, looks: Sequence[Look], *, margin: float | None
) -> Standing:
    """Say which candidates are clearly lower, and which need more seeds.

    At each look, a candidate is lower if the interval of its paired difference from any other lies
    below 0. Two are equal if two one-sided t tests find the difference within the margin. Both stop
    there: later looks only test pairs that are still open.

    Parameters
    ----------
    scores : sequence of array_like
        For each candidate, one score per seed; higher is better. Those that stopped at an earlier
        look have fewer. A candidate with a NaN has failed.
    looks : sequence of Look
        Those that were made, as `looks_at` gives them.
    margin : float or None
        The largest difference that does not matter, in the unit of the scores. With None, no pair
        counts as equal.

    Returns
    -------
    Standing

    Examples
    --------
    >>> from braintools_qps._statistics import looks_at, standing
    >>> scores = [[0.91, 0.89, 0.92, 0.90, 0.91], [0.31, 0.29, 0.32, 0.33, 0.28]]
    >>> found = standing(scores, looks_at([5]), margin=0.01)
    >>> found.lower, found.settled
    ((False, True), True)
    """
    runs = [np.asarray(row, np.float64) for row in scores]
    lower = np.array([bool(np.isnan(row).any()) for row in runs], bool)
    equal, below = np.eye(len(runs), dtype=bool), {}
    unknown = lambda: np.flatnonzero((~equal & ~lower & ~lower[:, None]).any(axis=1))
    for look in looks:
        still = unknown()
        if not len(still) or min(len(runs[row]) for row in still) < look.seeds:
            break
        pairs = paired([runs[row][: look.seeds] for row in still])
        told = pairs.mean + pairs.half(look.spent) < -pairs.rounding
        for row in np.flatnonzero(told.any(axis=1)):
            other = int(np.where(told[row], pairs.mean[row], 0.0).argmin())
            difference = float(pairs.mean[row, other])
            below[int(still[row])] = Lower(int(still[other]), difference, look.seeds)
            lower[still[row]] = True
        if margin is not None:  # each of the two tests has the whole error
            half = pairs.half(2 * look.spent, together=False)
            equal[np.ix_(still, still)] |= np.abs(pairs.mean) + half <= margin
    still = unknown()
    return Standing(tuple(map(bool, lower)), tuple(map(int, still)), not len(still), below)


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


def paired(scores: Sequence[ArrayLike] | np.ndarray) -> Paired:
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


def differences(scores: Sequence[ArrayLike], best: int, looks: Sequence[Look]) -> list[Interval]:
    """Return for each candidate its paired difference from the best, whose row is given.

    Intervals hold for all pairs together at the last look that both were part of; before the first
    look there are none.
    """
    runs = [np.asarray(row, np.float64) for row in scores]
    return [_difference(runs, row, best, looks) for row in range(len(runs))]


def _difference(runs: Sequence[np.ndarray], row: int, best: int, looks: Sequence[Look]) -> Interval:
    seeds = min(len(runs[row]), len(runs[best]))
    mean = float(np.mean(runs[row][:seeds] - runs[best][:seeds])) if seeds else math.nan
    spent = next((look.spent for look in reversed(looks) if look.seeds <= seeds), None)
    if math.isnan(mean) or row == best or spent is None:
        return Interval(mean, None, None)
    sound = [n for n, run in enumerate(runs) if len(run) >= seeds and not np.isnan(run).any()]
    pairs = paired([runs[n][:seeds] for n in sound])
    half = float(pairs.half(spent)[sound.index(row), sound.index(best)])
    return Interval(mean, mean - half, mean + half)


def more_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the seeds that were given, and after them the integers above the largest."""
    largest = max(seeds)
    return (*seeds, *range(largest + 1, largest + 1 + count - len(seeds)))


def seeds_needed(
    scores: Sequence[ArrayLike] | np.ndarray, looks: Sequence[Look], *, margin: float | None
) -> int | None:
    """Return the number of seeds at which the candidates are likely settled: in 80% of the cases.

    Scores of further seeds are drawn 100 times, from normal distributions whose means and spread
    are as uncertain as the known scores leave them, and are looked at as `compare` would. Before
    any score is known, means are believed to differ by about the margin: what has not been told
    apart would otherwise seem farther apart than it is.

    Parameters
    ----------
    scores : array_like
        Scores of the candidates that are open, of shape (candidates, seeds).
    looks, margin
        As for `standing`. The looks end at these seeds.

    Returns
    -------
    int or None
        None if it takes more than 160.
    """
    known = np.array(scores, np.float64)
    candidates, seeds = known.shape
    freedom = seeds - 1 if candidates == 2 else FREEDOM * (seeds - 1)
    numbers, rng = [*(look.seeds for look in looks), seeds], np.random.default_rng(0)
    half = paired(scores).spread / math.sqrt(2)  # of the difference is each candidate's own
    spreads = half * np.sqrt(freedom / rng.chisquare(freedom, (DRAWS, 1, 1)))
    believed = 1 / (1 + spreads**2 / (seeds * (margin or math.inf) ** 2))
    centre, means = known.mean(), known.mean(axis=1)[:, None]
    means = centre + believed * (means - centre)
    means = rng.normal(means, np.sqrt(believed / seeds) * spreads)
    drawn = rng.normal(means, spreads, (DRAWS, candidates, MOST_SEEDS))
    while 2 * seeds <= MOST_SEEDS:
        seeds *= 2
        numbers.append(seeds)
        whole = (np.hstack([known, more])[:, :seeds] for more in drawn)
        ends = [standing([*each], looks_at(numbers), margin=margin).settled for each in whole]
        if np.mean(ends) >= SUCCESS:
            return seeds
    return None


def near_guessing(scores: Sequence[ArrayLike], guess: float, noise: float) -> list[int]:
    """Count the runs of each candidate that score like guessing.

    Near is within the noise of one score, or within a tenth of the way from guessing to the best
    candidate, but never more than half of it. If not even the best one is above the noise, all are.
    """
    runs = [np.asarray(row, np.float64) for row in scores]
    best = max(runs, key=np.median)
    way = float(np.median(best)) - guess
    near = min(max(noise, NEAR * way), LIKE_GUESSING * way)
    limit = guess + near if way > noise / math.sqrt(len(best)) else math.inf
    return [int(np.sum(row <= limit)) for row in runs]

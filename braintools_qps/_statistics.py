"""What can be said about scores from a few seeds: intervals, paired differences, seeds needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ._checks import MOST_SEEDS

LEVEL = 0.95
POWER = 0.8
ROUNDING = 1e-6  # of scores, which come in float32


class Interval(NamedTuple):
    """A mean and where it lies with 95% confidence.

    ``low`` and ``high`` are None where nothing is known of how values vary: of one seed, and of two
    that give the same.
    """

    mean: float
    low: float | None
    high: float | None

    @property
    def includes_zero(self) -> bool:
        """Whether the mean cannot be told from 0; without limits it never can."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


class FromBest(NamedTuple):
    """All candidates beside the one with the highest mean score."""

    best: int
    differences: tuple[Interval, ...]  # candidate minus best; 0 for the best itself
    indistinguishable: tuple[bool, ...]  # from the best, which is so from itself


def summary(values: ArrayLike, *, comparisons: int = 1) -> Interval:
    r"""Return the mean over seeds with its t interval.

    The interval is mean :math:`\pm\, t\, s / \sqrt n`, with :math:`s` the standard deviation over
    :math:`n` seeds and :math:`t` the quantile of Student's distribution with :math:`n - 1` degrees
    of freedom. It takes the scores to be roughly normal. Scores that count samples are not, and two
    of them are often equal: there is no interval then, as it would have no width.

    Parameters
    ----------
    values : array_like
        One score for each seed, of shape (seeds,).
    comparisons : int
        How many intervals are to hold together with 95% confidence (Bonferroni).

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
    """
    values = np.asarray(values, np.float64)
    return _interval(values, comparisons, float(np.abs(values).max()))


def _interval(values: np.ndarray, comparisons: int, size: float) -> Interval:
    """Of values that were rounded as numbers of that size."""
    mean = float(values.mean())
    if len(values) < 2 or (len(values) == 2 and np.ptp(values) <= ROUNDING * size):
        return Interval(mean, None, None)
    half = _quantile(len(values), comparisons) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def paired_difference(candidate: ArrayLike, best: ArrayLike, *, comparisons: int = 1) -> Interval:
    """Return the mean of ``candidate - best`` over seeds that both were trained with.

    What a seed does to both of them cancels, so this interval is narrower than the candidates' own
    intervals suggest: two that overlap may well be told apart.

    Parameters
    ----------
    candidate, best : array_like
        Scores of shape (seeds,), of the same seeds in the same order.
    comparisons : int
        As for `summary`.

    Returns
    -------
    Interval
    """
    both = np.array([candidate, best], np.float64)
    return _interval(both[0] - both[1], comparisons, float(np.abs(both).max()))


def from_best(scores: ArrayLike) -> FromBest:
    r"""Compare every candidate with the one of the highest mean.

    Each of the :math:`k - 1` paired intervals, of :math:`k` candidates that have a score, has the
    level :math:`1 - 0.05/(k - 1)` (Bonferroni). This corrects for the number of candidates, and
    also for the choice of the best by the same scores: the candidate that is truly best is left out
    only if it falls significantly behind some other one, and with 95% confidence it does so behind
    none of the :math:`k - 1`. So with 95% confidence it is among those that are called
    indistinguishable (subset selection, Gupta 1965; multiple comparisons with the best, Hsu 1984).

    What is not corrected: the highest of several means is somewhat too high (the winner's curse),
    so differences from it are somewhat too large; and that a candidate cannot be told from the best
    does not say that the two are equal.

    Parameters
    ----------
    scores : array_like
        Higher is better, of shape (candidates, seeds). A candidate with a NaN has failed: it is
        neither the best nor indistinguishable from it.

    Returns
    -------
    FromBest
    """
    scores = np.asarray(scores, np.float64)
    means = scores.mean(axis=1)
    best = int(np.argmax(np.where(np.isnan(means), -np.inf, means)))
    comparisons = max(1, int(np.sum(~np.isnan(means))) - 1)
    differences = tuple(
        paired_difference(one, scores[best], comparisons=comparisons) for one in scores
    )
    same = (d.includes_zero and not math.isnan(d.mean) for d in differences)
    return FromBest(best, differences, tuple(same))


def seeds_to_tell(
    std: float, difference: float, power: float = POWER, *, comparisons: int = 1
) -> int:
    r"""Return the smallest number of seeds that tells a difference with this power.

    The power of a paired t test at a difference :math:`d` is the probability that a noncentral t
    variable with :math:`n - 1` degrees of freedom and noncentrality :math:`d \sqrt n / s` lies
    outside of :math:`\pm t`.

    Parameters
    ----------
    std : float
        Standard deviation over seeds of the paired difference.
    difference : float
        What is to be told from 0, in the unit of ``std``.
    power : float
        Share of repetitions in which it would be found.
    comparisons : int
        As for `summary`.

    Returns
    -------
    int
        2 at least, and never more than a million.

    Raises
    ------
    ValueError
        If ``difference`` is not positive.

    Examples
    --------
    >>> from braintools_qps._statistics import seeds_to_tell
    >>> seeds_to_tell(std=1.5, difference=1.0)
    20
    """
    if not difference > 0:
        raise ValueError(f"difference must be > 0, got {difference}. Pass the least that matters")
    if std == 0:
        return 2
    enough = lambda seeds: _power(difference / std, seeds, comparisons) >= power
    low, high = 1, 2
    while not enough(high) and high < MOST_SEEDS:
        low, high = high, min(2 * high, MOST_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sentence(
    labels: Sequence[str], scores: ArrayLike, *, difference: float = 0.01, words: str = "1 point"
) -> str:
    """Say which candidates cannot be told from the best, and how many seeds would tell more.

    With two seeds it is not said how many: their standard deviation may be a thirtieth of the true
    one.

    Parameters
    ----------
    labels : sequence of str
        Names of the candidates.
    scores : array_like
        Of shape (candidates, seeds); higher is better.
    difference : float
        A difference that matters, in the unit of the scores; ``words`` says it.

    Returns
    -------
    str
        Empty for fewer than two candidates.

    Examples
    --------
    >>> from braintools_qps._statistics import sentence
    >>> scores = [[0.91, 0.89, 0.92], [0.9, 0.9, 0.91], [0.3, 0.29, 0.31]]
    >>> sentence(["Sigmoid", "S2NN", "Arctan"], scores)
    '2 of 3 candidates cannot be told from the highest mean with 3 seeds: Sigmoid and S2NN; ...'
    """
    scores = np.asarray(scores, np.float64)
    if len(scores) < 2:
        return ""
    found = from_best(scores)
    leading = [row for row, same in enumerate(found.indistinguishable) if same]
    seeds = scores.shape[1]
    if seeds < 2:
        return f"With one seed none of the {len(scores)} candidates can be told apart."
    if len(leading) < 2:
        return f"{labels[found.best]} can be told from all others with {seeds} seeds."
    others = [row for row in leading if row != found.best]
    needed = _needed(scores[others] - scores[found.best], len(scores) - 1, difference, words)
    *names, last = (labels[row] for row in leading)
    return (
        f"{len(leading)} of {len(scores)} candidates cannot be told from the highest mean with "
        f"{seeds} seeds: {', '.join(names)} and {last}; {needed}."
    )


def _needed(differences: np.ndarray, comparisons: int, difference: float, words: str) -> str:
    """How many seeds would tell more, by how much the differences of some candidates vary."""
    if not differences.any():
        return "their scores are the same with every seed"
    if differences.shape[1] <= 2:
        return "two seeds are too few to say how many it takes"
    std = float(np.sqrt(np.mean(np.var(differences, axis=1, ddof=1))))
    needed = seeds_to_tell(std, difference, comparisons=comparisons)
    return f"to tell a difference of {words} takes about {needed:,}"


def _quantile(seeds: int, comparisons: int) -> float:
    return float(stats.t.isf((1 - LEVEL) / 2 / comparisons, seeds - 1))


def _power(effect: float, seeds: int, comparisons: int) -> float:
    """Power of a two-sided paired t test at a difference of ``effect`` standard deviations.

    The square of a noncentral t variable is a noncentral F variable. Unlike scipy's noncentral t,
    its F does not break down far out.
    """
    square = _quantile(seeds, comparisons) ** 2
    noncentrality = effect**2 * seeds
    if noncentrality == 0:
        return (1 - LEVEL) / comparisons
    return float(stats.ncf.sf(square, 1, seeds - 1, noncentrality))

"""Statistics of scores from a few seeds: intervals, a ranking with its noise, seeds needed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ._checks import MOST_SEEDS

LEVEL = 0.95
POWER = 0.8
ROUNDING = 1e-6  # of scores, which come in float32
UNBOUNDED = (-math.inf, math.inf)
MOST_NAMES = 4  # in a sentence
LEAST_SEEDS = 5  # for any verdict
LOOKS = (5, 8, 13, 20, 32, 50)  # numbers of seeds
FREEDOM, LARGEST_MEAN = 1.5, 3.0  # of the studentised range, and of a mean in lower quartiles


class Unit(NamedTuple):
    """How scores are written."""

    factor: float = 1.0
    form: str = "{:.3g}"
    name: str = ""  # of a difference

    def number(self, value: float) -> str:
        """The number alone."""
        return self.form.format(self.factor * value)

    def __call__(self, value: float) -> str:
        """The number with its unit, as "1 point"."""
        return self._named(self.number(value))

    def span(self, low: float, high: float) -> str:
        """From one number to another."""
        return self._named(f"{self.number(low)} to {self.number(high)}")

    def _named(self, text: str) -> str:
        one = text in ("1", "1.0")
        return f"{'1' if one else text} {self.name}{'s' * (not one)}" if self.name else text


POINTS = Unit(100.0, "{:.1f}", "point")


class Interval(NamedTuple):
    """A mean with its 95% confidence interval.

    ``low`` and ``high`` are None if the spread is unknown: one seed, or two equal values.
    """

    mean: float
    low: float | None
    high: float | None

    @property
    def includes_zero(self) -> bool:
        """Whether 0 is in the interval; True where the interval is unknown."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


class Ranking(NamedTuple):
    """Candidates by their mean score. Rows are those of the scores."""

    order: tuple[int, ...]  # rows, the best first, those that failed last
    differences: tuple[Interval, ...]  # row by row: score minus that of the best
    tied: tuple[bool, ...]  # row by row: within noise of the best; True for the best
    mutual: bool  # whether all tied ones are also within noise of each other


def summary(
    values: ArrayLike, *, comparisons: int = 1, bounds: tuple[float, float] = UNBOUNDED
) -> Interval:
    r"""Return the mean over seeds with its t interval.

    The interval is mean :math:`\pm\, t\, s / \sqrt n`, with :math:`s` the standard deviation over
    :math:`n` seeds and :math:`t` the quantile of Student's distribution with :math:`n - 1` degrees
    of freedom. It assumes that scores are roughly normal. Two accuracies are often equal, because
    they count samples; then there is no interval, which would have no width.

    Parameters
    ----------
    values : array_like
        One score for each seed, of shape (seeds,).
    comparisons : int
        How many intervals must hold together with 95% confidence (Bonferroni).
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
    return _interval(values, comparisons, float(np.abs(values).max()), bounds)


def _interval(
    values: np.ndarray, comparisons: int, size: float, bounds: tuple[float, float]
) -> Interval:
    """The interval of values whose rounding errors are those of numbers of a given size."""
    mean = float(values.mean())
    if len(values) < 2 or (len(values) == 2 and np.ptp(values) <= ROUNDING * size):
        return Interval(mean, None, None)
    half = _student(len(values), comparisons) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, *map(float, np.clip([mean - half, mean + half], *bounds)))


def paired_difference(
    candidate: ArrayLike,
    best: ArrayLike,
    *,
    comparisons: int = 1,
    bounds: tuple[float, float] = UNBOUNDED,
) -> Interval:
    """Return the mean of ``candidate - best`` over seeds that both were trained with.

    The effect of a seed on both cancels, so this interval is narrower than their own suggest:
    candidates with overlapping intervals may still differ. Options are those of `summary`.
    """
    both = np.array([candidate, best], np.float64)
    widest = bounds[0] - bounds[1], bounds[1] - bounds[0]
    return _interval(both[0] - both[1], comparisons, float(np.abs(both).max()), widest)


def pairs(candidates: int) -> int:
    """The number of pairs of candidates."""
    return candidates * (candidates - 1) // 2


def ranking(scores: ArrayLike, *, bounds: tuple[float, float] = UNBOUNDED) -> Ranking:
    r"""Order candidates by their mean score, and find those within noise of the best.

    Differences are taken from the highest mean, which is known only afterwards. Their intervals are
    therefore wide enough for all :math:`k (k - 1) / 2` pairs of :math:`k` candidates: each has the
    level :math:`1 - 0.05 / (k (k - 1) / 2)`, and together they hold with 95% confidence
    (Bonferroni). If all candidates are truly equal, at most 5% of comparisons find a difference.
    Each pair has its own standard deviation, because some candidates vary more than others.

    Two caveats: the highest of several means is somewhat too high (the winner's curse), so
    differences from it are somewhat too large. And a candidate within noise of the best need not
    be equal to it.

    ``scores`` have the shape (candidates, seeds); higher is better. A candidate with a NaN has
    failed: it comes last, and is not tied.
    """
    scores = np.asarray(scores, np.float64)
    means = scores.mean(axis=1)
    order = np.argsort(-np.where(np.isnan(means), -np.inf, means), kind="stable")
    best = order[0]
    options: Any = {"comparisons": max(1, pairs(np.sum(~np.isnan(means)))), "bounds": bounds}
    difference = lambda one, other: paired_difference(scores[one], scores[other], **options)
    differences = tuple(difference(row, best) for row in range(len(scores)))
    tied = tuple(bool(d.includes_zero and not math.isnan(d.mean)) for d in differences)
    group = np.flatnonzero(tied)
    mutual = all(difference(*two).includes_zero for two in itertools.combinations(group, 2))
    return Ranking(tuple(map(int, order)), differences, tied, mutual)


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
    look at :math:`n` seeds spends the share :math:`(n - n') / N` of the error of 5%, where
    :math:`n'` is the look before and :math:`N` is ``most``. At each look, a candidate is lower if
    the interval of its paired difference from any other lies below 0; two are equal if it lies
    within the margin. Both stop there: later looks only test pairs that are still open.

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
        pairs, share = paired([runs[row][:look] for row in still]), (look - before) / looks[-1]
        lower[still] |= (pairs.mean + pairs.half(share) < -pairs.rounding).any(axis=1)
        if margin is not None:  # two one-sided tests, each with the whole error
            equal[np.ix_(still, still)] |= np.abs(pairs.mean) + pairs.half(2 * share) <= margin
        before = look
    after = next((look for look in looks if look > before), most)
    return Standing(tuple(map(bool, lower)), tuple(map(int, still)), not len(still), after)


class Paired(NamedTuple):
    """Differences between all pairs of candidates: row minus column."""

    mean: np.ndarray
    standard_error: np.ndarray
    seeds: int
    rounding: float  # smaller differences are those of float32

    def half(self, share: float = 1.0) -> np.ndarray:
        """Half of the width of intervals that hold together but for a share of the error of 5%.

        With two candidates they are those of the paired t test. With more they are Tukey's, from
        the studentised range with 1.5 (n - 1) degrees of freedom.
        """
        error = share * (1 - LEVEL)
        return _quantile(len(self.mean), self.seeds, error) * self.standard_error


def paired(scores: Sequence[ArrayLike]) -> Paired:
    """Return the paired differences of scores of shape (candidates, seeds).

    With three candidates or more, the variance of a pair that is smaller than the mean of all pairs
    is drawn half way up to it, since few seeds often have too small a variance by chance. That mean
    counts as three times the lower quartile at most, so that a candidate that varies much does not
    widen all intervals.
    """
    scores = np.array(scores, np.float64)
    differences = scores[:, None] - scores
    variances = differences.var(axis=2, ddof=1)
    if len(scores) > 2:
        each = variances[np.triu_indices(len(scores), 1)]
        usual = min(each.mean(), LARGEST_MEAN * np.quantile(each, 0.25))
        variances = np.maximum(variances, (variances + usual) / 2)
    seeds = scores.shape[1]
    rounding = ROUNDING * float(np.abs(scores).max())
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


def seeds_to_tell(
    std: float, difference: float, power: float = POWER, *, comparisons: int = 1
) -> int:
    r"""Return the smallest number of seeds that shows a difference with this power.

    The power of a paired t test at a difference :math:`d` is the probability that a noncentral t
    variable with :math:`n - 1` degrees of freedom and noncentrality :math:`d \sqrt n / s` lies
    outside of :math:`\pm t`.

    Parameters
    ----------
    std : float
        Standard deviation over seeds of the paired difference.
    difference : float
        The difference to show, in the unit of ``std``.
    power : float
        Probability of finding it.
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
        raise ValueError(
            f"difference must be > 0, got {difference}. Pass the smallest that matters"
        )
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
    labels: Sequence[str], scores: ArrayLike, *, difference: float = 0.01, unit: Unit = POINTS
) -> str:
    """Say which candidate is best, which are within noise of it, and how far the others are.

    With three seeds or more it also says how many seeds would show a difference that matters. Two
    seeds are too few for that: their standard deviation may be a thirtieth of the true one.

    Parameters
    ----------
    labels : sequence of str
        Names of the candidates.
    scores : array_like
        Of shape (candidates, seeds), all finite; higher is better.
    difference : float
        A difference that matters, in the unit of the scores.
    unit : Unit
        How differences are written.

    Returns
    -------
    str
        Empty for fewer than two candidates.

    Examples
    --------
    >>> from braintools_qps._statistics import sentence
    >>> scores = [[0.91, 0.89, 0.92], [0.9, 0.9, 0.91], [0.3, 0.29, 0.31]]
    >>> sentence(["Sigmoid", "S2NN", "Arctan"], scores)
    'Sigmoid and S2NN are within noise of each other; Arctan is 60.7 points lower. About 17 ...'
    """
    scores = np.asarray(scores, np.float64)
    if len(scores) < 2:
        return ""
    seeds = scores.shape[1]
    found = ranking(scores)
    if seeds < 2:
        first = labels[found.order[0]]
        return f"{first} is highest, but one seed cannot tell {len(scores)} candidates apart."
    level, lower = ([row for row in found.order if found.tied[row] is t] for t in (True, False))
    best, *near = (labels[row] for row in level)
    others = _behind([labels[r] for r in lower], [-found.differences[r].mean for r in lower], unit)
    if not near:
        return f"{best} is best: {others}."
    if found.mutual:
        first = f"{listed([best, *near])} are within noise of each other"
    else:
        first = f"{best} is highest, with {listed(near)} within noise of it"
    needed = _needed(scores[level[1:]] - scores[level[0]], pairs(len(scores)), difference, unit)
    return f"{first}{'; ' * bool(others)}{others}. {needed}."


def _behind(names: Sequence[str], behind: Sequence[float], unit: Unit) -> str:
    """How far candidates are below the best; for many, only the range."""
    if len(names) > MOST_NAMES:
        return f"the other {len(names)} are {unit.span(min(behind), max(behind))} lower"
    return ", ".join(f"{name} is {unit(size)} lower" for name, size in zip(names, behind))


def listed(names: Sequence[str]) -> str:
    """Names with "and" before the last; of many names, the first few and how many more."""
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} more"]
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _needed(differences: np.ndarray, comparisons: int, difference: float, unit: Unit) -> str:
    """How many seeds would show a difference, from how much the measured differences vary."""
    seeds = differences.shape[1]
    if not differences.any():
        return "Their scores are the same with every seed"
    if seeds <= 2:
        return "Two seeds are too few to say how many are needed"
    std = float(np.sqrt(np.mean(np.var(differences, axis=1, ddof=1))))
    needed = seeds_to_tell(std, difference, comparisons=comparisons)
    if needed <= seeds:
        return f"A difference of {unit(difference)} would have shown"
    shown = f"a true difference of {unit(difference)}"
    return f"About {needed:,} seeds (--seeds {needed}) would show {shown}"


def _student(seeds: int, comparisons: int) -> float:
    return float(stats.t.isf((1 - LEVEL) / 2 / comparisons, seeds - 1))


def _power(effect: float, seeds: int, comparisons: int) -> float:
    """Power of a two-sided paired t test at a difference of ``effect`` standard deviations.

    The square of a noncentral t variable is a noncentral F variable. Unlike scipy's noncentral t,
    its F does not break down far out.
    """
    square = _student(seeds, comparisons) ** 2
    noncentrality = effect**2 * seeds
    if noncentrality == 0:
        return (1 - LEVEL) / comparisons
    return float(stats.ncf.sf(square, 1, seeds - 1, noncentrality))

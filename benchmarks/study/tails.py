"""Does the tail still matter with a dampening of its own, and does that grow with difficulty?"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr, studentized_range

from .data import own, problems
from .design import SPREAD
from .intervals import Effect, bootstrap, over
from .picks import FREEDOMS
from .store import Store


class Spread(NamedTuple):
    """Differences between tails on one problem, in points."""

    labels: tuple[str, ...]
    scores: np.ndarray  # by tail and seed
    spread: Effect  # highest mean less lowest; the interval is over seeds
    by_chance: float  # what the spread exceeds in 5% of cases where tails are equal (Tukey)
    sd: float  # of the tails' means, without what seeds add to it


def spread(scores: np.ndarray, labels: tuple[str, ...] = ()) -> Spread:
    """How far apart tails are, and how far chance alone would put them."""
    span = lambda rows: float(np.ptp(scores[:, rows].mean(axis=1)))
    residual = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    tails, seeds = scores.shape
    noise = (residual**2).sum() / ((tails - 1) * (seeds - 1)) / seeds
    sd = float(np.sqrt(max(0.0, scores.mean(axis=1).var(ddof=1) - noise)))
    by_chance = _largest_range(tails, (tails - 1) * (seeds - 1)) * float(np.sqrt(noise))
    return Spread(labels, scores, bootstrap(span, seeds), by_chance, sd)


@cache
def _largest_range(items: int, freedom: int) -> float:
    """What the studentized range exceeds in 5% of cases."""
    return float(studentized_range.ppf(0.95, items, freedom))


def spreads(store: Store, freedom: str) -> dict[str, Spread]:
    """For each problem on which the six tails of the common grid were reported."""
    found = {}
    for problem in problems(store):
        scores = [own(store, problem, name, freedom) for name in SPREAD]
        if all(one is not None for one in scores):
            fewest = min(len(one) for one in scores)
            found[problem.label] = spread(np.stack([one[:fewest] for one in scores]), SPREAD)
    return found


@cache  # of a store to which nothing is added
def all_spreads(store: Store) -> dict[str, dict[str, Spread]]:
    """By freedom and problem."""
    return {freedom: spreads(store, freedom) for freedom in FREEDOMS}


def difficulty(of_both: dict[str, Spread]) -> dict[str, float]:
    """Points that the best tail misses, by problem."""
    return {label: float(100 - one.scores.mean(axis=1).max()) for label, one in of_both.items()}


def trend(found: dict[str, Spread], hard: dict[str, float]) -> Effect:
    """Rank correlation of spread with difficulty, its interval over problems."""
    labels = [label for label in found if label in hard]
    x = np.array([hard[label] for label in labels])
    y = np.array([found[label].sd for label in labels])
    with np.errstate(all="ignore"):
        return bootstrap(lambda rows: _rank(x[rows], y[rows]), len(labels))


def _rank(x: np.ndarray, y: np.ndarray) -> float:
    if len(set(x)) < 3 or len(set(y)) < 2:
        return np.nan
    return float(spearmanr(x, y).statistic)


def from_thinnest(found: Spread) -> dict[str, Effect]:
    """Each tail less an exponential, paired by seed."""
    return {
        name: over(scores - found.scores[-1])
        for name, scores in zip(found.labels[:-1], found.scores)
    }

"""Which candidate of a comparison is ahead, which are lower, and which runs are at chance level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from .._statistics import LEAST_SEEDS, Interval, at_chance, paired
from .candidate import CandidateResult, ComparisonData

# A score this near to chance level may be chance
STANDARD_ERRORS = 2.0  # of an accuracy
SHARE = 0.05  # of any other score


class Lower(NamedTuple):
    """A candidate that a candidate is clearly below, and the difference from that."""

    than: CandidateResult
    difference: Interval


class Ranking(NamedTuple):
    """The order of the candidates, and what is known about their differences."""

    ranked: tuple[CandidateResult, ...]  # the best first, those that failed last
    tied: tuple[CandidateResult, ...]  # the first, and others that are not lower than any other
    differences: dict[str, Interval]  # from the first, by label
    lower: Mapping[str, Lower]  # by label
    possible_loss: float | None  # None with one candidate, or with fewer than five seeds
    collapsed: Mapping[str, int]  # runs that ended at chance level, by label; empty if not known
    unlearned: frozenset[str]  # labels of candidates all of whose runs did


def ranking(comparison: ComparisonData) -> Ranking:
    """Compare all candidates with each other once, seed by seed.

    The first has the highest mean, so it is not lower than any other.
    """
    sound = [result for result in comparison.results if not result.diverged]
    failed = [result for result in comparison.results if result.diverged]
    collapsed = _collapsed(comparison, sound)
    unlearned = frozenset(r.label for r in sound if 0 < len(r.seeds) == collapsed.get(r.label))
    seeds = min((len(result.scores.test) for result in sound), default=0)
    sound.sort(key=lambda result: -fmean(result.scores.test[:seeds]))
    scores, labels = [r.scores.test[:seeds] for r in sound], [r.label for r in sound]
    means = [Interval(fmean(row) - fmean(scores[0]), None, None) for row in scores]
    order = Ranking(
        ranked=(*sound, *failed),
        tied=tuple(sound),
        differences=dict(zip(labels, means)),
        lower={},
        possible_loss=None,
        collapsed=collapsed,
        unlearned=unlearned,
    )
    if len(sound) < 2 or seeds < LEAST_SEEDS:
        return order
    pairs = paired(scores)

    def difference(row: int, other: int) -> Interval:
        mean, half = float(pairs.mean[row, other]), float(pairs.half[row, other])
        return Interval(mean, mean - half, mean + half)

    others = range(1, len(sound))
    above = {row: rows for row in others if len(rows := np.flatnonzero(pairs.lower[row]))}
    loss = float((pairs.mean + pairs.half)[1:, 0].max())
    return order._replace(
        tied=(sound[0], *(sound[row] for row in others if row not in above)),
        differences=order.differences | {labels[row]: difference(row, 0) for row in others},
        lower={  # than the highest of those above
            labels[row]: Lower(sound[rows[0]], difference(row, rows[0]))
            for row, rows in above.items()
        },
        possible_loss=loss if loss < 0 else max(loss, one_answer(comparison)),
    )


def one_answer(comparison: ComparisonData) -> float:
    """What one test sample adds to an accuracy; 0 for another score, or if it is not known."""
    samples = comparison.task.get("samples", {}).get("test")
    return 1 / samples if samples and comparison.score == "accuracy" else 0.0


def _collapsed(comparison: ComparisonData, sound: Sequence[CandidateResult]) -> dict[str, int]:
    """By label, how many runs ended at chance level; empty where that is not known."""
    chance = comparison.settings.get("guess")
    if chance is None or not sound:
        return {}
    noise = SHARE * abs(chance)
    if comparison.score == "accuracy":
        share = one_answer(comparison) or 1.0
        noise = STANDARD_ERRORS * math.sqrt(chance * (1 - chance) * share)
    counts = at_chance([result.scores.test for result in sound], chance, noise)
    return dict(zip((result.label for result in sound), counts))

"""Who is ahead in a comparison: ranks, differences, collapsed runs, and how many seeds would tell.

`Comparison` has each of them as a property, which says what it means; `_statistics` has the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean as mean
from typing import TYPE_CHECKING

from .. import _statistics
from .._statistics import LEAST_SEEDS, Interval, Look, Standing, looks_at
from .scores import score_of

if TYPE_CHECKING:
    from .candidate import CandidateResult
    from .comparison import Comparison

ENOUGH = 40  # seeds; more are not proposed
NOISE = 2.0  # standard errors of an accuracy, and
PART = 0.05  # of any other score, that tell nothing from guessing


def looked(comparison: Comparison, seeds: tuple[int, ...]) -> Comparison:
    """The same comparison with these seeds, and the look at them."""
    looks = looks_at((*comparison.looks, len(seeds)))
    return replace(comparison, seeds=seeds, looks=tuple(look.seeds for look in looks))


def standing(comparison: Comparison) -> Standing:
    """Which results are lower than another, and which are open, row by row."""
    return _statistics.standing(_scores(comparison), _looks(comparison), margin=comparison.margin)


def margin(comparison: Comparison) -> float | None:
    """The largest difference that does not matter, in the unit of the score."""
    score = score_of(comparison)
    given = comparison.settings.get("margin", score.difference * score.factor)
    return None if given is None else given / score.factor


def tied(comparison: Comparison) -> tuple[CandidateResult, ...]:
    """The results that are not lower than any other, by their means."""
    sound = zip(comparison.results, comparison.standing.lower)
    return _by_mean([result for result, is_lower in sound if not is_lower])


def ranked(comparison: Comparison) -> tuple[CandidateResult, ...]:
    """All results by their means; the best of `tied` is first, though others may be above it."""
    best = next(iter(comparison.tied), None)
    return tuple(sorted(_by_mean(comparison.results), key=lambda result: result is not best))


def differences(comparison: Comparison) -> dict[str, Interval]:
    """Differences from the best, by label."""
    labels = [result.label for result in comparison.results]
    best = labels.index(comparison.best.label)
    by_row = _statistics.differences(_scores(comparison), best, _looks(comparison))
    return dict(zip(labels, by_row))


def collapsed(comparison: Comparison) -> dict[str, int]:
    """How many runs ended near guessing, by label."""
    guess = comparison.settings.get("guess")
    sound = [result for result in comparison.results if not result.diverged]
    if guess is None or not sound:
        return {}
    noise, samples = PART * abs(guess), comparison.task.get("samples", {}).get("test", 1)
    if comparison.score == "accuracy":
        noise = NOISE * math.sqrt(guess * (1 - guess) / samples)
    counts = _statistics.near_guessing([result.scores.test for result in sound], guess, noise)
    return dict(zip((result.label for result in sound), counts))


def seeds_needed(comparison: Comparison) -> int | None:
    """The number of seeds that is proposed; None where none is."""
    scores = _scores(comparison)
    rows = [scores[row] for row in comparison.standing.open]
    shared = min(map(len, rows), default=0)
    known = [row[:shared] for row in rows]
    if not LEAST_SEEDS <= shared < ENOUGH or len({*map(tuple, known)}) == 1:
        return None
    return _statistics.seeds_needed(known, _looks(comparison), margin=comparison.margin)


def _by_mean(results: Sequence[CandidateResult]) -> tuple[CandidateResult, ...]:
    """The best first; those that failed come last."""
    return tuple(sorted(results, key=lambda r: (r.diverged, -mean(r.scores.test or (0.0,)))))


def _scores(comparison: Comparison) -> list[Sequence[float]]:
    """Test scores by result; NaN for one that failed."""
    return [(math.nan,) if r.diverged else r.scores.test for r in comparison.results]


def _looks(comparison: Comparison) -> tuple[Look, ...]:
    """Looks at the seeds; if none is recorded, at those numbers of them that results have."""
    return looks_at(comparison.looks or sorted({*map(len, _scores(comparison))}))

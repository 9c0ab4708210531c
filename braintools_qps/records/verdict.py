"""The verdict of a comparison in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._statistics import LEAST_SEEDS, paired
from .._wording import listed, plural, shortened
from .scores import score_of

if TYPE_CHECKING:
    from .candidate import CandidateResult
    from .comparison import Comparison

MOST_NAMES = 4  # in a sentence
MARK = "="  # may be as good as the best


def verdict(comparison: Comparison) -> str:
    """Which candidate is best, which are equal, or how many seeds would tell."""
    sound = [result for result in comparison.ranked if not result.diverged]
    mute = [result for result in sound if never_learned(comparison, result)]
    ranks = _ranks(comparison, sound) if len(mute) < len(sound) > 1 else ""
    return " ".join(filter(None, (ranks, _unlearned(comparison, mute), _collapses(comparison))))


def never_learned(comparison: Comparison, result: CandidateResult) -> bool:
    """Whether all runs of a candidate ended near guessing."""
    return comparison.collapsed.get(result.label, 0) == len(result.scores.test) > 0


def enough_seeds(comparison: Comparison) -> bool:
    """Whether there are enough seeds for a verdict."""
    return len(comparison.seeds) >= LEAST_SEEDS


def names_of(results: Iterable[CandidateResult], last: str = "and") -> str:
    """The first few labels in a sentence."""
    return listed((shortened(result.label) for result in results), MOST_NAMES, last=last)


def standing_of(comparison: Comparison, result: CandidateResult) -> str:
    """What the verdict says of one candidate, in a word or two; empty if it is alone."""
    if result.diverged:
        return "failed"
    if sum(not other.diverged for other in comparison.results) < 2:
        return ""
    if never_learned(comparison, result):
        return "never learned"
    if not enough_seeds(comparison):
        return "too few seeds"
    tied = [other.label for other in comparison.tied]
    if result.label not in tied:
        return "lower"
    if len(tied) == 1:
        return "best"
    return "equal" if comparison.standing.settled else "not known"


def _ranks(comparison: Comparison, sound: Sequence[CandidateResult]) -> str:
    """The sentences on who is ahead."""
    if not enough_seeds(comparison):
        return _too_few_seeds(comparison, sound)
    tied, lower = comparison.tied, _lower(comparison)
    if len(tied) == 1:
        return f"{names_of(tied)} is best{lower and ': '}{lower}."
    also = f"; {lower}" if lower else ""
    if comparison.standing.settled:
        verb, take = ("are", "either") if len(tied) == 2 else ("are all", "any")
        margin = score_of(comparison).with_unit(comparison.margin or 0.0)
        return f"{names_of(tied)} {verb} equal within {margin}: take {take}{also}."
    known = f"Not known yet whether {names_of(tied, last='or')} is best{also}."
    return f"{known} {_more(comparison)}".rstrip()


def _too_few_seeds(comparison: Comparison, sound: Sequence[CandidateResult]) -> str:
    seeds, (first, second) = len(comparison.seeds), (np.mean(r.scores.test) for r in sound[:2])
    leads = f"{shortened(sound[0].label)} is highest, but " if first > second else ""
    single = "one seed" if leads else "One seed"
    have = single if seeds == 1 else f"{seeds} seeds"
    return (
        f"{leads}{have} cannot tell {len(sound)} candidates apart. It takes {LEAST_SEEDS} or more."
    )


def _lower(comparison: Comparison) -> str:
    """Which candidates are lower than which, and by how much; for many, only the range."""
    results, score = comparison.results, score_of(comparison)
    below = {results[row].label: found for row, found in comparison.standing.below.items()}
    lower = [r for r in comparison.ranked if r.label in below and not never_learned(comparison, r)]
    if len(lower) > MOST_NAMES:
        sizes = [-below[result.label].difference for result in lower]
        return f"the other {len(lower)} are {score.span(min(sizes), max(sizes))} lower"
    least = min(np.mean(result.scores.test) for result in comparison.tied)
    texts = []
    for result in lower:
        other, difference, seeds = below[result.label]
        names = shortened(result.label), shortened(results[other].label)
        why = "paired, " if np.mean(result.scores.test) > least else ""
        size = score.bound(difference)
        texts.append(f"{names[0]} is lower than {names[1]} ({size}, {why}{seeds} seeds)")
    return ", ".join(texts)


def _more(comparison: Comparison) -> str:
    """How many seeds would tell, and the argument that adds them; or what is known without."""
    seeds = len(comparison.seeds)
    if (last := max(comparison.looks, default=0)) > seeds:
        return f"An earlier call looked at {last} seeds: {_most_seeds(last)} shows what it saw."
    still = [comparison.results[row] for row in comparison.standing.open]
    fewest = min(len(result.seeds) for result in still)
    if fewest < LEAST_SEEDS:  # which is no look
        return ""
    if (needed := comparison.seeds_needed) is None:
        return _bounds(comparison, [result.scores.test[:fewest] for result in still])
    return (
        f"About {plural(needed - seeds, 'more seed')} would settle this in 4 of 5 cases: "
        f"{_most_seeds(needed)} adds them. Runs kept in out are not trained again."
    )


def _most_seeds(count: int) -> str:
    """The argument for more seeds; ``seeds`` would not count a second look as one."""
    return f"most_seeds={count} (--most-seeds {count})"


def _bounds(comparison: Comparison, scores: Sequence[Sequence[float]]) -> str:
    """Within which bounds those that are open differ from the best."""
    if not (spread := paired(scores).spread):
        return "Their scores are the same with every seed."
    score, differences = score_of(comparison), comparison.differences
    margin = comparison.margin or score.difference
    others = [differences[result.label] for result in comparison.tied[1:]]
    ends = [end for _, *bounds in others for end in bounds if end is not None]
    lie = "the difference lies" if len(others) == 1 else "differences from the first lie"
    text = f"{lie} within {score.bound(min(ends))} and {score.bound(max(ends))}."
    if spread > margin:
        return f"Seeds vary by more than {score.with_unit(margin)}: {text}"
    return text[0].upper() + text[1:]


def _unlearned(comparison: Comparison, mute: Sequence[CandidateResult]) -> str:
    """Candidates that guess with every seed."""
    prepared = comparison.settings.get("prepare")
    first = "" if prepared else "try prepare=True (--prepare) first, then "
    return f"{names_of(mute)} ended near guessing: {first}train longer." if mute else ""


def _collapses(comparison: Comparison) -> str:
    """How many runs of candidates that learned ended near guessing, and how many one may miss."""
    counts = [(r, comparison.collapsed.get(r.label, 0)) for r in comparison.ranked]
    texts = [
        f"{shortened(r.label)} collapsed in {count} of {plural(len(r.seeds), 'seed')}"
        for r, count in counts
        if count and not never_learned(comparison, r)
    ]
    seeds = len(comparison.seeds)
    missed = f"{seeds} seeds miss a collapse of one in ten in {100 * 0.9**seeds:.0f}%"
    return f"{listed(texts, MOST_NAMES, last='and')}: {missed}." if texts else ""

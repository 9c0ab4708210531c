"""The verdict of a comparison in words, and whether training was long enough."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._statistics import LEAST_SEEDS, more_seeds, paired
from .._wording import listed, shortened
from .scores import Score, score_of
from .words import plural

if TYPE_CHECKING:
    from .candidate import CandidateResult
    from .comparison import Comparison

MOST_NAMES = 4  # in a sentence
few = partial(listed, most=MOST_NAMES)
MARK = "="  # may be as good as the best
# A loss still falls if this last part of the epochs brought this share of its whole fall.
LAST_PART, STILL_FALLING = 1 / 4, 0.01


def verdict(comparison: Comparison) -> str:
    """Which candidate is best, which are equal, or how many seeds would tell."""
    sound = [result for result in comparison.ranked if not result.diverged]
    learned = [result for result in sound if not never_learned(comparison, result)]
    says = _ranks(comparison, sound) if learned and len(sound) > 1 else ""
    return " ".join(filter(None, (says, _unlearned(comparison, sound), _collapses(comparison))))


def never_learned(comparison: Comparison, result: CandidateResult) -> bool:
    """Whether all runs of a candidate ended near guessing."""
    return comparison.collapsed.get(result.label, 0) == len(result.scores.test) > 0


def _ranks(comparison: Comparison, sound: Sequence[CandidateResult]) -> str:
    """The sentences on who is ahead."""
    form, tied = score_of(comparison), comparison.tied
    if not enough_seeds(comparison):
        return _too_few_seeds(comparison, sound)
    lower = _lower(comparison, form)
    if len(tied) == 1:
        return f"{shortened(tied[0].label)} is best{lower and ': '}{lower}."
    names, also = [shortened(result.label) for result in tied], f"; {lower}" if lower else ""
    if comparison.standing.settled:
        verb, take = ("are", "either") if len(names) == 2 else ("are all", "any")
        margin = form.unit(comparison.margin or 0.0)
        return f"{few(names, last='and')} {verb} equal within {margin}: take {take}{also}."
    known = f"Not known yet whether {few(names, last='or')} is best{also}."
    return f"{known} {_more(comparison, form)}".rstrip()


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


def enough_seeds(comparison: Comparison) -> bool:
    """Whether there are enough seeds for a verdict."""
    return len(comparison.seeds) >= LEAST_SEEDS


def _too_few_seeds(comparison: Comparison, sound: Sequence[CandidateResult]) -> str:
    seeds, (first, second) = len(comparison.seeds), (np.mean(r.scores.test) for r in sound[:2])
    leads = f"{shortened(sound[0].label)} is highest, but " if first > second else ""
    single = "one seed" if leads else "One seed"
    have = single if seeds == 1 else f"{seeds} seeds"
    return (
        f"{leads}{have} cannot tell {len(sound)} candidates apart. It takes "
        f"{LEAST_SEEDS} or more: {_seeds_option(comparison)}."
    )


def _more(comparison: Comparison, form: Score) -> str:
    """How many seeds would tell, and the option that trains them; or what is known without.

    It is ``--most-seeds`` and not ``--seeds``, because a second look must count as one.
    """
    seeds = len(comparison.seeds)
    if (last := max(comparison.looks, default=0)) > seeds:
        return f"An earlier call looked at {last} seeds: --most-seeds {last} shows what it saw."
    still = [comparison.results[row] for row in comparison.standing.open]
    fewest = min(len(result.seeds) for result in still)
    if fewest < LEAST_SEEDS:  # which is no look
        return ""
    if (needed := comparison.seeds_needed) is None:
        return _bounds(comparison, [r.scores.test[:fewest] for r in still], form)
    more = f"About {plural(needed - seeds, 'more seed')} would settle this in 4 of 5 cases"
    trains = f"--most-seeds {needed} trains up to {needed - fewest:,} more per candidate"
    return f"{more}: {trains}."


def _bounds(comparison: Comparison, scores: Sequence[Sequence[float]], form: Score) -> str:
    """Within which bounds those that are open differ from the best."""
    if not (spread := paired(scores).spread):
        return "Their scores are the same with every seed."
    margin = comparison.margin or form.difference
    varied = f"Seeds vary by more than {form.unit(margin)}: " if spread > margin else ""
    others = [comparison.differences[result.label] for result in comparison.tied[1:]]
    ends = [end for _, *bounds in others for end in bounds if end is not None]
    low, high = (form.unit.bound(end) for end in (min(ends), max(ends)))
    which = "the difference lies" if len(others) == 1 else "differences from the first lie"
    text = f"{varied}{which} within {low} and {high}."
    return text[0].upper() + text[1:]


def _seeds_option(comparison: Comparison) -> str:
    """The option that brings the seeds to the least number, and what it costs."""
    seeds, more = more_seeds(comparison.seeds, LEAST_SEEDS), LEAST_SEEDS - len(comparison.seeds)
    named = LEAST_SEEDS if seeds == (*range(LEAST_SEEDS),) else ",".join(map(str, seeds))
    return f"--seeds {named} trains up to {more:,} more per candidate"


def _lower(comparison: Comparison, form: Score) -> str:
    """Which candidates are lower than which, and by how much; for many, only the range."""
    results, below = comparison.results, comparison.standing.below
    rows = [row for row in below if not never_learned(comparison, results[row])]
    rows.sort(key=[*map(comparison.ranked.index, results)].__getitem__)
    if len(rows) > MOST_NAMES:
        sizes = [-below[row].difference for row in rows]
        return f"the other {len(rows)} are {form.unit.span(min(sizes), max(sizes))} lower"
    least = min(np.mean(result.scores.test) for result in comparison.tied)
    texts = []
    for row in rows:
        other, difference, seeds = below[row]
        names = shortened(results[row].label), shortened(results[other].label)
        why = "paired, " if np.mean(results[row].scores.test) > least else ""
        size = form.unit.bound(difference)
        texts.append(f"{names[0]} is lower than {names[1]} ({size}, {why}{seeds} seeds)")
    return ", ".join(texts)


def _unlearned(comparison: Comparison, sound: Sequence[CandidateResult]) -> str:
    """Candidates that guess with every seed."""
    names = [shortened(r.label) for r in sound if never_learned(comparison, r)]
    says = "ended near guessing: see prepare, or train longer."
    return f"{few(names, last='and')} {says}" if names else ""


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
    return f"{few(texts, last='and')}: {missed}." if texts else ""


def convergence(comparison: Comparison) -> str:
    """Whether training was long enough, in a sentence; empty where losses cannot say.

    A loss, as its mean over seeds, was still falling if more than 1% of its whole decrease came in
    the last quarter of the epochs.
    """
    sound = [r for r in comparison.results if r.curves.loss and not r.diverged]
    losses = [np.mean(result.curves.loss, axis=0) for result in sound]
    falling = [shortened(r.label) for r, loss in zip(sound, losses) if _still_falls(loss)]
    if falling:
        everyone = len(falling) == len(comparison.results)
        who, verb = (
            ("losses", "were") if everyone else (f"loss of {few(falling, last='and')}", "was")
        )
        return (
            f"The {who} {verb} still falling when training ended: differences may only reflect "
            f"speed. --epochs {2 * max(map(len, losses))} trains all runs anew, since the learning "
            "rate then falls more slowly."
        )
    if losses and all(map(_has_fallen, losses)):
        part = _last_part(losses[0])
        last = "the last epoch" if part == 1 else f"the last {part} epochs"
        ours = "cosine schedule" in str(comparison.settings.get("optimizer"))
        rates = ", at low learning rates," if ours else ""
        return f"In {last}{rates} training had levelled off: losses fell by under 1%."
    return ""


def _still_falls(loss: np.ndarray) -> bool:
    """Whether a loss still fell at the end; False for a single epoch."""
    part = _last_part(loss)
    least = STILL_FALLING * max(loss[0] - loss[-1], 0.0)
    return part < len(loss) and bool(loss[-1 - part] - loss[-1] > least)


def _has_fallen(loss: np.ndarray) -> bool:
    """Whether a loss fell, and did not rise again at the end."""
    return bool(loss[0] > loss[-1] <= loss[-1 - _last_part(loss)])


def _last_part(loss: np.ndarray) -> int:
    """How many epochs the last quarter has."""
    return max(1, round(LAST_PART * len(loss)))

"""The verdict of a comparison in words, and whether its training had converged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .._statistics import LEAST_SEEDS
from .._wording import listed, plural, shortened
from .candidate import CandidateResult, ComparisonData
from .columns import Score, score_of
from .ranking import Ranking, ranking

MOST_NAMES = 4  # in a sentence
MANY_SEEDS, MORE = 20, 4  # from here on no more are proposed; four times as many halve the bound
# A loss still falls if this last part of the epochs brought this share of its whole fall.
LAST_PART, STILL_FALLING = 1 / 4, 0.01


def verdict(comparison: ComparisonData) -> list[str]:
    """The sentences: which to take, which are lower, which did not learn, which collapsed."""
    order = ranking(comparison)
    sound = [result for result in order.ranked if not result.diverged]
    sentences: list[str] = []
    if len(sound) > max(1, len(order.unlearned)):
        sentences += _answer(comparison, order, sound)
        sentences += _lower(score_of(comparison), order)
    return [*sentences, *_unlearned(comparison, order), *_collapses(comparison, order)]


def _names_of(results: Iterable[CandidateResult]) -> str:
    """The first few labels in a sentence."""
    return listed((shortened(result.label) for result in results), MOST_NAMES, last="and")


def _answer(
    comparison: ComparisonData, order: Ranking, sound: list[CandidateResult]
) -> Iterator[str]:
    """Which to take, and by how much another may be better."""
    first, seeds = shortened(sound[0].label), len(comparison.seeds)
    if (loss := order.possible_loss) is None:
        leads = order.differences[sound[1].label].mean < 0
        have = "one seed" if seeds == 1 else plural(seeds, "seed")
        says = f"{first} is highest, but {have}" if leads else have[0].upper() + have[1:]
        yield (
            f"{says} cannot tell {len(sound)} candidates apart. It takes {_seeds(LEAST_SEEDS)} or "
            "more."
        )
    elif loss < 0:
        yield f"Take {first}: every other is lower (95%)."
    else:
        bound = score_of(comparison).with_unit(loss)
        yield f"Take {first}: no other is better by more than {bound} (95%)."
        if loss > 0 and seeds < MANY_SEEDS:
            yield f"More seeds narrow this: {_seeds(MORE * seeds)}."


def _seeds(count: int) -> str:
    return f"seeds={count} (--seeds {count})"


def _lower(score: Score, order: Ranking) -> Iterator[str]:
    """Which candidates are lower than which, and by how much; for many, only the range."""
    lower = {r.label: order.lower[r.label] for r in order.ranked
             if r.label in order.lower and r.label not in order.unlearned}  # fmt: skip
    if len(lower) > MOST_NAMES:
        sizes = [-each.difference.mean for each in lower.values()]
        yield f"{len(lower)} others are lower, by {score.span(min(sizes), max(sizes))}."
        return
    for label, (than, difference) in lower.items():
        interval = score.interval(difference)
        yield f"{shortened(label)} is lower than {shortened(than.label)}: {interval}."


def _unlearned(comparison: ComparisonData, order: Ranking) -> Iterator[str]:
    """Candidates that are at chance level with every seed."""
    if order.unlearned:
        names = _names_of(r for r in order.ranked if r.label in order.unlearned)
        accuracy = comparison.score == "accuracy"
        level = "at chance" if accuracy else "no better than a constant answer"
        first = "" if comparison.settings.get("prepare") else "Try prepare=True (--prepare), or "
        yield (
            f"{names} did not learn ({comparison.score} {level} with every seed). "
            f"{first}{'train' if first else 'Train'} longer."
        )


def _collapses(comparison: ComparisonData, order: Ranking) -> Iterator[str]:
    """How many runs ended at chance level, and how many may be missed."""
    counts = {label: n for label, n in order.collapsed.items() if label not in order.unlearned}
    texts = [
        f"{shortened(result.label)} collapsed in {counts[result.label]} of "
        f"{plural(len(result.seeds), 'seed')}"
        for result in order.ranked
        if counts.get(result.label)
    ]
    if texts:
        seeds = len(comparison.seeds)
        yield (
            f"{listed(texts, MOST_NAMES, last='and')}. {plural(seeds, 'seed')} miss a collapse of "
            f"one run in ten in {100 * 0.9**seeds:.0f}% of comparisons."
        )


def convergence(comparison: ComparisonData) -> str:
    """Which losses, as means over seeds, were still falling at the end; empty if none was."""
    sound = [r for r in comparison.results if r.curves.loss and not r.diverged]
    losses = {result.label: np.mean(result.curves.loss, axis=0) for result in sound}
    falling = [result for result in sound if _still_falls(losses[result.label])]
    if not falling:
        return ""
    everyone = len(falling) == len(comparison.results)
    who = "losses were" if everyone else f"loss of {_names_of(falling)} was"
    epochs = 2 * max(map(len, losses.values()))
    return (
        f"The {who} still falling when training ended: differences may only reflect speed. Train "
        f"for {epochs} epochs. All runs are then trained again, because the learning rate falls "
        "more slowly."
    )


def _still_falls(loss: np.ndarray) -> bool:
    """Whether a loss still fell at the end; False for a single epoch."""
    part = max(1, round(LAST_PART * len(loss)))
    least = STILL_FALLING * max(loss[0] - loss[-1], 0.0)
    return part < len(loss) and bool(loss[-1 - part] - loss[-1] > least)

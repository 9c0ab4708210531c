"""The verdict of a comparison in words, and whether training went on for long enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .._statistics import LEAST_SEEDS
from .._wording import listed, plural, shortened
from .candidate import CandidateResult, ComparisonData
from .columns import Score, score_of
from .ranking import Ranking, one_answer, ranking

MOST_NAMES = 4  # in a sentence
MANY_SEEDS, MORE = 20, 4  # from here on no more are proposed; four times as many halve the bound
# A loss still falls if this last part of the epochs brought this share of its whole fall.
LAST_PART, STILL_FALLING = 1 / 4, 0.01


def verdict(comparison: ComparisonData) -> list[str]:
    """The sentences: which to take, which losses fell, and which are lower, or did not learn."""
    order = ranking(comparison)
    sound = [result for result in order.ranked if not result.diverged]
    has_answer = len(sound) > max(1, len(order.unlearned))
    return [
        *(_answer(comparison, order, sound) if has_answer else ()),
        *([falls] if (falls := convergence(comparison)) else ()),
        *(_lower(score_of(comparison), order) if has_answer else ()),
        *_unlearned(comparison, order),
        *_collapses(comparison, order),
    ]


def _names_of(results: Iterable[CandidateResult]) -> str:
    """The first few labels in a sentence."""
    return listed((shortened(result.label) for result in results), MOST_NAMES, last="and")


def _answer(
    comparison: ComparisonData, order: Ranking, sound: list[CandidateResult]
) -> Iterator[str]:
    """Which to take, and by how much another may be better; or that seeds are too few to tell."""
    first, seeds = shortened(sound[0].label), len(comparison.seeds)
    if order.possible_loss is not None:
        yield from _choice(comparison, first, order.possible_loss)
        return
    leads = order.differences[sound[1].label].mean < 0
    have = "one seed" if seeds == 1 else plural(seeds, "seed")
    says = f"{first} is highest, but {have}" if leads else have[0].upper() + have[1:]
    yield (
        f"{says} cannot tell {len(sound)} candidates apart. It takes {_seeds(LEAST_SEEDS)} or more."
    )


def _choice(comparison: ComparisonData, first: str, loss: float) -> Iterator[str]:
    """Which to take if training is finished, and otherwise only what holds so far."""
    finished, least, seeds = is_finished(comparison), one_answer(comparison), len(comparison.seeds)
    start = f"Take {first}:" if finished else f"After {plural(_epochs(comparison), 'epoch')}"
    than = "" if finished else f" than {first}"
    if loss < 0:
        yield f"{start} every other is lower{than} (95%)."
        return
    bound = score_of(comparison).with_unit(loss)
    is_floor = 0 < loss == least
    floor = f"; one of {round(1 / least)} test samples is {bound}" if is_floor else ""
    yield f"{start} no other is better{than} by more than {bound} (95%){floor}."
    if finished and loss > least and seeds < MANY_SEEDS:
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


def is_finished(comparison: ComparisonData) -> bool:
    """Whether losses had levelled off when training ended; one epoch cannot show it."""
    return _epochs(comparison) != 1 and not falling(comparison)


def convergence(comparison: ComparisonData) -> str:
    """Which losses were still falling at the end, and what to do; empty if none was."""
    if not (losses := falling(comparison)):
        return ""
    epochs = 2 * _epochs(comparison)
    return (
        f"The {losses} still falling: train for {epochs} epochs (epochs={epochs}, --epochs "
        f"{epochs}) before you choose."
    )


def falling(comparison: ComparisonData) -> str:
    """The losses that, as means over seeds, were still falling at the end; empty if none was."""
    sound = [r for r in comparison.results if r.curves.loss and not r.diverged]
    falling = [r for r in sound if _still_falls(np.mean(r.curves.loss, axis=0))]
    everyone = len(falling) == len(comparison.results)
    text = "losses were" if everyone else f"loss of {_names_of(falling)} was"
    return text if falling else ""


def _epochs(comparison: ComparisonData) -> int:
    return max((len(curve) for r in comparison.results for curve in r.curves.loss), default=0)


def _still_falls(loss: np.ndarray) -> bool:
    """Whether a loss still fell at the end; False for a single epoch."""
    part = max(1, round(LAST_PART * len(loss)))
    least = STILL_FALLING * max(loss[0] - loss[-1], 0.0)
    return part < len(loss) and bool(loss[-1 - part] - loss[-1] > least)

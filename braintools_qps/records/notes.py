"""Notes below the table of a comparison: what its numbers mean, problems, and what was read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from .._wording import listed, plural, shortened
from .columns import CANDIDATE_COLUMNS
from .settings import all_tuned_names, value_text
from .verdict import MARK, enough_seeds, never_learned

if TYPE_CHECKING:
    from .candidate import CandidateResult
    from .comparison import Comparison

PURPOSES = {"train": "train", "validation": "validate", "test": "test"}
TROUBLES = {"silent": "hardly fires", "nan": "NaN"}
LONGEST_ERROR = 200
SLOPE = "mean_slope"


def notes_below(comparison: Comparison, *, wide: bool) -> list[str]:
    """What the numbers mean, problems, and what was read."""
    results = comparison.results
    troubles = [f"{shortened(r.label)}: {text}." for r in results if (text := trouble(r))]
    notes = [*_caption(comparison, wide=wide), *troubles, *comparison.notes]
    return [note for note in (*notes, _data_note(comparison) if results else "") if note]


def to_use(comparison: Comparison) -> str:
    """The surrogate of the first row with its learning rate, as one types it."""
    # There may be no best one, or a plugin that is not installed here.
    with suppress(LookupError, TypeError, ValueError):
        rate = value_text("learning_rate", comparison.best.setting["learning_rate"])
        surrogate = comparison.best_surrogate
        if not never_learned(comparison, comparison.best):
            return f"comparison.best_surrogate: {surrogate!r}, learning_rate={rate}"
    return ""


def _caption(comparison: Comparison, *, wide: bool) -> list[str]:
    """Notes that explain the numbers."""
    sound = [result for result in comparison.results if result.scores.test]
    if not sound:
        return []
    notes = [_scores_note(comparison), _difference_note(comparison, wide=wide)]
    if len(comparison.seeds) > 1:
        tuned = any(r.tuning and len(r.tuning.trials) > 1 for r in sound)
        notes.append(_variation_note(comparison, tuned=tuned))
    if any(r.tuning and len({*r.tuning.chosen}) > 1 for r in sound):
        most = max(len(r.seeds) for r in sound)
        notes.append(f"(n/{most}): chosen by n of {most} seeds.")
    notes += [_slope_note(sound), _rate_note(comparison)]
    if wide:
        shown = [column for column in CANDIDATE_COLUMNS if any(map(column.value, sound))]
        notes += [column.caption.format(score=comparison.score) for column in shown]
    return notes


def _scores_note(comparison: Comparison) -> str:
    seeds = len(comparison.seeds)
    shown = f"mean of {seeds} seeds [95% interval]" if seeds > 1 else "one seed"
    if any(0 < len(result.seeds) < seeds for result in comparison.results):
        shown = "mean over seeds [95% interval]"
    return f"Test {comparison.score} after epoch {comparison.settings.get('epochs')}: {shown}."


def _difference_note(comparison: Comparison, *, wide: bool) -> str:
    """What the mark and the differences mean."""
    tied = comparison.tied
    if len(comparison.results) < 2 or not tied or not enough_seeds(comparison):
        return ""
    level = "95% level, all pairs and looks together"
    how = ", seed by seed" if wide else ""
    note = f"Differences are from the best{how} ({level})."
    mark = f"{MARK} not clearly lower than any other ({level})."
    return (
        note if len(tied) == 1 else f"{mark} Differences are from the best{how}." if wide else mark
    )


def _variation_note(comparison: Comparison, *, tuned: bool) -> str:
    given = comparison.task.get("has_own_test_part")
    names = ["weights", "batches", "validation part" if given else "split"]
    return f"Intervals include variation from {listed([*names, *['tuning'] * tuned], last='and')}."


def _slope_note(results: Sequence[CandidateResult]) -> str:
    slopes = dict.fromkeys(
        value_text(SLOPE, r.setting[SLOPE]) for r in results if SLOPE in r.setting
    )
    most = f"at most {listed(slopes, last='or')} before training" if slopes else ""
    return most and f"Dampening: lowered to a mean surrogate gradient of {most}."


def _rate_note(comparison: Comparison) -> str:
    """The learning rate, where it was not tuned, and other settings with one value."""
    rate, tuned = comparison.settings.get("learning_rate"), all_tuned_names(comparison.results)
    tune = comparison.settings.get("tune") or {}
    single = {n: v[0] for n, v in tune.items() if len(v) == 1}
    fixed = [f"{n} {value_text(n, v)}" for n, v in single.items() if n not in (SLOPE, *tuned)]
    given = f" with {listed(fixed, last='and')}" if fixed else ""
    if rate is None or "learning_rate" in tuned:
        return f"All{given}." if given else ""
    at = f"at a learning rate of {value_text('learning_rate', rate)}."
    return f"All{given} {at}" if tuned else f"Not tuned: trained{given or ' as given'}, {at}"


def _data_note(comparison: Comparison) -> str:
    """What was read; empty if the record does not say."""
    task = comparison.task
    steps, features, parts = task.get("steps"), task.get("features"), task.get("samples")
    if not (steps and features and parts):
        return ""
    dt = f" of {comparison.settings['dt']}" if "dt" in comparison.settings else ""
    unit = f" in {task['unit']}" if task.get("unit") else ""
    samples = ", ".join(f"{count:,} to {PURPOSES.get(n, n)}" for n, count in parts.items())
    return (
        f"Read: {plural(steps, 'step')}{dt}, {plural(features, 'feature')}{unit}; samples: "
        f"{samples}."
    )


def trouble(result: CandidateResult) -> str:
    """The problem of one candidate; empty if it has none."""
    if result.error:
        return shortened(f"error: {result.error}".rstrip("."), LONGEST_ERROR)
    seeds = len(result.scores.test)
    named = ((TROUBLES.get(name, name), count) for name, count in result.flags.items())
    return ", ".join(f"{name} {count}/{seeds}" for name, count in named)

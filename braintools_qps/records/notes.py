"""Notes below the table of a comparison: what its numbers mean, problems, and what was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from .._registry import get_surrogate
from .._wording import listed, plural, shortened
from .candidate import CandidateResult, ComparisonData
from .columns import CANDIDATE_COLUMNS, all_tuned_names, value_text
from .ranking import ranking
from .verdict import is_finished

MARK = "="  # not clearly lower than any other
PURPOSES = {"train": "train", "validation": "validate", "test": "test"}
TROUBLES = {"silent": "hardly fires", "nan": "NaN"}
LONGEST_ERROR = 200
SLOPE = "mean_slope"


def notes_below(comparison: ComparisonData, *, wide: bool) -> Iterator[str]:
    """What the numbers mean, problems, and what was read; empty for what does not apply."""
    if sound := [result for result in comparison.results if result.scores.test]:
        yield _scores_note(comparison)
        yield _difference_note(comparison, wide=wide)
        yield _votes_note(sound)
        yield _slope_note(sound)
        yield _tails_note(comparison, sound)
        yield _fixed_note(comparison)
        for column in CANDIDATE_COLUMNS if wide else ():
            if any(map(column.value, sound)):
                yield column.caption.format(score=comparison.score)
    yield from _troubles(comparison.results)
    yield from comparison.notes
    if comparison.results:
        yield _data_note(comparison)


def to_use(comparison: ComparisonData) -> str:
    """The surrogate of the first row with its learning rate, as one types it, if it is a choice."""
    # There may be no best one, or a plugin that is not installed here.
    with suppress(LookupError, TypeError, ValueError):
        order = ranking(comparison)
        best = order.tied[0]
        rate = value_text("learning_rate", best.setting["learning_rate"])
        surrogate = get_surrogate(best.tuned_spec or best.spec)
        if is_finished(comparison) and best.label not in order.unlearned:
            return f"comparison.best_surrogate: {surrogate!r}, learning_rate={rate}"
    return ""


def _scores_note(comparison: ComparisonData) -> str:
    seeds = len(comparison.seeds)
    shown = f"mean of {seeds} seeds [95% interval]" if seeds > 1 else "one seed"
    return f"Test {comparison.score} after epoch {comparison.settings.get('epochs')}: {shown}."


def _difference_note(comparison: ComparisonData, *, wide: bool) -> str:
    """What the mark and the differences mean."""
    order = ranking(comparison)
    if order.possible_loss is None:
        return ""
    differences = "Differences are from the first, seed by seed." if wide else ""
    if len(order.tied) == 1:
        return differences
    mark = f"{MARK} not clearly lower than any other (95%, all pairs together)."
    return f"{mark} {differences}".rstrip()


def _votes_note(sound: Sequence[CandidateResult]) -> str:
    """What the numbers in brackets after a setting mean, if seeds chose several."""
    if not any(result.tuning and len({*result.tuning.chosen}) > 1 for result in sound):
        return ""
    most = max(len(result.seeds) for result in sound)
    return f"(n/{most}): chosen by n of {most} seeds."


def _slope_note(sound: Sequence[CandidateResult]) -> str:
    slopes = [value_text(SLOPE, r.setting[SLOPE]) for r in sound if SLOPE in r.setting]
    most = listed(dict.fromkeys(slopes), last="or")
    lowered = f"Dampening: lowered to a mean surrogate gradient of at most {most} before training."
    return lowered if slopes else ""


def _tails_note(comparison: ComparisonData, sound: Sequence[CandidateResult]) -> str:
    """How to lower the dampening of the fat tails that the advice names, unless it was tuned."""
    fat = [shortened(result.label) for result in sound if _has_fat_tail(result)]
    tune = {**(comparison.settings.get("tune") or {}), SLOPE: [0.1]}
    option = " ".join(f"{name}={','.join(map(str, values))}" for name, values in tune.items())
    lower = f"Lower the dampening of fat tails ({listed(fat)}) with tune={tune} (--tune {option})."
    return lower if fat else ""


def _has_fat_tail(result: CandidateResult) -> bool:
    """Whether it is S2NN, or a QPseudoSpike with an alpha of 2 or less, at its full height."""
    name, alpha = result.spec["name"].removeprefix("braintools:"), result.spec.get("alpha")
    is_fat = name == "QPseudoSpike" and isinstance(alpha, float) and alpha <= 2
    return (is_fat or name == "S2NN") and "dampening" not in {**result.spec, **result.setting}


def _fixed_note(comparison: ComparisonData) -> str:
    """The learning rate, if it was not tuned, and other names with a single value."""
    tuned, tune = all_tuned_names(comparison.results), comparison.settings.get("tune") or {}
    fixed = {name: values[0] for name, values in tune.items() if len(values) == 1}
    if (rate := comparison.settings.get("learning_rate")) is not None:
        fixed = {"learning_rate": rate} | fixed
    texts = [
        f"{name.replace('_', ' ')} {value_text(name, value)}"
        for name, value in fixed.items()
        if name not in (SLOPE, *tuned)
    ]
    start = "The same for all" if tuned else "Not tuned"
    return f"{start}: {listed(texts)}." if texts else ""


def _data_note(comparison: ComparisonData) -> str:
    """What was read; empty if the record does not say."""
    task = comparison.task
    steps, features, parts = task.get("steps"), task.get("features"), task.get("samples")
    if not (steps and features and parts):
        return ""
    dt = f" of {comparison.settings['dt']}" if "dt" in comparison.settings else ""
    unit = f" in {task['unit']}" if task.get("unit") else ""
    samples = listed(f"{count:,} to {PURPOSES.get(n, n)}" for n, count in parts.items())
    return (
        f"Data: {plural(steps, 'time step')}{dt}, {plural(features, 'feature')}{unit}; samples: "
        f"{samples}."
    )


def _troubles(results: Sequence[CandidateResult]) -> Iterator[str]:
    """The problems of each candidate."""
    for result in results:
        label, seeds = shortened(result.label), len(result.scores.test)
        if result.error:
            yield f"{label}: {shortened(f'error: {result.error}'.rstrip('.'), LONGEST_ERROR)}."
        elif result.flags:
            counts = (f"{TROUBLES.get(n, n)} {count}/{seeds}" for n, count in result.flags.items())
            yield f"{label}: {', '.join(counts)}."

"""The numbers of a comparison in tidy tables, for pandas and for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from .candidate import CandidateResult
from .tuning import Trial, Tuning

Lines = list[dict[str, Any]]  # the values of a table by column
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes text for a formula if it starts so


def by_seed(results: Iterable[CandidateResult], seeds: Sequence[int], shared: Mapping) -> Lines:
    """One line for each candidate and seed; one for a candidate that failed.

    ``shared`` has the columns that are the same in all lines: the task and the settings.
    """
    lines: Lines = []
    for result in results:
        cost = vars(result.cost) if result.cost else {"seconds_per_epoch": None, "peak_bytes": None}
        rest = {
            **shared,
            "tuned_spec": json.dumps(dict(result.tuned_spec)) if result.tuned_spec else None,
            **cost,
            **{f"runs_with_{name}": count for name, count in result.flags.items()},
            "error": result.error,
        }
        if not result.scores.test:
            lines.append({"surrogate": result.label, "seed": None, **result.setting, **rest})
        for row, seed in enumerate(seeds if result.scores.test else ()):
            scores = {name: _at(values, row) for name, values in vars(result.scores).items()}
            losses = _at(result.curves.loss, row) or [None]
            own = {**scores, "final_loss": losses[-1], **result.setting_of(row)}
            lines.append({"surrogate": result.label, "seed": seed, **own, **rest})
    return lines


def by_epoch(results: Iterable[CandidateResult], seeds: Sequence[int]) -> Lines:
    """One line for each candidate, seed and epoch."""
    lines: Lines = []
    for result in results:
        curves = {name: values for name, values in vars(result.curves).items() if values}
        for row, seed in enumerate(seeds if curves else ()):
            for epoch, values in enumerate(zip(*(curve[row] for curve in curves.values())), 1):
                head = {"surrogate": result.label, "seed": seed, "epoch": epoch}
                lines.append({**head, **dict(zip(curves, values))})
    return lines


def by_trial(results: Iterable[CandidateResult], seeds: Sequence[int]) -> Lines:
    """One line for each training: candidate, setting that was tried, and seed."""
    lines: Lines = []
    for result in results:
        tuning = result.tuning or _as_given(result)
        for number, trial in enumerate(tuning.trials):
            for row, seed in enumerate(seeds if trial.validation else ()):
                scores = {n: _at(vars(trial)[n], row) for n in ("validation", "test", "loss")}
                head = {"surrogate": result.label, "seed": seed, **trial.setting}
                lines.append({**head, **scores, "chosen": tuning.chosen[row] == number})
    return lines


def _as_given(result: CandidateResult) -> Tuning:
    """The one setting of a candidate that was not tuned."""
    scores, losses = result.scores, [curve[-1] for curve in result.curves.loss]
    trial = Trial(result.setting, scores.validation, scores.test, tuple(losses))
    return Tuning((trial,), (0,) * len(scores.test))


def csv_text(lines: Lines) -> str:
    """Text of a CSV file: numbers with five digits, nothing that a spreadsheet would compute."""
    text, columns = StringIO(), list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(line.get(name)) for name in columns] for line in lines)
    return text.getvalue()


def _at(values: Sequence[Any], row: int) -> Any:
    return values[row] if values else None


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value

"""The numbers of a comparison in tidy tables, for pandas and for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING

from .._statistics import summary
from .._wording import listed
from .columns import CANDIDATE_COLUMNS
from .scores import score_of
from .verdict import standing_of

if TYPE_CHECKING:
    from ..records import CandidateResult, Comparison

Line = dict[str, object]  # the values of a row by column
Lines = list[Line]


def tidy_lines(comparison: Comparison, rows: str) -> Lines:
    """The numbers of a comparison, a line for each of ``rows``.

    Raises
    ------
    ValueError
        If ``rows`` is not one of "candidates", "seeds", "epochs", "trials".
    """
    kinds: dict[str, Callable[[CandidateResult], Iterator[Line]]] = {
        "candidates": partial(_by_candidate, comparison),
        "seeds": partial(_by_seed, shared=_shared(comparison)),
        "epochs": _by_epoch,
        "trials": _by_trial,
    }
    if rows not in kinds:
        raise ValueError(f"rows must be one of {listed(kinds)}, got {rows!r}. Pass rows='seeds'")
    results = comparison.ranked if rows == "candidates" else comparison.results
    return [line for result in results for line in kinds[rows](result)]


def _by_candidate(comparison: Comparison, result: CandidateResult) -> Iterator[Line]:
    """One line: mean and interval, the difference from the best, what is known, the setting."""
    scores, bounds = result.scores.test, score_of(comparison).bounds
    interval = summary(scores, bounds=bounds) if scores else ()
    difference = () if result.diverged else comparison.differences[result.label]
    names = ("difference", "difference_low", "difference_high")
    yield {
        "surrogate": result.label,
        "seeds": len(result.seeds),
        **dict(zip((comparison.score, "low", "high"), interval)),
        **dict(zip(names, difference)),
        "standing": standing_of(comparison, result),
        **result.setting,
        "error": result.error,
    }


def _shared(comparison: Comparison) -> dict[str, object]:
    """Columns that are the same in all lines: the task, and settings with a single value."""
    options = comparison.settings.get("options")
    known = {**(options if isinstance(options, Mapping) else {}), **comparison.settings}
    settings = {n: v for n, v in known.items() if isinstance(v, (str, int, float, bool))}
    return {"task": comparison.task.get("name"), **settings}


def _by_seed(result: CandidateResult, shared: Mapping[str, object]) -> Iterator[Line]:
    """One line for each seed; one for a candidate that failed."""
    flags = {f"runs_with_{name}": count for name, count in result.flags.items()}
    spec = json.dumps(dict(result.tuned_spec)) if result.tuned_spec else None
    rest = {**shared, "tuned_spec": spec, **flags, "error": result.error}
    for row, seed in enumerate(result.seeds):
        numbers = {column.name: column.of_seed(result, row) for column in CANDIDATE_COLUMNS}
        head = {"surrogate": result.label, "seed": seed}
        chosen = result.setting_of(seed)  # named twice: first for its place, then over the shared
        yield {**head, **numbers, **chosen, **rest, **chosen}
    if not result.seeds:
        head = {"surrogate": result.label, "seed": None}
        yield {**head, **result.setting, **rest, **result.setting}


def _by_epoch(result: CandidateResult) -> Iterator[Line]:
    """One line for each seed and epoch."""
    curves = {name: values for name, values in vars(result.curves).items() if values}
    for row, seed in enumerate(result.seeds if curves else ()):
        for epoch, values in enumerate(zip(*(curve[row] for curve in curves.values())), 1):
            head = {"surrogate": result.label, "seed": seed, "epoch": epoch}
            yield {**head, **dict(zip(curves, values))}


def _by_trial(result: CandidateResult) -> Iterator[Line]:
    """One line for each training of a candidate that was tuned."""
    if (tuning := result.tuning) is None:
        return
    for number, trial in enumerate(tuning.trials):
        scores = {name: getattr(trial, name) for name in ("validation", "test", "loss")}
        for row, (seed, chosen) in enumerate(zip(result.seeds, tuning.chosen)):
            numbers = {name: values[row] if values else None for name, values in scores.items()}
            head = {"surrogate": result.label, "seed": seed, **trial.setting}
            yield {**head, **numbers, "chosen": chosen == number}


def csv_text(lines: Lines) -> str:
    """Text of a CSV file: numbers with five digits."""
    text, columns = StringIO(), list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(line.get(name)) for name in columns] for line in lines)
    return text.getvalue()


def _cell(value: object) -> object:
    return f"{value:.5g}" if isinstance(value, float) else value

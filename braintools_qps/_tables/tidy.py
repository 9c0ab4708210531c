"""The numbers of a comparison in tidy tables, for pandas and for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from io import StringIO

from .columns import COLUMNS
from .typing import Compared, Result

Lines = list[dict[str, object]]  # the values of a table by column


def tidy_lines(comparison: Compared, rows: str) -> Lines:
    """The numbers of a comparison, a line for each of ``rows``.

    Raises
    ------
    ValueError
        If ``rows`` is not one of "seeds", "epochs", "trials".
    """
    if rows == "seeds":
        return _by_seed(comparison.results, _shared(comparison))
    if rows in ("epochs", "trials"):
        return (_by_epoch if rows == "epochs" else _by_trial)(comparison.results)
    raise ValueError(f"rows must be one of seeds, epochs, trials, got {rows!r}. Pass rows='seeds'")


def _shared(comparison: Compared) -> dict[str, object]:
    """Columns that are the same in all lines: the task, and settings with a single value."""
    options = comparison.settings.get("options")
    known = {**(options if isinstance(options, Mapping) else {}), **comparison.settings}
    settings = {n: v for n, v in known.items() if isinstance(v, (str, int, float, bool))}
    return {"task": comparison.task.get("name"), **settings}


def _by_seed(results: Iterable[Result], shared: Mapping[str, object]) -> Lines:
    """One line for each candidate and seed; one for a candidate that failed."""
    lines: Lines = []
    for result in results:
        flags = {f"runs_with_{name}": count for name, count in result.flags.items()}
        spec = json.dumps(dict(result.tuned_spec)) if result.tuned_spec else None
        rest = {**shared, "tuned_spec": spec, **flags, "error": result.error}
        for row, seed in enumerate(result.seeds):
            numbers = {column.csv: column.of_seed(result, row) for column in COLUMNS}
            head = {"surrogate": result.label, "seed": seed}
            lines.append({**head, **numbers, **result.setting_of(row), **rest})
        if not result.seeds:
            lines.append({"surrogate": result.label, "seed": None, **result.setting, **rest})
    return lines


def _by_epoch(results: Iterable[Result]) -> Lines:
    """One line for each candidate, seed and epoch."""
    lines: Lines = []
    for result in results:
        curves = {name: values for name, values in vars(result.curves).items() if values}
        for row, seed in enumerate(result.seeds if curves else ()):
            for epoch, values in enumerate(zip(*(curve[row] for curve in curves.values())), 1):
                head = {"surrogate": result.label, "seed": seed, "epoch": epoch}
                lines.append({**head, **dict(zip(curves, values))})
    return lines


def _by_trial(results: Iterable[Result]) -> Lines:
    """One line for each training of a candidate that was tuned."""
    lines: Lines = []
    for result in results:
        if (tuning := result.tuning) is None:
            continue
        for number, trial in enumerate(tuning.trials):
            scores = {name: getattr(trial, name) for name in ("validation", "test", "loss")}
            for row, (seed, chosen) in enumerate(zip(result.seeds, tuning.chosen)):
                numbers = {name: values[row] if values else None for name, values in scores.items()}
                head = {"surrogate": result.label, "seed": seed, **trial.setting}
                lines.append({**head, **numbers, "chosen": chosen == number})
    return lines


def csv_text(lines: Lines) -> str:
    """Text of a CSV file: numbers with five digits."""
    text, columns = StringIO(), list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(line.get(name)) for name in columns] for line in lines)
    return text.getvalue()


def _cell(value: object) -> object:
    return f"{value:.5g}" if isinstance(value, float) else value

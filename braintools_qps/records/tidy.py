"""The numbers of a comparison in tidy tables, for pandas and for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from io import StringIO

from .._statistics import summary
from .._wording import listed
from .candidate import CandidateResult, ComparisonData
from .columns import CANDIDATE_COLUMNS, score_of
from .ranking import Ranking, ranking

Line = dict[str, object]  # the values of a row by column
Lines = list[Line]


def tidy_lines(comparison: ComparisonData, rows: str) -> Lines:
    """The numbers of a comparison, a line for each of ``rows``.

    Raises
    ------
    ValueError
        If ``rows`` is not one of "candidates", "seeds", "epochs", "trials".
    """
    if rows not in ROWS:
        raise ValueError(f"rows must be one of {listed(ROWS)}, got {rows!r}. Pass rows='seeds'")
    return [*ROWS[rows](comparison)]


def _by_candidate(comparison: ComparisonData) -> Iterator[Line]:
    """Mean and interval, the difference from the best, what is known, the setting."""
    bounds, order = score_of(comparison).bounds, ranking(comparison)
    for result in order.ranked:
        interval = summary(result.scores.test, bounds=bounds) if result.scores.test else ()
        difference = order.differences.get(result.label, ())
        names = ("difference", "difference_low", "difference_high")
        yield {
            "surrogate": result.label,
            "seeds": len(result.seeds),
            **dict(zip((comparison.score, "low", "high"), interval)),
            **dict(zip(names, difference)),
            "standing": _standing(order, result),
            **result.setting,
            "error": result.error,
        }


def _standing(order: Ranking, result: CandidateResult) -> str:
    """The verdict on one candidate in a word or two; empty if it is alone."""
    if result.diverged:
        return "failed"
    if len(order.differences) < 2:
        return ""
    if result.label in order.unlearned:
        return "did not learn"
    if order.possible_loss is None:
        return "too few seeds"
    if result is order.ranked[0]:
        return "first"
    return "lower" if result.label in order.lower else "not lower"


def _by_seed(comparison: ComparisonData) -> Iterator[Line]:
    """One line for each candidate and seed; one for a candidate that failed."""
    shared = _shared(comparison)
    for result in comparison.results:
        flags = {f"runs_with_{name}": count for name, count in result.flags.items()}
        spec = json.dumps(dict(result.tuned_spec)) if result.tuned_spec else None
        rest = {**shared, "tuned_spec": spec, **flags, "error": result.error}
        for row, seed in enumerate(result.seeds):
            numbers = {column.name: column.of_seed(result, row) for column in CANDIDATE_COLUMNS}
            head = {"surrogate": result.label, "seed": seed}
            chosen = result.setting_of(seed)  # twice: first for its place, then over the shared
            yield {**head, **numbers, **chosen, **rest, **chosen}
        if not result.seeds:
            head = {"surrogate": result.label, "seed": None}
            yield {**head, **result.setting, **rest, **result.setting}


def _shared(comparison: ComparisonData) -> Line:
    """Columns that are the same in all lines: the task, and settings with a single value."""
    options = comparison.settings.get("options")
    known = {**(options if isinstance(options, Mapping) else {}), **comparison.settings}
    settings = {n: v for n, v in known.items() if isinstance(v, (str, int, float, bool))}
    return {"task": comparison.task.get("name"), **settings}


def _by_epoch(comparison: ComparisonData) -> Iterator[Line]:
    """One line for each candidate, seed and epoch."""
    for result in comparison.results:
        curves = {name: values for name, values in vars(result.curves).items() if values}
        for row, seed in enumerate(result.seeds if curves else ()):
            for epoch, values in enumerate(zip(*(curve[row] for curve in curves.values())), 1):
                head = {"surrogate": result.label, "seed": seed, "epoch": epoch}
                yield {**head, **dict(zip(curves, values))}


def _by_trial(comparison: ComparisonData) -> Iterator[Line]:
    """One line for each training of the candidates that were tuned."""
    tuned = ((result, result.tuning) for result in comparison.results if result.tuning)
    for result, tuning in tuned:
        for number, trial in enumerate(tuning.trials):
            for row, (seed, chosen) in enumerate(zip(result.seeds, tuning.chosen)):
                head = {"surrogate": result.label, "seed": seed, **trial.setting}
                scores = {n: getattr(trial, n) for n in ("validation", "test", "loss")}
                numbers = {n: values[row] if values else None for n, values in scores.items()}
                yield {**head, **numbers, "chosen": chosen == number}


ROWS: dict[str, Callable[[ComparisonData], Iterator[Line]]] = {
    "candidates": _by_candidate, "seeds": _by_seed, "epochs": _by_epoch, "trials": _by_trial,
}  # fmt: skip


def csv_text(lines: Lines) -> str:
    """Text of a CSV file: numbers with five digits."""
    text, columns = StringIO(), list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(line.get(name)) for name in columns] for line in lines)
    return text.getvalue()


def _cell(value: object) -> object:
    return f"{value:.5g}" if isinstance(value, float) else value

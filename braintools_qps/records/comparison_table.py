"""The table of a comparison, the best candidate first."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._statistics import Interval, Ranking, Unit, summary
from .candidate import CandidateResult
from .comparison_verdict import SAME, Results, Score, ranked, score_of, tuned_names
from .record import short
from .table import Rows, text_table

WIDTH = 80  # characters of a terminal
FACTORS = ("dampening", "scale", "scale_factor")
LEAST_LABEL = 16


def comparison_text(results: Results, score: str, below: Sequence[str], *, wide: bool) -> str:
    """The table as text: in 80 characters, or with all columns."""
    rows = comparison_rows(results, score, wide=wide)
    if not wide:
        rows = _narrowed(rows)
    notes = [line for note in below for line in textwrap.wrap(note, WIDTH)]
    return "\n".join([text_table(rows), *notes])


def comparison_rows(results: Results, score: str, *, wide: bool) -> Rows:
    """A row for each candidate, the best first, below a header."""
    form, (results, found) = score_of(score, results), ranked(results, score)
    columns = {
        form.heading: [_interval(r, form) for r in results],
        "difference" if wide else "vs best": _differences(results, found, form.unit, wide),
    }
    rate = {"firing rate": [_shown(r.scores.firing_rate, "{:.3f}".format) for r in results]}
    if not wide:
        columns |= _settings(results, ("dampening", "learning_rate")) | rate
    else:
        at_best = [_shown(r.scores.test_at_best_epoch, form.unit.number) for r in results]
        seconds = [_optional(r.cost and r.cost.seconds_per_epoch, "{:.2g}") for r in results]
        memory = [_optional(r.cost and r.cost.peak_bytes, "{:.1f}", 1e-6) for r in results]
        columns |= {"at best validation epoch": at_best} | _settings(results, ()) | rate
        columns |= {"s/epoch": seconds, "peak MB": memory}
    kept = {
        title: cells for title, cells in columns.items() if any(c not in ("", "-") for c in cells)
    }
    body = [[short(r.label), *cells] for r, *cells in zip(results, *kept.values())]
    return [["surrogate", *kept], *body]


def setting_text(result: CandidateResult, name: str) -> str:
    """The value chosen most often, by how many seeds, and a star at the edge of the search."""
    if name not in result.setting:
        return "-"
    value, tuning = value_text(name, result.setting[name]), result.tuning
    if tuning is None:
        return value
    star = "*" if name in tuning.at_edge else ""
    seeds = len(tuning.chosen)
    same = sum(result.setting_of(n)[name] == result.setting[name] for n in range(seeds))
    return value + star + (f" ({same}/{seeds})" if same < seeds else "")


def value_text(name: str, value: Any) -> str:
    """A value of a setting in a few characters; factors as fractions."""
    if value is None:
        return "none" if name else ""
    if name in FACTORS and 0 < value < 1 and (1 / value).is_integer():
        return f"1/{1 / value:g}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _narrowed(rows: Rows) -> Rows:
    """Fit a table into 80 characters: headers in two lines, long labels in several."""
    (first, *titles), *body = rows
    above, below = zip(*(("", t) if t.endswith("%") else _halves(t) for t in titles))
    cells = [above, below, *(row for _, *row in body)]
    room = WIDTH - sum(2 + max(map(len, column)) for column in zip(*cells))
    head = [["", *above]] if any(above) else []
    lines: list[Sequence[str]] = [*head, [first, *below]]
    for label, *row in body:
        start, *more = _label_lines(label, max(room, LEAST_LABEL))
        lines += [[start, *row], *([part, *[""] * len(row)] for part in more)]
    return lines


def _label_lines(label: str, room: int) -> list[str]:
    """A label in lines, broken after brackets and commas if possible."""
    if len(label) <= room:
        return [label]
    parts = re.sub(r"([(,]) *", r"\1\0", label).split("\0")
    lines = [parts[0]]
    for part in parts[1:]:
        fits = len(lines) > 1 and len(lines[-1]) + 1 + len(part) <= room
        lines[-1:] = [f"{lines[-1]} {part}"] if fits else [lines[-1], f"  {part}"]
    return [piece for line in lines for piece in textwrap.wrap(line, room) or [""]]


def _halves(title: str) -> tuple[str, str]:
    start, _, end = title.rpartition(" ")
    return start, end


def _differences(results: Results, found: Ranking | None, unit: Unit, wide: bool) -> list[str]:
    if found is None or len(results) < 2:
        return ["-"] * len(results)
    alone = sum(found.tied) == 1
    cells = []
    for difference, tied in zip(found.differences, found.tied):
        shown = difference if wide else Interval(difference.mean, None, None)
        text = "-" if math.isnan(difference.mean) else _written(shown, unit)
        cells.append(text if alone else f"{text} {SAME if tied else ' '}")
    return [("best" if alone else f"{unit.number(0)} {SAME}"), *cells[1:]]


def _interval(result: CandidateResult, form: Score) -> str:
    if not result.scores.test:
        return "-"
    return _written(summary(result.scores.test, bounds=form.bounds), form.unit)


def _written(interval: Interval, unit: Unit) -> str:
    if math.isnan(interval.mean):
        return "nan"
    mean, low, high = (None if x is None else unit.number(x) for x in interval)
    return f"{mean}" if low is None else f"{mean} [{low}, {high}]"


def _settings(results: Results, first: Sequence[str]) -> dict[str, list[str]]:
    """A column for each name that was tuned, some of them first."""
    tuned = list(dict.fromkeys(name for r in results for name in tuned_names(r)))
    names = [*(n for n in first if n in tuned), *(n for n in tuned if n not in first)]
    return {name.replace("_", " "): [setting_text(r, name) for r in results] for name in names}


def _shown(values: Sequence[float], write: Callable[[float], str]) -> str:
    return write(float(np.mean(values))) if values else "-"


def _optional(value: Any, form: str, factor: float = 1) -> str:
    return "-" if value is None else form.format(value * factor)

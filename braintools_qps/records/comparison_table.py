"""The table of a comparison, the best candidate first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .._wording import shortened
from .candidate import CandidateResult, ComparisonData
from .columns import CANDIDATE_COLUMNS, SCORE, all_tuned_names, score_of, setting_text
from .notes import MARK, notes_below, to_use
from .ranking import Ranking, ranking
from .table import WIDTH, Rows, Table, in_parts, known_columns, text_table, wrapped
from .verdict import verdict

LEAST_LABEL = 16


def comparison_table(comparison: ComparisonData, *, wide: bool = True) -> Table:
    """A row for each candidate; those that are not lower than any other are marked."""
    score, order = score_of(comparison), ranking(comparison)
    results = order.ranked
    columns = {}
    for column in CANDIDATE_COLUMNS:
        if column.header and (wide or column.narrow):
            title = score.heading if column.header == SCORE else column.header
            columns[title] = [column.cell(result, score) for result in results]
        if column.header == SCORE:
            columns |= _from_first(comparison, order, wide=wide) | _settings(results)
    labels = [shortened(result.label) for result in results]
    rows = [["surrogate", *columns], *zip(labels, *columns.values())]
    tied = {r.label for r in order.tied} if order.possible_loss is not None else ()
    marked = [row for row, result in enumerate(results, 1) if result.label in tied]
    return Table(
        known_columns(rows), says=verdict(comparison),
        notes=[*notes_below(comparison, wide=wide)], closing=[to_use(comparison)], marked=marked,
    )  # fmt: skip


def comparison_text(comparison: ComparisonData, *, wide: bool = False) -> str:
    """The table as text, in 80 characters or with all columns, and below it all sentences."""
    table = comparison_table(comparison, wide=wide)
    parts = [table.rows] if wide else in_parts(_narrowed(table.rows), 1)
    text = "\n\n".join(map(text_table, parts))
    return "\n".join([text, *wrapped(*table.says, *table.notes, *table.closing)])


def _from_first(comparison: ComparisonData, order: Ranking, *, wide: bool) -> dict[str, list[str]]:
    """Differences from the first."""
    if len(order.ranked) < 2 or not order.tied:
        return {}
    score, cells = score_of(comparison), []
    for result in order.ranked:
        if result.diverged:
            cells.append("-")
            continue
        interval = order.differences[result.label]
        text = score.interval(interval) if wide else score.number(interval.mean)
        if result is order.ranked[0]:
            text = "first"
        elif result.label in order.unlearned:
            text = "at chance"
        if order.possible_loss is not None and len(order.tied) > 1:
            text += f" {' ' if result.label in order.lower else MARK}"
        cells.append(text)
    return {"difference" if wide else "vs first": cells}


def _settings(results: Sequence[CandidateResult]) -> dict[str, list[str]]:
    """A column for each name that was tuned."""
    names = all_tuned_names(results)
    return {n.replace("_", " "): [setting_text(result, n) for result in results] for n in names}


def _narrowed(rows: Rows) -> Rows:
    """Fit a table into 80 characters: headers in two lines, long labels in several."""
    (first, *titles), *body = rows
    halves = [("", t) if t.endswith("%") else t.rpartition(" ")[::2] for t in titles]
    above, below = ([pair[line] for pair in halves] for line in (0, 1))
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
    spaced = label.replace("(", "( ")
    return [line.replace("( ", "(") for line in textwrap.wrap(spaced, room, subsequent_indent="  ")]

"""The table of a comparison, the best candidate first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._wording import shortened
from .columns import CANDIDATE_COLUMNS, SCORE
from .notes import notes_below, to_use
from .scores import score_of
from .settings import ALWAYS, all_tuned_names, setting_text
from .table import WIDTH, Rows, Table, known_columns, text_table, wrapped
from .verdict import MARK, enough_seeds, never_learned

if TYPE_CHECKING:
    from .comparison import Comparison

LEAST_LABEL = 16


def comparison_table(comparison: Comparison, *, wide: bool = True) -> Table:
    """A row for each candidate; those that may be best are marked."""
    score, results = score_of(comparison), comparison.ranked
    columns = {}
    for column in CANDIDATE_COLUMNS:
        if column.header and (wide or column.narrow):
            title = score.heading if column.header == SCORE else column.header
            columns[title] = [column.cell(result, score) for result in results]
        if column.header == SCORE:
            columns |= _against_best(comparison, wide=wide) | _settings(comparison, wide=wide)
    labels = [shortened(result.label) for result in results]
    rows = [["surrogate", *columns], *zip(labels, *columns.values())]
    tied = {result.label for result in comparison.tied} if enough_seeds(comparison) else ()
    marked = [row for row, result in enumerate(results, 1) if result.label in tied]
    return Table(
        known_columns(rows), says=[comparison.verdict, comparison.convergence],
        notes=[*notes_below(comparison, wide=wide)], closing=[to_use(comparison)], marked=marked,
    )  # fmt: skip


def comparison_text(comparison: Comparison, *, wide: bool = False) -> str:
    """The table as text, in 80 characters or with all columns, and below it all sentences."""
    table = comparison_table(comparison, wide=wide)
    text = text_table(table.rows if wide else _narrowed(table.rows))
    return "\n".join([text, *wrapped(*table.says, *table.notes, *table.closing)])


def _against_best(comparison: Comparison, *, wide: bool) -> dict[str, list[str]]:
    """Differences from the best, and numbers of seeds where they differ."""
    results, tied = comparison.ranked, comparison.tied
    if len(results) < 2 or not tied:
        return {}
    score, differences = score_of(comparison), comparison.differences
    labels, is_alone = {result.label for result in tied}, len(tied) == 1
    cells = []
    for result in results:
        interval = differences[result.label]
        text = score.interval(interval) if wide else score.number(interval.mean)
        if is_alone and result is tied[0]:
            text = "best"
        elif never_learned(comparison, result):
            text = "guesses"
        if enough_seeds(comparison) and not is_alone:
            text += f" {MARK if result.label in labels else ' '}"
        cells.append("-" if result.diverged else text)
    seeds = [str(len(result.seeds)) for result in results]
    counts = {"seeds": seeds} if len({*seeds} - {"0"}) > 1 else {}
    return {"difference" if wide else "vs best": cells} | counts


def _settings(comparison: Comparison, *, wide: bool) -> dict[str, list[str]]:
    """A column for each name that was tuned; the narrow table has the dampening first."""
    tuned = all_tuned_names(comparison.ranked)
    first = [] if wide else [name for name in reversed(ALWAYS) if name in tuned]
    names = dict.fromkeys([*first, *tuned])
    return {
        name.replace("_", " "): [setting_text(result, name) for result in comparison.ranked]
        for name in names
    }


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

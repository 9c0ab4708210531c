"""A table with its notes: as text, as HTML, and the text of a value in it."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

from .._wording import shortened

Rows = Sequence[Sequence[str]]  # the header first
SHADE = "rgba(127, 127, 127, 0.2)"  # on light and dark pages


class Table(NamedTuple):
    """A table, and what stands above and below it."""

    rows: Rows
    notes: Sequence[str] = ()
    marked: Container[int] = ()  # rows that are shaded in HTML; the header is row 0
    left: int = 1  # columns of the text that are aligned to the left
    above: Sequence[str] = ()  # lines of the text; HTML leaves empty ones out

    @property
    def text(self) -> str:
        """The table as text."""
        return "\n".join([*self.above, text_table(self.rows, self.notes, left=self.left)])

    @property
    def html(self) -> str:
        """The table as HTML, for notebooks."""
        above = [html_note(line) for line in self.above if line]
        lines = [
            _html_row("td" if number else "th", row, number in self.marked)
            for number, row in enumerate(self.rows)
        ]
        return "\n".join([*above, "<table>", *lines, "</table>", *map(html_note, self.notes)])


def cell(value: object) -> str:
    """One line for any value: lists and mappings with commas, numbers with six digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None or (isinstance(value, (Mapping, list, tuple)) and not value):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {cell(inner)}" for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(cell, value))
    return " ".join(str(value).split())


def fields_table(record: Any, *, cut: Callable[[str], str] = shortened) -> Table:
    """The fields of any record, a row for each."""
    names = (field.name for field in dataclasses.fields(record))
    rows = [[name, cut(cell(getattr(record, name)))] for name in names]
    return Table([["", type(record).__name__], *rows], left=2)


def text_table(rows: Rows, notes: Sequence[str] = (), *, left: int = 1) -> str:
    """A table as text: the first ``left`` columns are aligned to the left; notes follow below."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [_text_row(row[:left], row[left:], widths) for row in rows]
    return "\n".join([*lines, *(f"- {note}" for note in notes)])


def html_note(text: str) -> str:
    """A sentence beside a table."""
    return f"<p>{html.escape(text)}</p>"


def _text_row(left: Sequence[str], right: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(left, widths)]
    cells += [cell.rjust(width) for cell, width in zip(right, widths[len(left) :])]
    return "  ".join(cells).rstrip()


def _html_row(tag: str, cells: Sequence[str], marked: bool) -> str:
    row = f'<tr style="background: {SHADE}">' if marked else "<tr>"
    return row + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

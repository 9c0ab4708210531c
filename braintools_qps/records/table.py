"""A table with its notes: as text, as HTML, and the text of a value in it."""

from __future__ import annotations

import dataclasses
import html
import textwrap
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

from .._wording import shortened

WIDTH = 80  # characters of a terminal

Rows = Sequence[Sequence[str]]  # the header first
SHADE = "rgba(127, 127, 127, 0.2)"  # on light and dark pages


class Table(NamedTuple):
    """A table, and the sentences above and below it, of which empty ones are left out."""

    rows: Rows
    says: Sequence[str] = ()  # the answer, which comes first
    title: str = ""
    notes: Sequence[str] = ()  # below the table
    closing: Sequence[str] = ()  # below the notes
    marked: Container[int] = ()  # rows that are shaded in HTML; the header is row 0
    left: int = 1  # columns of the text that are aligned to the left
    extra: int = 0  # last columns, which `narrow` lacks

    @property
    def narrow(self) -> Table:
        """The table without its extra columns."""
        rows = [row[: len(row) - self.extra] for row in self.rows]
        return self._replace(rows=rows, extra=0)

    @property
    def text(self) -> str:
        """The table as text of at most 80 characters in a line: a wide one in several parts."""
        says = wrapped(*self.says)
        above = [*says, *[""] * bool(says), *wrapped(self.title)]
        parts = [text_table(rows, left=self.left) for rows in in_parts(self.rows, self.left)]
        below = [*wrapped(*self.notes, first="- ", others="  "), *wrapped(*self.closing)]
        return "\n".join([*above, "\n\n".join(parts), *below])

    @property
    def html(self) -> str:
        """The table as HTML, for notebooks."""
        above = _paragraphs(*self.says, self.title)
        lines = [
            _html_row("td" if number else "th", row, number in self.marked)
            for number, row in enumerate(self.rows)
        ]
        below = _paragraphs(*self.notes, *self.closing)
        return "\n".join([*above, "<table>", *lines, "</table>", *below])


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


def known_columns(rows: Rows) -> Rows:
    """The table without columns of which nothing is known, but for that of the labels."""
    labels, *others = zip(*rows)
    known = [column for column in others if any(text not in ("", "-") for text in column[1:])]
    return [*zip(labels, *known)]


def in_parts(rows: Rows, left: int) -> list[Rows]:
    """The columns of a table in parts that fit into 80 characters; each begins with the labels."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    parts: list[list[int]] = [[]]
    for column in range(left, len(widths)):
        wide = sum(2 + widths[n] for n in [*range(left), *parts[-1], column]) - 2
        if parts[-1] and wide > WIDTH:
            parts.append([])
        parts[-1].append(column)
    return [[[*row[:left], *(row[n] for n in part)] for row in rows] for part in parts]


def text_table(rows: Rows, *, left: int = 1) -> str:
    """A table as text: the first ``left`` columns are aligned to the left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(_text_row(row[:left], row[left:], widths) for row in rows)


def wrapped(*sentences: str, first: str = "", others: str = "") -> list[str]:
    """Sentences in lines of at most 80 characters; options stay whole.

    The first line of each sentence begins with ``first``, each further one with ``others``.
    """
    wrapper = textwrap.TextWrapper(
        WIDTH, first, others, break_on_hyphens=False, break_long_words=False
    )
    return [line for sentence in sentences for line in wrapper.wrap(sentence)]


def _paragraphs(*sentences: str) -> list[str]:
    """Sentences as HTML."""
    return [f"<p>{html.escape(sentence)}</p>" for sentence in sentences if sentence]


def _text_row(left: Sequence[str], right: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(left, widths)]
    cells += [cell.rjust(width) for cell, width in zip(right, widths[len(left) :])]
    return "  ".join(cells).rstrip()


def _html_row(tag: str, cells: Sequence[str], marked: bool) -> str:
    row = f'<tr style="background: {SHADE}">' if marked else "<tr>"
    return row + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

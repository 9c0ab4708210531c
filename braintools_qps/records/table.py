"""Tables of records, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

Rows = Sequence[Sequence[str]]  # the header first


def text_table(rows: Rows, below: Sequence[str] = ()) -> str:
    """Columns two spaces apart: the first to the left, the others to the right; notes below."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        for row in rows
    ]
    notes = (f"- {note}" for note in below)
    return "\n".join([*("  ".join(line).rstrip() for line in lines), *notes])


def html_table(rows: Rows, below: Sequence[str] = ()) -> str:
    """The same as HTML, for notebooks."""
    head, *body = rows
    lines = [_html_row("th", head), *(_html_row("td", row) for row in body)]
    notes = (html_note(note) for note in below)
    return "\n".join(["<table>", *lines, "</table>", *notes])


def html_note(text: str) -> str:
    """A sentence beside a table."""
    return f"<p>{html.escape(text)}</p>"


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table between empty lines."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n\n" + "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n\n"

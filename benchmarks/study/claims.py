"""Every figure that a page quotes from the study, by a key: what the pages say is written by this.

A page marks what it quotes, as ``<!--study:KEY-->VALUE<!--/-->``. `refreshed` puts the value of
today's JSON there, and a test fails where that changes a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import numbers
from .intervals import Effect
from .store import Store

MARKED = re.compile(r"<!--study:(?P<key>[^>]+?)-->(?P<value>.*?)<!--/-->", re.DOTALL)
ROOT = Path(__file__).parents[2]


def pages() -> list[Path]:
    """Pages that may quote the study."""
    docs = ROOT / "docs"
    written = (page for page in docs.rglob("*.md") if docs / "_build" not in page.parents)
    return [ROOT / "README.md", *sorted(written)]


def claims(store: Store) -> dict[str, str]:
    """What each key stands for. Effects also have a key that ends with "with interval"."""
    return dict(_flat("", numbers.everything(store)))


def refreshed(text: str, known: Mapping[str, str]) -> str:
    """The text with what is marked put right.

    Raises
    ------
    KeyError
        If a key is none of the study's.
    """
    put = lambda match: f"<!--study:{match['key']}-->{known[match['key']]}<!--/-->"
    return MARKED.sub(put, text)


def write(store: Store) -> list[Path]:
    """Refresh all pages; return those that changed."""
    known, changed = claims(store), []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if MARKED.search(text) and (new := refreshed(text, known)) != text:
            page.write_text(new, encoding="utf-8")
            changed.append(page)
    return changed


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Effect):
        yield prefix, f"{value.value:.1f}"
        yield f"{prefix} with interval", f"{value:.1f}"
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(f"{prefix} {name}".strip(), part)
    else:
        yield prefix, f"{value:.1f}" if isinstance(value, float) else str(value)

"""What the pages of the study show: every figure and table, from the files of docs/results.

Sphinx puts them where a page says ``{{ study.NAME }}`` (``myst_substitutions`` of `docs/conf.py`).
"""

from __future__ import annotations

from functools import cache

from . import equal, matter, referee, start


@cache
def study() -> dict[str, str]:
    """Every figure and table by name."""
    return start.tables() | matter.tables() | equal.tables() | referee.tables()

"""What pages show: tables and figures from docs/results and benchmarks/results.

Sphinx puts them where a page says ``{{ study.NAME }}``, and likewise for ``casebook``, ``stacks``
and ``gains`` (``myst_substitutions`` of `docs/conf.py`).
"""

from __future__ import annotations

from functools import cache

from . import gains, stacks
from .casebook import pages as casebook
from .study import equal, matter, referee, start


@cache
def substitutions() -> dict[str, dict[str, str]]:
    """Every table and figure, by the part that it is of and its name."""
    study = start.tables() | matter.tables() | equal.tables() | referee.tables()
    parts = {"casebook": casebook, "stacks": stacks, "gains": gains}
    return {"study": study} | {name: part.tables() for name, part in parts.items()}

"""What pages show: tables and figures from docs/results and benchmarks/results.

Sphinx puts them where a page says ``{{ study.NAME }}``, and likewise for ``casebook``, ``stacks``
and ``gains`` (``myst_substitutions`` of `docs/conf.py`).
"""

from __future__ import annotations

from functools import cache

from . import gains, stacks
from .casebook import pages as casebook
from .study import adaptive, by_trial, equal, matter, referee, short, start


@cache
def substitutions() -> dict[str, dict[str, str]]:
    """Every table and figure, by the part that it is of and its name."""
    of_study = (start, matter, equal, referee, by_trial, adaptive, short)
    study = {name: text for part in of_study for name, text in part.tables().items()}
    parts = {"casebook": casebook, "stacks": stacks, "gains": gains}
    return {"study": study} | {name: part.tables() for name, part in parts.items()}

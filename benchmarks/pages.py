"""What pages of the documentation show: tables and figures from the files of docs/results.

Sphinx puts them where a page says ``{{ study.NAME }}``, ``{{ casebook.NAME }}`` or
``{{ stacks.NAME }}`` (``myst_substitutions`` of `docs/conf.py`).
"""

from __future__ import annotations

from functools import cache

from . import stacks
from .casebook import pages as casebook
from .study import equal, matter, referee, start


@cache
def substitutions() -> dict[str, dict[str, str]]:
    """Every table and figure, by the part that it is of and its name."""
    study = start.tables() | matter.tables() | equal.tables() | referee.tables()
    return {"study": study, "casebook": casebook.tables(), "stacks": stacks.tables()}

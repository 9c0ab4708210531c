"""Texts of measured numbers: for pages of the site, and for README files of benchmarks/results.

Sphinx puts them where a page says ``{{ study.NAME }}``, and likewise for ``casebook``, ``stacks``
and ``gains`` (``myst_substitutions`` of `docs/conf.py`). ``python -m benchmarks.pages`` renews
those of the README files. The study and the stacks are finished: a file keeps their texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from . import gains
from .casebook import pages as casebook
from .report import RESULTS

FINISHED = RESULTS / "study" / "tables.json"


@cache
def substitutions() -> dict[str, dict[str, str]]:
    """Every text, by the part that it is of and its name."""
    finished = json.loads(FINISHED.read_text("utf-8"))
    return finished | {"casebook": casebook.tables(), "gains": gains.tables()}


def filled(page: str, texts: Mapping[str, str]) -> str:
    """The page with each text between ``<!-- NAME -->`` and ``<!-- /NAME -->``."""
    marks = re.compile(r"<!-- (\w+) -->.*?<!-- /\1 -->", re.DOTALL)
    return marks.sub(
        lambda mark: f"<!-- {mark[1]} -->{_apart(texts[mark[1]])}<!-- /{mark[1]} -->", page
    )


def _apart(text: str) -> str:
    """A table needs blank lines around it; a number stays in its sentence."""
    return f"\n\n{text}\n\n" if "\n" in text else text


def readme(part: str) -> tuple[Path, str]:
    """A README file of results, and what it should say."""
    path = RESULTS / {"gains": "", "casebook": "casebook"}[part] / "README.md"
    return path, filled(path.read_text("utf-8"), substitutions()[part])


if __name__ == "__main__":
    for part in ("gains", "casebook"):
        path, text = readme(part)
        path.write_text(text, encoding="utf-8")
        print("written:", path)

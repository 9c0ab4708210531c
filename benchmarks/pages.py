"""Numbers of the README files of benchmarks/results, from the results beside them.

``python -m benchmarks.pages`` writes them, each between ``<!-- NAME -->`` and ``<!-- /NAME -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from . import gains
from .casebook import pages as casebook
from .report import RESULTS

READMES: Mapping[Path, Callable[[], dict[str, str]]] = {
    RESULTS / "README.md": gains.tables,
    RESULTS / "casebook" / "README.md": casebook.tables,
}


def filled(readme: Path) -> str:
    """What the file should say."""
    texts = READMES[readme]()
    marks = re.compile(r"<!-- (\w+) -->.*?<!-- /\1 -->", re.DOTALL)
    between = lambda mark: f"<!-- {mark[1]} -->{_apart(texts[mark[1]])}<!-- /{mark[1]} -->"
    return marks.sub(between, readme.read_text("utf-8"))


def _apart(text: str) -> str:
    """A table needs blank lines around it; a number stays in its sentence."""
    return f"\n\n{text}\n\n" if "\n" in text else text


if __name__ == "__main__":
    for readme in READMES:
        readme.write_text(filled(readme), encoding="utf-8")
        print("written:", readme)

"""Show in the README what `compare` gives by default.

    python -m braintools_qps compare --out results
    python docs/figures/default_comparison.py results

puts the table into ``README.md``, and figure and record beside the site's static files.
"""

import re
import shutil
import sys
from pathlib import Path

from braintools_qps import Comparison

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "docs" / "_static"
TABLE = re.compile(r"(?<=<!-- comparison: ).*?```text\n(.*?)```", re.DOTALL)


def show(results: Path) -> None:
    for name in ("comparison.json", "comparison.png"):
        shutil.copy2(results / name, STATIC / name)
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    start, end = TABLE.search(text).span(1)
    readme.write_text(f"{text[:start]}{table()}\n{text[end:]}", encoding="utf-8")


def table() -> str:
    """The table of the record that is kept."""
    record = (STATIC / "comparison.json").read_text(encoding="utf-8")
    return str(Comparison.from_json(record)).rstrip()


if __name__ == "__main__":
    show(Path(sys.argv[1]))

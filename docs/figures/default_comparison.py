"""Show in the README what `compare` gives by default.

    python -m braintools_qps compare --out results
    python docs/figures/default_comparison.py results

puts the table into ``README.md``, and the record beside the site's static files. With new
defaults, also run `compare --epochs N --out longer` for twice the epochs, for a test of the
verdict, and `compare --out grown --most-seeds 40 --margin 1` for the guide. Name both as well:

    python docs/figures/default_comparison.py results longer grown
"""

import dataclasses
import re
import shutil
import sys
from pathlib import Path

from braintools_qps import Comparison
from braintools_qps.records import Curves

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "docs" / "_static"
BELOW = "In the last "  # begins what the README leaves out
TABLE = re.compile(r"(?<=<!-- comparison: ).*?```text\n(.*?)```", re.DOTALL)


def show(results: Path) -> None:
    shutil.copy2(results / "comparison.json", STATIC / "comparison.json")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    start, end = TABLE.search(text).span(1)
    readme.write_text(f"{text[:start]}{table()}\n{text[end:]}", encoding="utf-8")


def table() -> str:
    """The table of the record that is kept, and its verdict."""
    return str(read(STATIC)).partition(f"\n{BELOW}")[0]


def keep_scores(directory: Path, name: str) -> None:
    """Keep a comparison without its curves and trials."""
    comparison = read(directory)
    short = [dataclasses.replace(r, curves=Curves(), tuning=None) for r in comparison.results]
    comparison = dataclasses.replace(comparison, results=tuple(short))
    (STATIC / f"comparison-{name}.json").write_text(comparison.to_json(indent=1) + "\n")


def read(directory: Path) -> Comparison:
    return Comparison.from_json((directory / "comparison.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    show(Path(sys.argv[1]))
    for directory, name in zip(sys.argv[2:], ("longer", "grown")):
        keep_scores(Path(directory), name)

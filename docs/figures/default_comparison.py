"""Show in the README what `compare` gives by default.

    python -m braintools_qps compare --out results
    python docs/figures/default_comparison.py results

puts the table and the verdict into ``README.md``, and the record beside the site's static files.
"""

import re
import shutil
import sys
from itertools import accumulate
from pathlib import Path

from braintools_qps import Comparison

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs" / "_static" / "comparison.json"
README = ROOT / "README.md"
TABLE = re.compile(r"(?<=<!-- comparison: ).*?```text\n(.*?)```", re.DOTALL)


def table(comparison: Comparison) -> str:
    """What is printed, up to the end of the verdict."""
    words = lambda text: " ".join(text.split())
    texts = accumulate(str(comparison).splitlines(keepends=True))
    return next(text for text in texts if words(text).endswith(words(comparison.verdict)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        shutil.copy2(Path(sys.argv[1]) / "comparison.json", KEPT)
    text = README.read_text(encoding="utf-8")
    start, end = TABLE.search(text).span(1)
    shown = table(Comparison.from_json(KEPT.read_text(encoding="utf-8")))
    README.write_text(f"{text[:start]}{shown}{text[end:]}", encoding="utf-8")

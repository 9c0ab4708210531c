"""Types of the code on the pages and in the README, by mypy: ``python docs/typed_pages.py``.

The code of a page becomes a module whose lines have the numbers that they have on the page.
Signatures, which are no expressions, stand in blocks of ``py``, which are not read.
"""

import re
import sys
from pathlib import Path

from mypy import api

ROOT = Path(__file__).parents[1]
MODULES = ROOT / ".mypy_cache" / "pages"
BLOCK = re.compile(
    r"^```(?:python|\{code-cell\} ipython3)\n(?::[\w-]+:[^\n]*\n)*(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PROMPT = re.compile(r"(?:>>>|\.\.\.) ?(.*)")
# A fragment that is not run may leave out its imports; a page that is run cannot lack a name.
NAMES = "; ".join(f"from braintools_qps{room} import *" for room in ("", ".plotting", ".testing"))
OPTIONS = [
    "--allow-redefinition",
    "--check-untyped-defs",
    *(f"--disable-error-code={code}" for code in ("name-defined", "has-type", "used-before-def")),
]


def pages() -> list[Path]:
    made = {"_build", "generated", "jupyter_execute"}
    written = [path for path in (ROOT / "docs").rglob("*.md") if not made & set(path.parts)]
    return [ROOT / "README.md", *sorted(written)]


def module(page: str) -> str:
    """The code of a page, every line in its place."""
    lines = ["" for _ in page.splitlines()]
    for block in BLOCK.finditer(page):
        code = block[1].splitlines()
        if code and PROMPT.match(code[0]):
            code = [prompt[1] if (prompt := PROMPT.match(line)) else "" for line in code]
        first = page.count("\n", 0, block.start(1))
        lines[first : first + len(code)] = code
    return "\n".join([NAMES, *lines[1:], ""])


def main() -> int:
    MODULES.mkdir(parents=True, exist_ok=True)
    sources = {}
    for page in pages():
        place = page.relative_to(ROOT)
        file = MODULES / f"{'_'.join(place.with_suffix('').parts)}.py"
        file.write_text(module(page.read_text(encoding="utf-8")), encoding="utf-8")
        sources[str(file.relative_to(ROOT))] = str(place)
    told, failed, status = api.run([*OPTIONS, *sources])
    for file, place in sources.items():
        told = told.replace(file, place)
    print(told, failed, sep="", end="")
    return status


if __name__ == "__main__":
    sys.exit(main())

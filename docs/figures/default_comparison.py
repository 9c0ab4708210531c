"""Run the comparison of the README and write it into the pages: ``nox -s figures``.

It runs the command that the README gives, in this checkout, and keeps its record as
docs/_static/comparison.json. Commit, versions, processor and date go into comparison_made.json, and
the figure into comparison.png. README, landing page, *Reading a comparison* and the lesson *Choose
a surrogate* get the table, the verdict and the line that says where they come from.

``--kept`` only writes the pages again. A record of another version, or of a commit since which the
package has changed, is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
import sys
import tomllib
from itertools import accumulate
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from braintools_qps import Comparison
from braintools_qps.plotting import plot_comparison

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "docs" / "_static"
RECORD, MADE, PICTURE = (
    STATIC / name for name in ("comparison.json", "comparison_made.json", "comparison.png")
)
PAGES = "README.md", "docs/index.md", "docs/guides/reading.md", "docs/tutorials/choose.md"
COMMAND = r"^python (-m braintools_qps compare --out (\S+))$"
MEASURED = "braintools_qps", "pyproject.toml"  # if these are unchanged, so are the numbers


def main() -> None:
    if "--kept" not in sys.argv:
        made = here()
        refuse_others(made)
        [(arguments, out)] = re.findall(COMMAND, (ROOT / "README.md").read_text("utf-8"), re.M)
        subprocess.run([sys.executable, *shlex.split(arguments)], cwd=ROOT, check=True)
        keep((ROOT / out / "comparison.json").read_text("utf-8"), made)
    refuse_others(json.loads(MADE.read_text("utf-8")))
    for page in PAGES:
        path = ROOT / page
        path.write_text(filled(path.read_text("utf-8")), encoding="utf-8")
        print("written:", page)


def here() -> dict[str, Any]:
    """The commit that is checked out, the versions that run, and the machine."""
    sys.path.append(str(ROOT))  # benchmarks/ is not installed
    from benchmarks.report import environment

    return {"commit": git("rev-parse", "--short=8", "HEAD"), "environment": environment()}


def refuse_others(made: dict[str, Any], root: Path = ROOT) -> None:
    """End the program if a record is not one of the version and the code that are checked out."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if version_of(made) != version:
        sys.exit(
            f"the comparison is one of version {version_of(made)}, and {version} is checked out: "
            "install the checkout (pip install -e .) and run this again without --kept"
        )
    changed = git("diff", "--name-only", made["commit"], "--", *MEASURED, root=root)
    changed += git("ls-files", "--others", "--exclude-standard", "--", *MEASURED, root=root)
    if changed:
        sys.exit(
            f"the code differs from that of the comparison, commit {made['commit']}: "
            f"{', '.join(changed.split())}. Commit it and run this again without --kept"
        )


def version_of(made: dict[str, Any]) -> str:
    return made["environment"]["versions"]["braintools-qps"]


def keep(text: str, made: dict[str, Any]) -> None:
    """Save the record, what it was made with, and its figure."""
    comparison = Comparison.from_json(text)
    ran = comparison.environment["packages"]["braintools-qps"]
    if ran != version_of(made):
        sys.exit(f"the comparison was made with version {ran}, not {version_of(made)}")
    RECORD.write_text(text, encoding="utf-8")
    MADE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    plt.style.use(STATIC.parent / "matplotlibrc")
    plot_comparison(comparison)
    plt.savefig(PICTURE, metadata={"Description": digest(text)})


def digest(text: str) -> str:
    """What tells whether a figure was drawn from this record."""
    return hashlib.sha256(text.encode()).hexdigest()


def filled(page: str) -> str:
    """The page with the table, the verdict and the source of the kept comparison."""
    comparison = Comparison.from_json(RECORD.read_text("utf-8"))
    made = json.loads(MADE.read_text("utf-8"))
    facts = made["environment"]
    runs = f"Python {facts['python']}, JAX {facts['versions']['jax']}"
    where = f"{facts['processor']}, {facts['cores']} cores, {facts['date']}"
    source = f"Version {version_of(made)}, commit {made['commit']}, {runs}, {where}"
    source += f" (`docs/_static/{RECORD.name}`)."
    texts = {
        "comparison": f"```text\n{table(comparison)}```\n\n{source}",
        "verdict": f"> {sentence(comparison)}",
    }
    marks = re.compile(r"<!-- (comparison|verdict) -->\n.*?<!-- /\1 -->", re.DOTALL)
    return marks.sub(lambda m: f"<!-- {m[1]} -->\n{texts[m[1]]}\n\n<!-- /{m[1]} -->", page)


def table(comparison: Comparison) -> str:
    """What is printed, up to the end of the verdict."""
    words = lambda text: " ".join(text.split())
    texts = accumulate(str(comparison).splitlines(keepends=True))
    return next(text for text in texts if words(text).endswith(words(comparison.verdict)))


def sentence(comparison: Comparison) -> str:
    """The first line of the verdict, which says which surrogate to take."""
    return comparison.verdict.splitlines()[0]


def git(*arguments: str, root: Path = ROOT) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()

"""The landing page cures a network, and the README says what it prints."""

import re
from pathlib import Path

import brainstate
import pytest

pytest.importorskip("brainpy", reason="brainpy is not installed")
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
CELLS = re.findall(
    r"```\{code-cell\} ipython3\n(?::\w+:[^\n]*\n|\n)*(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.thorough  # the build of the documentation runs them, too
def test_the_readme_says_what_the_cure_prints(capsys):
    namespace = {}
    with brainstate.environ.context(), brainstate.random.seed_context(0):
        for cell in CELLS[:3]:
            exec(cell, namespace)
    brainstate.environ.pop("dt", None)
    out = capsys.readouterr().out
    shares = lambda pattern, text: [int(share) for share in re.findall(pattern, text)]
    printed = shares(r"(\d+)% of the test images", out)
    assert shares(r"train\(model\) +(\d+)%", README) == pytest.approx(printed, abs=2)
    block = README.partition("<!-- cure")[2].partition("```text\n")[2].partition("```")[0]
    for line in block.splitlines()[1:-1]:
        words = line.removeprefix("print(prepare(model, inputs))").strip()
        for part in words.split("[...]"):
            assert part.strip() in out

"""The README's blocks of Python run as they stand (those with prompts are doctests)."""

import re
from pathlib import Path

import pytest

from braintools_qps import Comparison

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DEFAULT = ROOT / "docs" / "_static" / "comparison.json"
BLOCKS = [
    block
    for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    if not block.startswith(">>>")
]


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block, capsys):
    exec(compile(block, str(README), "exec"), {})
    for printed in re.findall(r"print\(.*  # (\(.*?\))", block):
        assert printed in capsys.readouterr().out


def test_the_two_commands_are_marked_for_continuous_integration():
    assert re.findall(r"<!-- ci: (\w+) -->\n```bash\n", README.read_text()) == ["run", "test"]


def test_the_table_is_that_of_the_kept_comparison():
    """`python docs/figures/default_comparison.py results` renews both, and the picture."""
    comparison = Comparison.from_json(DEFAULT.read_text(encoding="utf-8"))
    assert f"```text\n{str(comparison).rstrip()}\n```" in README.read_text(encoding="utf-8")
    assert comparison.finished


def test_the_verdict_is_the_same_at_twice_the_epochs():
    kept = (DEFAULT, DEFAULT.with_stem("comparison-longer"))
    default, longer = (Comparison.from_json(file.read_text(encoding="utf-8")) for file in kept)
    assert longer.settings == {**default.settings, "epochs": 2 * default.settings["epochs"]}
    assert {result.label for result in longer.tied} == {result.label for result in default.tied}
    guide = (ROOT / "docs" / "guides" / "choosing.md").read_text(encoding="utf-8")
    assert f"at {longer.settings['epochs']} epochs the verdict is the same" in guide


def test_at_most_800_words():
    assert len(README.read_text(encoding="utf-8").split()) <= 800

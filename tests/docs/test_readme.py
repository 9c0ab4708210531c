"""The README's blocks of Python run as they stand (those with prompts are doctests)."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
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

"""CONTRIBUTING.md says where things are: they are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "braintools_qps"
PLAN = (ROOT / "CONTRIBUTING.md").read_text().partition("## Where things are")[2]
FILES = sorted(set(re.findall(r"`([\w/]+\.py)`", PLAN)))
NAMED = re.findall(r"`(\w+)` in\s+`([\w/]+\.py)`", PLAN)


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_there(name):
    assert (PACKAGE / name).exists()


@pytest.mark.parametrize(("name", "file"), NAMED)
def test_the_function_is_in_its_file(name, file):
    assert re.search(rf"^(?:def|class) {name}\b", (PACKAGE / file).read_text(), re.M)


def test_every_room_is_on_the_plan():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"`(\w+)`", PLAN))

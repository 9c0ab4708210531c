"""CONTRIBUTING.md says where things are: they are there."""

import ast
import re
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "braintools_qps"
PLAN = (ROOT / "CONTRIBUTING.md").read_text().partition("## Where things are")[2]
FILES = sorted(set(re.findall(r"`([\w/]+\.py)`", PLAN)))
NAMED = re.findall(r"`(\w+)` in\s+`([\w/]+\.py)`", PLAN)
# The rooms of each row of the table, from the top.
FLOORS = [re.findall(r"`(\w+)(?:\.py)?`", row) for row in re.findall(r"^\| (`.*?) \|", PLAN, re.M)]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_there(name):
    assert (PACKAGE / name).exists()


@pytest.mark.parametrize(("name", "file"), NAMED)
def test_the_function_is_in_its_file(name, file):
    assert re.search(rf"^(?:def|class) {name}\b", (PACKAGE / file).read_text(), re.M)


def test_every_room_is_on_the_plan():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"`(\w+)`", PLAN))


def imported(path):
    """The modules of the package that a file imports, by their names below it."""
    parent = ".".join(path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            name = resolve_name("." * node.level + (node.module or ""), parent)
            names = [name] if name != PACKAGE.name else [f"{name}.{one.name}" for one in node.names]
            yield from (one.removeprefix(f"{PACKAGE.name}.") for one in names)


@pytest.mark.parametrize("room", FLOOR)
def test_a_room_uses_those_above_it_and_enters_them_by_their_init(room):
    inside = (PACKAGE / room).rglob("*.py")
    files = list(inside) or [PACKAGE / f"{room}.py"]
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files
        for name in imported(path)
        if name.partition(".")[0] != room and ("." in name or FLOOR[name] > FLOOR[room])
    ]
    assert wrong == []

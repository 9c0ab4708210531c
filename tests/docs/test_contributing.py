"""CONTRIBUTING.md says where things are: they are there."""

import ast
import re
from importlib.util import resolve_name

from helpers import ROOT

PACKAGE = ROOT / "braintools_qps"
PLAN = (ROOT / "CONTRIBUTING.md").read_text().partition("## Where things are")[2]
FILES = sorted(set(re.findall(r"`([\w/]+\.py)`", PLAN)))
NAMED = re.findall(r"`(\w+)` in\s+`([\w/]+\.py)`", PLAN)
# The rooms of each row of the table, from the top.
FLOORS = [re.findall(r"`(\w+)(?:\.py)?`", row) for row in re.findall(r"^\| (`.*?) \|", PLAN, re.M)]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def test_the_files_and_functions_are_there():
    assert all((PACKAGE / file).exists() or (ROOT / file).exists() for file in FILES)
    for name, file in NAMED:
        assert re.search(rf"^(?:def|class) {name}\b", (PACKAGE / file).read_text(), re.M), name


def test_every_room_is_on_the_plan():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"`(\w+)`", PLAN))


def test_two_files_alone_import_what_a_release_of_jax_can_break():
    inner = re.compile(r"jax\.(extend|_src|interpreters)")
    files = [path.name for path in PACKAGE.rglob("*.py") if inner.search(path.read_text())]
    assert sorted(files) == ["_jaxpr.py", "residuals.py"]


def module_of(path):
    """The name of a module below the package, that of a room for its ``__init__``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(path):
    """The modules of the package that a file imports when it runs, by their names below it."""
    parent, tree = ".".join(path.relative_to(ROOT).parts[:-1]), ast.parse(path.read_text())
    for_types = {
        node
        for part in ast.walk(tree)
        if isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING"
        for node in part.body
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in for_types:
            name = resolve_name("." * node.level + (node.module or ""), parent)
            name = name.removeprefix(PACKAGE.name).removeprefix(".")
            below = [".".join(filter(None, (name, one.name))) for one in node.names]
            named = (
                {one if one in MODULES else name for one in below} if not node.module else {name}
            )
            yield from named - {module_of(path)}


def test_a_room_uses_those_above_it_and_enters_them_by_their_init():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for module, path in MODULES.items()
        if (room := module.partition(".")[0]) in FLOOR
        for name in imported(path)
        if name.partition(".")[0] != room and ("." in name or FLOOR[name] > FLOOR[room])
    ]
    assert wrong == []

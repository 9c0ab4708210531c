"""``list``: surrogates by name, with the packages that they come from; or tasks."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from braintools.surrogate import Surrogate

    from .._registry import Entry


COLUMNS = ("NAME", "FROM", "PARAMETERS", "DESCRIPTION")
INDENT = "    "
WIDTH_OF_A_FILE = 10_000  # characters in a line where the output is no terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--tasks", action="store_true", help="list the tasks that compare --task takes"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print one row per surrogate; a plugin that cannot be loaded says so in its row."""
    if arguments.tasks:
        _print_tasks(arguments.json)
        return
    from .._registry import listed_entries

    rows = [_row(name, entry) for name, entry in sorted(listed_entries().items())]
    if arguments.json:
        print(json.dumps(rows, indent=2, allow_nan=False))
        return
    print(_table([COLUMNS, *map(_cells, rows)]))


def _print_tasks(as_json: bool) -> None:
    from .._comparison import TASKS

    described = {name: entry.sentence for name, entry in TASKS.items()}
    print(json.dumps(described, indent=2) if as_json else _table([*described.items()]))


def _row(name: str, entry: Entry) -> dict[str, Any]:
    """Who publishes a name, and the package, parameters and description of its class."""
    row = {"name": name, "distribution": entry.distribution}
    try:
        surrogate = entry.load()
        package = surrogate.__module__.partition(".")[0]
        return row | {
            "package": package.replace("_", "-"),
            "parameters": _parameters(surrogate),
            "description": summary(surrogate),
        }
    except Exception as error:  # one broken surrogate must not hide the others
        return row | {"error": " ".join(str(error).split())}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if "error" in row:
        return row["name"], row["distribution"], "", f"Broken: {row['error']}"
    parameters = [
        f"{parameter['name']}={parameter['default']}"
        if "default" in parameter
        else parameter["name"]
        for parameter in row["parameters"]
    ]
    return row["name"], row["package"], ", ".join(parameters), row["description"]


def _table(rows: list[tuple[str, ...]]) -> str:
    """Rows in columns; or one paragraph each, if columns are too wide for the terminal."""
    from .._tables import text_table

    width = shutil.get_terminal_size(fallback=(WIDTH_OF_A_FILE, 24)).columns
    table = text_table(rows, left=len(rows[0]))
    if max(map(len, table.splitlines())) <= width:
        return table
    return "\n".join(line for row in rows for line in _paragraph(row, width))


def _paragraph(row: tuple[str, ...], width: int) -> list[str]:
    """A row as a paragraph, its description below and indented."""
    wrapper = textwrap.TextWrapper(width, subsequent_indent=INDENT, break_on_hyphens=False)
    lines = wrapper.wrap("  ".join(filter(None, row[:-1])))
    wrapper.initial_indent = INDENT
    return lines + wrapper.wrap(row[-1])


def _parameters(surrogate: type[Surrogate]) -> list[dict[str, Any]]:
    """Parameters by name, with their defaults if they have one."""
    from .._registry import plain

    parameters = []
    for name, parameter in inspect.signature(surrogate).parameters.items():
        described = {"name": name}
        if parameter.default is not parameter.empty:
            described["default"] = plain(parameter.default, repr)
        parameters.append(described)
    return parameters


def summary(documented: type) -> str:
    """The first sentence of a class's own docstring, without markup and references."""
    line = inspect.cleandoc(documented.__doc__ or "").partition("\n")[0]
    return re.sub(r"\s*\[\w+\]_|:[\w:]+:|`", "", line)

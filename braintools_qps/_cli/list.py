"""``list``: surrogates by name, with the packages that they come from; or tasks."""

from __future__ import annotations

import argparse
import inspect
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from braintools.surrogate import Surrogate

    from .._registry import Entry


INDENT = "    "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--tasks", action="store_true", help="list the tasks that compare --task takes"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print what each surrogate is; a plugin that cannot be loaded says so."""
    if arguments.tasks:
        _print_tasks(arguments.json)
        return
    from .._registry import listed_entries

    rows = [_row(name, entry) for name, entry in sorted(listed_entries().items())]
    if arguments.json:
        print(json.dumps(rows, indent=2, allow_nan=False))
        return
    print(*map(_text, rows), sep="\n")


def _print_tasks(as_json: bool) -> None:
    from .._comparison import TASKS, described

    sentences = {name: described(build) for name, build in TASKS.items()}
    lines = (f"{name}\n{INDENT}{sentence}" for name, sentence in sentences.items())
    print(json.dumps(sentences, indent=2) if as_json else "\n".join(lines))


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


def _text(row: dict[str, Any]) -> str:
    """A line with the name, the package and the parameters, and below it the description."""
    if "error" in row:
        return f"{row['name']}  {row['distribution']}\n{INDENT}Broken: {row['error']}"
    parameters = [
        f"{parameter['name']}={parameter['default']}"
        if "default" in parameter
        else parameter["name"]
        for parameter in row["parameters"]
    ]
    head = f"{row['name']}  {row['package']}  {', '.join(parameters)}"
    return f"{head}\n{INDENT}{row['description']}"


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

"""``list`` and ``show``: which surrogates there are, and what one of them looks like."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import textwrap
from typing import Any

import numpy as np
from braintools.surrogate import Surrogate

from .._registry import Entry, get_surrogate, listed_entries, spec_text
from .._surrogate import GradientProfile, gradient_profile, gradient_values, scale_of
from .figures import write_surrogates
from .latex import plain

POINTS = np.array([-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0])


def add_parser(subparsers: Any) -> None:
    """Add the two subcommands."""
    parser = subparsers.add_parser("list", help="every surrogate that get_surrogate knows")
    parser.add_argument("--json", action="store_true", help="for other programs to read")
    parser.set_defaults(run=run_list)

    parser = subparsers.add_parser("show", help="formula, parameters and shape of one surrogate")
    parser.add_argument("spec", help='a name or a call, such as "QPseudoSpike(alpha=1.5)"')
    parser.add_argument("--plot", metavar="FILE", help="draw it; the suffix decides the format")
    parser.set_defaults(run=run_show)


def run_list(arguments: argparse.Namespace) -> None:
    """Print one row per surrogate; a plugin that cannot be loaded says so in its row."""
    rows = [_row(name, entry) for name, entry in sorted(listed_entries().items())]
    if arguments.json:
        print(json.dumps(rows, indent=2, allow_nan=False))
        return
    table = [("NAME", "DISTRIBUTION", "PARAMETERS", "DESCRIPTION"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table)]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())


def run_show(arguments: argparse.Namespace) -> None:
    """Print what a surrogate computes, and draw it where a file is named."""
    surrogate = get_surrogate(arguments.spec)
    print(_description(surrogate))
    if arguments.plot:
        write_surrogates([surrogate], arguments.plot)
        print(f"\nDrawn in {arguments.plot}")


def _row(name: str, entry: Entry) -> dict[str, Any]:
    row = {"name": name, "distribution": entry.distribution}
    try:
        surrogate = entry.load()
    except (ImportError, TypeError) as error:
        return row | {"error": str(error)}
    return row | {
        "parameters": _parameters(surrogate),
        "description": _first_line(surrogate),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if "error" in row:
        return row["name"], row["distribution"], "", f"Broken: {row['error']}"
    parameters = [
        f"{parameter['name']}={parameter['default']}"
        if "default" in parameter
        else parameter["name"]
        for parameter in row["parameters"]
    ]
    return row["name"], row["distribution"], ", ".join(parameters), row["description"]


def _parameters(surrogate: type[Surrogate]) -> list[dict[str, Any]]:
    """Names with defaults; a parameter that has none has no key for it."""
    parameters = []
    for name, parameter in inspect.signature(surrogate).parameters.items():
        described = {"name": name}
        if parameter.default is not parameter.empty:
            described["default"] = _json(name, parameter.default)
        parameters.append(described)
    return parameters


def _json(name: str, default: Any) -> Any:
    try:
        return spec_text.write(name, default)
    except TypeError:
        return repr(default)


def _first_line(surrogate: type[Surrogate]) -> str:
    # The class's own: inspect.getdoc would give the base class's for one without.
    line = (surrogate.__doc__ or "").strip().partition("\n")[0]
    return re.sub(r"\s*\[\w+\]_", "", line)  # references point to what is not shown


def _description(surrogate: Surrogate) -> str:
    profile = gradient_profile(surrogate)
    sections = [repr(surrogate), _first_line(type(surrogate))]
    if formula := _formula(type(surrogate)):
        sections.append("Formula\n" + textwrap.indent(formula, "  "))
    sections += [
        "Parameters\n" + _table(spec_text.written_parameters(surrogate, repr)),
        f"Gradient{_at(profile)}\n" + _gradient_table(surrogate, profile),
        "Shape of the gradient\n" + _table(_shape(profile)),
    ]
    return "\n\n".join(section for section in sections if section)


def _formula(surrogate: type[Surrogate]) -> str:
    """The first display formula for the gradient in the class's docstring, as plain text.

    braintools' docstrings begin with the Heaviside step, which is the same for all.
    """
    docstring = inspect.cleandoc(surrogate.__doc__ or "") + "\n"
    blocks = re.findall(r"\.\. math::[^\S\n]*(.*\n(?:[^\S\n]+.*\n|[^\S\n]*\n)*)", docstring)
    formulas = [textwrap.dedent(block).strip("\n") for block in blocks]
    return plain(next((formula for formula in formulas if "g'" in formula), "".join(formulas[:1])))


def _gradient_table(surrogate: Surrogate, profile: GradientProfile) -> str:
    """At multiples of the scale, so that the points are where the gradient varies."""
    scale = scale_of(surrogate) if profile.unit is not None else None
    x = POINTS if scale is None else POINTS * scale.mantissa
    gradient = gradient_values(surrogate, x, profile.unit)
    return _table({f"{point:g}": f"{value:.6g}" for point, value in zip(x, gradient)})


def _at(profile: GradientProfile) -> str:
    return "" if profile.unit is None else f", x in {profile.unit}, gradient per {profile.unit}"


def _shape(profile: GradientProfile) -> dict[str, str]:
    below, above = profile.half_width
    same = f"{below:.3g}" == f"{above:.3g}"
    width = f"{below:.3g}" if same else f"{below:.3g} below, {above:.3g} above the threshold"
    area = (
        f"{profile.area:.4g}"
        if np.isfinite(profile.area)
        else "infinite: the tails fall too slowly"
    )
    return {"peak": f"{profile.peak:.4g}", "half-width": width, "area": area}


def _table(cells: dict[str, Any]) -> str:
    width = max(map(len, cells), default=0)
    return "\n".join(f"  {name:>{width}}  {value}" for name, value in cells.items())

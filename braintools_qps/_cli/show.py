"""``show``: the parameters of one surrogate, and its gradient in numbers."""

from __future__ import annotations

import argparse
import inspect
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .list import first_sentence

if TYPE_CHECKING:
    from braintools.surrogate import Surrogate

POINTS = (-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", help='a name or a call, such as "QPseudoSpike(alpha=1.5)"')


def run(arguments: argparse.Namespace) -> None:
    """Print what a surrogate computes."""
    from .._registry import get_surrogate

    print(_description(get_surrogate(arguments.spec)))


def _description(surrogate: Surrogate) -> str:
    from .._surrogate import require_one_shape, scale_unit

    require_one_shape(surrogate)
    unit, kind = scale_unit(surrogate), type(surrogate)
    per = "" if unit is None else f", x in {unit}, gradient per {unit}"
    sections = [
        f"{surrogate!r}, from {kind.__module__}",
        textwrap.indent(first_sentence(kind), "  "),
        "Values\n" + _table(_values(surrogate)),
        f"Surrogate gradient at x, the distance from the threshold{per}\n"
        + _table(_gradient(surrogate)),
    ]
    return "\n\n".join(section for section in sections if section)


def _values(surrogate: Surrogate) -> dict[str, object]:
    """Every parameter, those at their default included."""
    from .._registry import plain

    names = inspect.signature(type(surrogate)).parameters
    return {
        name: plain(getattr(surrogate, name), repr) for name in names if hasattr(surrogate, name)
    }


def _gradient(surrogate: Surrogate) -> dict[str, str]:
    """At multiples of the scale, so that the points are where the gradient varies."""
    import brainunit as u
    import numpy as np

    from .._surrogate import gradient_values, scale_of, scale_unit

    unit = scale_unit(surrogate)
    x = np.array(POINTS) * (1 if unit is None else u.get_mantissa(scale_of(surrogate)))
    values = gradient_values(surrogate, x, unit)
    return {f"{point:g}": f"{value:.6g}" for point, value in zip(x, values)}


def _table(cells: Mapping[str, object]) -> str:
    from .._tables import text_table

    width = max(map(len, cells), default=0)
    rows = [(name.rjust(width), str(value)) for name, value in cells.items()]
    return textwrap.indent(text_table(rows, left=2), "  ")

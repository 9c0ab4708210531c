"""``show``: the docstring of one surrogate, and its values and shape in numbers."""

from __future__ import annotations

import argparse
import inspect
import logging
import math
import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .plain_docstring import plain_docstring

if TYPE_CHECKING:
    from braintools.surrogate import Surrogate

    from .._surrogate import GradientProfile

logger = logging.getLogger(__name__)

SLOW = "not finite: the tails fall too slowly, or not at all"
POINTS = (-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", help='a name or a call, such as "QPseudoSpike(alpha=1.5)"')
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="file for a figure; its suffix sets the format",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print what a surrogate computes, and draw it where a file is named."""
    from .. import plotting
    from .._registry import get_surrogate
    from .figures import check_figure, write_figure

    if arguments.plot:
        check_figure(arguments.plot)
    surrogate = get_surrogate(arguments.spec)
    logger.debug("%s is defined in %s", type(surrogate).__name__, inspect.getfile(type(surrogate)))
    print(_description(surrogate))
    if arguments.plot:
        write_figure(partial(plotting.plot_surrogates, [surrogate]), arguments.plot)
        logger.info("Figure written to %s", arguments.plot)


def _description(surrogate: Surrogate) -> str:
    from .._surrogate import gradient_profile

    profile = gradient_profile(surrogate)
    per = "" if profile.unit is None else f", x in {profile.unit}, gradient per {profile.unit}"
    sections = [
        f"{surrogate!r}, from {type(surrogate).__module__}",
        textwrap.indent(plain_docstring(type(surrogate)), "  "),
        "Values\n" + _table(_values(surrogate)),
        f"Surrogate gradient at x, the distance from the threshold{per}\n"
        + _table(_gradient(surrogate, profile)),
        "Shape of the surrogate gradient\n" + _table(_shape(profile)),
    ]
    return "\n\n".join(section for section in sections if section)


def _values(surrogate: Surrogate) -> dict[str, Any]:
    """Every parameter, those at their default included."""
    from .._registry import plain

    names = inspect.signature(type(surrogate)).parameters
    return {
        name: plain(getattr(surrogate, name), repr) for name in names if hasattr(surrogate, name)
    }


def _gradient(surrogate: Surrogate, profile: GradientProfile) -> dict[str, str]:
    """At multiples of the scale, so that the points are where the gradient varies."""
    import numpy as np

    from .._surrogate import gradient_values, scale_of

    scale = scale_of(surrogate) if profile.unit is not None else None
    x = np.array(POINTS) * (1 if scale is None else scale.mantissa)
    values = gradient_values(surrogate, x, profile.unit)
    return {f"{point:g}": f"{value:.6g}" for point, value in zip(x, values)}


def _shape(profile: GradientProfile) -> dict[str, str]:
    below, above = (f"{width:.3g}" for width in profile.half_width)
    finite = math.isfinite(profile.area)
    return {
        "peak": f"{profile.peak:.4g}",
        "half-width": below if below == above else f"{below} below, {above} above the threshold",
        "area": f"{profile.area:.4g}" if finite else SLOW,
    }


def _table(cells: dict[str, Any]) -> str:
    from ..tables import text_table

    width = max(map(len, cells), default=0)
    rows = [(name.rjust(width), str(value)) for name, value in cells.items()]
    return textwrap.indent(text_table(rows, left=2), "  ")

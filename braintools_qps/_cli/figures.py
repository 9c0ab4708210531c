"""``plot``: draw the gradients and original functions of surrogates."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..records.comparison import Comparison
from ..records.flow import GradientFlow
from .texts import about


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("plot", **about(__doc__))
    parser.add_argument(
        "surrogates", nargs="+", metavar="SPEC",
        help="names or calls, such as Sigmoid \"QPseudoSpike(alpha=1.5, scale='15 mV')\"",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE",
        help="what to write; the ending says how: .png, .pdf, .svg",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    write_surrogates(arguments.surrogates, arguments.out)
    print(f"Written to {arguments.out}")


def write_surrogates(surrogates: Sequence[Any], path: str | Path) -> None:
    """Draw gradients and original functions into a file; the suffix decides the format."""
    _use_no_window()
    from .. import plotting

    _save(plotting.plot_surrogates(surrogates)[0].get_figure(), path)


def write_comparison(comparison: Comparison, path: str | Path) -> None:
    """Draw the figure of a comparison into a file."""
    _use_no_window()
    from .. import plotting

    _save(plotting.plot_comparison(comparison)[0].get_figure(), path)


def write_flows(flows: Mapping[str, GradientFlow], path: str | Path) -> None:
    """Draw how the gradient of each candidate changes by lag into a file."""
    _use_no_window()
    from .. import plotting

    _save(plotting.plot_gradient_flow(flows).get_figure(), path)


def _use_no_window() -> None:
    import matplotlib

    matplotlib.use("agg")


def _save(figure: Any, path: str | Path) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=200)
    plt.close(figure)

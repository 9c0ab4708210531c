"""``plot``: draw the gradients and original functions of surrogates."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "surrogates", nargs="+", metavar="SPEC",
        help="names or calls, such as Sigmoid \"QPseudoSpike(alpha=1.5, scale='15 mV')\"",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE",
        help="what to write; the ending says how: .png, .pdf, .svg",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    from .. import plotting
    from .figures import check_figure, write_figure

    check_figure(arguments.out)
    write_figure(partial(plotting.plot_surrogates, arguments.surrogates), arguments.out)
    logger.info("Written to %s", arguments.out)

"""``plot``: draw the gradients and original functions of surrogates."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path

from .figures import write_figure

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "surrogates", nargs="+", metavar="SPEC",
        help="surrogates: names or calls, such as Sigmoid \"QPseudoSpike(alpha=1.5)\"",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE",
        help="file for the figure; its suffix sets the format: .png, .pdf or .svg",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    from .. import plotting

    write_figure(partial(plotting.plot_surrogates, arguments.surrogates), arguments.out)
    logger.info("Figure written to %s", arguments.out)

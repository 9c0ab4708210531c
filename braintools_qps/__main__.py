"""``python -m braintools_qps``: the command line."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from . import __version__
from ._cli import catalogue, compare, figures, flow
from ._cli.texts import EXPECTED, reason

DESCRIPTION = "Surrogate gradients of spiking networks, to be listed, drawn, measured and compared."
COMMANDS: tuple[Any, ...] = (catalogue, compare, flow, figures)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; 0 on success, 2 where the arguments are at fault."""
    parser = argparse.ArgumentParser(prog="braintools-qps", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser.parse_args(argv)
    arguments.command_line = shlex.join([parser.prog, *argv])
    try:
        return arguments.run(arguments) or 0
    except EXPECTED as error:
        print(f"{parser.prog}: {reason(error)}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

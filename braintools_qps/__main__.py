"""``python -m braintools_qps``: the command line."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from ._cli import console

PROGRAM = "braintools-qps"
DESCRIPTION = "List, measure and compare the surrogate gradients of spiking networks."
INTERRUPTED, PIPE_CLOSED = 130, 141  # 128 plus the signal, as shells report it
COMMANDS = {
    "list": "list the surrogates that you can choose by name, or the tasks of compare",
    "flow": "find out whether a network learns, and if not why",
    "compare": "train a spiking network with each surrogate, and find out which one to take",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns
    -------
    int
        0 on success, 2 after an error that the user can fix, 130 after Ctrl-C, 141 if the reader of
        the output has closed it, as ``head`` does.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = _parser(argv).parse_args(argv)
        # A path may hold bytes that are no text.
        command = shlex.join([PROGRAM, *argv]).encode(errors="backslashreplace")
        arguments.command_line = command.decode()
        with console.listening(arguments):
            arguments.run(arguments)
            sys.stdout.flush()
        return 0
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  because Python flushes it at exit
        return PIPE_CLOSED
    except KeyboardInterrupt as stop:
        print(f"{PROGRAM}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return console.report(error, PROGRAM, with_traceback="--traceback" in argv)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; import only the module of the subcommand that was given."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=DESCRIPTION, allow_abbrev=False)
    shown = f"{PROGRAM} {version(PROGRAM)}"
    parser.add_argument("--version", action="version", version=shown)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, what in COMMANDS.items():
        description = what[0].upper() + what[1:] + "."
        subparser = subparsers.add_parser(
            name, help=what, description=description, allow_abbrev=False
        )
        if name in argv:
            module = import_module(f"._cli.{name}", __package__)
            module.add_arguments(subparser)
            console.add_options(subparser)
            subparser.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""``python -m braintools_qps``: the command line."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from ._cli import console, errors

PROGRAM = "braintools-qps"
DESCRIPTION = "List, draw, measure and compare the surrogate gradients of spiking networks."
COMMANDS = {
    "list": "list the surrogates that you can choose by name, or the tasks of compare",
    "show": "show the parameters of one surrogate, and its gradient in numbers",
    "plot": "draw the gradients and original functions of surrogates",
    "flow": "find out why a network does not learn: measure its gradients, without training",
    "compare": "train a spiking network with each surrogate, and say which differences are real",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns
    -------
    int
        0 on success, 2 after an error that the user can fix.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = _parser(argv).parse_args(argv)
        arguments.command_line = shlex.join([PROGRAM, *argv])
        with console.listening(arguments):
            arguments.run(arguments)
        print(end="", flush=True)  # while an error can still be reported
        return 0
    except Exception as error:
        return errors.report(error, PROGRAM, with_traceback="--traceback" in argv)


def command() -> int:
    """Run one subcommand as the entry point of this process.

    Ctrl-C ends it at once, by the signal, so a shell reports status 130. That is safe: every file
    is whole or absent, and the workers end with this process.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        status = main()
        print(end="", flush=True)  # what could not be written is tried again
    except BrokenPipeError:  # the reader has closed the output, as `head` does
        return console.abandon_output()
    except OSError:  # a full disk, which main has reported
        console.abandon_output()
        return errors.STATUS
    return status


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; import only the module of the subcommand that was given."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=DESCRIPTION)
    shown = f"{PROGRAM} {version(PROGRAM)}"
    parser.add_argument("--version", action="version", version=shown)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, what in COMMANDS.items():
        description = what[0].upper() + what[1:] + "."
        subparser = subparsers.add_parser(name, help=what, description=description)
        if name in argv:
            module = import_module(f"._cli.{name}", __package__)
            module.add_arguments(subparser)
            console.add_options(subparser)
            subparser.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(command())

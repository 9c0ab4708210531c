"""``python -m braintools_qps``: the command line."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from ._cli import console, errors

PROGRAM = "braintools-qps"
DESCRIPTION = "Surrogate gradients of spiking networks, to be listed, drawn, measured and compared."
COMMANDS = {
    "list": "every surrogate that get_surrogate knows",
    "show": "formula, parameters and shape of one surrogate",
    "plot": "draw the gradients and original functions of surrogates",
    "flow": "how gradients travel back through a network, surrogate by surrogate, untrained",
    "compare": "train a spiking network with each surrogate, and say which differences are real",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns
    -------
    int
        0 on success, 2 where the arguments are at fault.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = _parser(argv).parse_args(argv)
        arguments.command_line = shlex.join([PROGRAM, *argv])
        with console.listening(arguments):
            return arguments.run(arguments) or 0
    except Exception as error:
        return errors.report(error, PROGRAM, with_traceback="--traceback" in argv)


def command() -> int:
    """Run one subcommand as the whole of this process.

    Ctrl-C ends it at once, by the signal, which a shell reports as status 130: files are whole or
    absent at any moment, the system frees locks, and workers follow this process.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        status = main()
        console.flush()
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` has
        return console.abandon_output()
    return status


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Only the module of the subcommand in question is imported."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=DESCRIPTION)
    parser.add_argument("--version", action=console.Version)
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

"""Shared by all subcommands: --quiet, --traceback, logging, error messages.

Results are printed. Notes, such as where a file was written, are logged: ``--quiet`` hides them. An
error is one line, with the line of the user's code at fault.
"""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
import warnings
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from .._wording import cause_of, is_users, message_of

logger = logging.getLogger("braintools_qps")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every subcommand has."""
    less, more = "print only results, warnings and errors", "print the Python traceback of an error"
    parser.add_argument("-q", "--quiet", action="store_true", help=less)
    parser.add_argument("--traceback", action="store_true", help=more)


@contextmanager
def listening(arguments: argparse.Namespace) -> Iterator[None]:
    """Show log messages, as far as the options ask for them, and warnings in one line each.

    A Ctrl-C that Python cannot raise where it comes, as in JAX's callback of the garbage collector,
    is raised a moment later.
    """

    def raise_later(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            Timer(0.1, interrupt_main).start()
        else:
            ignored(unraisable)

    handler = logging.StreamHandler(sys.stderr)
    level, formatted, ignored = logger.level, warnings.formatwarning, sys.unraisablehook
    warnings.formatwarning, sys.unraisablehook = _in_one_line, raise_later
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if arguments.quiet else logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        warnings.formatwarning, sys.unraisablehook = formatted, ignored


def _in_one_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """A warning in one line, with the line of the user's code that caused it."""
    place = f" ({Path(filename).name}, line {lineno})" if is_users(filename) else ""
    return f"{category.__name__}: {message}{place}\n"


STATUS = 2  # as argparse exits after an error that the user can fix
EXPECTED = ValueError, TypeError, LookupError, ImportError, OSError, MemoryError


def report(error: Exception, program: str, with_traceback: bool) -> int:
    """Print an error that the user can fix; raise any other, which is a bug in this package.

    Returns
    -------
    int
        The status to exit with.
    """
    if not (_is_expected(error) or _place(error)):
        raise error
    if with_traceback:
        traceback.print_exception(error)
    print(f"{program}: {described(error)}", file=sys.stderr)
    return STATUS


def described(error: BaseException) -> str:
    """The message in one line; for an error in the user's code, also its type, file and line."""
    error = cause_of(error)
    place = _place(error)
    message = message_of(error)
    if isinstance(error, SyntaxError):  # says where it is by itself
        return f"{type(error).__name__}: {message}"
    if place is None:
        return message
    message = f"{type(error).__name__}: {message}".removesuffix(": ")
    return f"{message} ({Path(place.filename).name}, line {place.lineno}, in {place.name})"


def _is_expected(error: Exception) -> bool:
    units = sys.modules.get("brainunit")
    return isinstance(error, EXPECTED + ((units.UnitMismatchError,) if units else ()))


def _place(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost line of the user's own code; None if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame for frame in reversed(frames) if is_users(frame.filename)), None)

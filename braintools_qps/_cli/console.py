"""Shared by all subcommands: --quiet, --traceback, logging.

Results are printed. Notes, such as where a file was written, are logged: ``--quiet`` hides them.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._wording import is_users

logger = logging.getLogger("braintools_qps")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every subcommand has."""
    less, more = "print only results, warnings and errors", "print the Python traceback of an error"
    parser.add_argument("-q", "--quiet", action="store_true", help=less)
    parser.add_argument("--traceback", action="store_true", help=more)


@contextmanager
def listening(arguments: argparse.Namespace) -> Iterator[None]:
    """Show log messages, as far as the options ask for them, and warnings in one line each."""
    handler = logging.StreamHandler(sys.stderr)
    level, formatted = logger.level, warnings.formatwarning
    warnings.formatwarning = _in_one_line
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if arguments.quiet else logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        warnings.formatwarning = formatted


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

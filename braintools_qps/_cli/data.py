"""What to measure or train on, as arguments of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .. import _defaults

if TYPE_CHECKING:
    from .._comparison import Task


def add_data(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --task and --data, which exclude each other, and what belongs to a file."""
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--task", metavar="NAME",
        help=f"one of {', '.join(_defaults.TASKS)} or of the classes in braintools.cogtask, or a "
        f"call such as 'randman(dim=2)'; see list --tasks (default: {_defaults.TASK})",
    )  # fmt: skip
    data.add_argument(
        "--data", metavar="FILE",
        help="an .npz with arrays X (samples, time, features) and y, or HDF5 with spike times, as "
        "the Spiking Heidelberg Digits have them",
    )  # fmt: skip
    parser.add_argument(
        "--bins", type=int, help=f"steps for the spike times (default: {_defaults.BINS})"
    )


def check_data(arguments: argparse.Namespace) -> None:
    """Fail before anything is loaded where a file is missing or nothing is to be read from it.

    Raises
    ------
    ValueError
        If what belongs to a file is given without one.
    OSError
        If a file cannot be read.
    """
    files = [path for path in (arguments.data, _test_data(arguments)) if path is not None]
    if arguments.data is None and (files or arguments.bins is not None):
        raise ValueError("--test-data and --bins are for the file of --data, got none")
    for path in files:
        open(path, "rb").close()


def task_of(arguments: argparse.Namespace) -> Task:
    """Load the task or the file that is asked for."""
    from .._comparison import load_task

    readout = getattr(arguments, "readout", None)
    if arguments.data is None:
        return load_task(arguments.task or _defaults.TASK, readout=readout)
    test_data = _test_data(arguments)
    test = None if test_data is None else Path(test_data)
    return load_task(Path(arguments.data), test=test, bins=arguments.bins, readout=readout)


def _test_data(arguments: argparse.Namespace) -> str | None:
    return getattr(arguments, "test_data", None)

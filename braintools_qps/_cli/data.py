"""The options that name data, and the task that they name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .. import _defaults

if TYPE_CHECKING:
    from .._comparison import Task


def add_data(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --task and --data, which exclude each other, and how to read them."""
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--task", metavar="NAME",
        help=f"{', '.join(_defaults.TASKS)}, a class of braintools.cogtask, or a call such as "
        f"'randman(dim=2)'; 'list --tasks' describes them (default: {_defaults.TASK})",
    )  # fmt: skip
    data.add_argument(
        "--data", metavar="FILE",
        help="your data: an .npz file with arrays X of shape (samples, time, features) and y, or "
        "an HDF5 file of spike times in the layout of the Spiking Heidelberg Digits",
    )  # fmt: skip
    parser.add_argument(
        "--bins",
        type=int,
        help=f"time steps for the spikes of an HDF5 file (default: {_defaults.BINS})",
    )
    parser.add_argument(
        "--dt", metavar="DURATION",
        help="in place of --bins, how long a time step of an HDF5 file lasts, such as '10 ms'",
    )  # fmt: skip
    parser.add_argument(
        "--scale", metavar="NUMBER",
        help="what to divide the inputs by: a number, or rms for their root mean square (default: "
        "they reach the network as they are)",
    )  # fmt: skip


def check_data(arguments: argparse.Namespace) -> None:
    """Fail early if a file is missing, or if an option needs --data and there is none.

    Raises
    ------
    ValueError
        If --test-data, --bins or --dt is given without --data.
    OSError
        If a file cannot be read.
    """
    files = [path for path in (arguments.data, _test_data(arguments)) if path is not None]
    counts = arguments.bins is not None or arguments.dt is not None
    if arguments.data is None and (files or counts):
        raise ValueError(
            "--test-data, --bins and --dt need a file, got no --data. Add --data FILE, or leave "
            "them out"
        )
    for path in files:
        open(path, "rb").close()


def task_of(arguments: argparse.Namespace) -> Task:
    """Load the task or the file that the options name."""
    from .._comparison import load_task
    from .._registry import read_value

    scale, dt = read_value(arguments.scale), read_value(arguments.dt)
    options = {"readout": getattr(arguments, "readout", None), "scale": scale}
    if arguments.data is None:
        return load_task(arguments.task or _defaults.TASK, **options)
    test_data = _test_data(arguments)
    test = None if test_data is None else Path(test_data)
    return load_task(Path(arguments.data), test=test, bins=arguments.bins, dt=dt, **options)


def _test_data(arguments: argparse.Namespace) -> str | None:
    return getattr(arguments, "test_data", None)

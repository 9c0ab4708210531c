"""The options that name data, a model and surrogates, and the task that they name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _defaults

if TYPE_CHECKING:
    from .._comparison import Task

Parser = argparse._ActionsContainer


def add(parser: Parser, name: str, what: str, usual: object = None, **options: Any) -> None:
    """Add an option; its help says what it is, and what it is if it is not given."""
    shown = what if usual is None else f"{what} (default: {usual})"
    parser.add_argument(name, help=shown, **options)


def add_surrogates(parser: Parser, purpose: str, usual: str) -> None:
    what = f"surrogates to {purpose}: names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)'"
    add(parser, "--surrogates", what, usual, nargs="+", action="extend", metavar="SPEC")


def add_model(parser: Parser, more: str = "") -> None:
    what = (
        "your network: a function that returns a brainstate model. It may take any of the "
        f"arguments features, classes, outputs, steps, input_rms and surrogate{more}"
    )
    usual = "one layer of recurrent LIF neurons"
    add(parser, "--model", what, usual, metavar="MODULE:FACTORY")


def add_data(parser: Parser) -> None:
    """Add --task and --data, which exclude each other."""
    data = parser.add_mutually_exclusive_group()
    names = f"{', '.join(_defaults.TASKS)}; 'list --tasks' describes them"
    add(data, "--task", names, _defaults.TASK, metavar="NAME")
    file = (
        "your data: an .npz file with arrays X of shape (samples, time, features) and y; also "
        "X_test and y_test if you have a test part"
    )
    add(data, "--data", file, type=readable, metavar="FILE")


def readable(text: str) -> Path:
    """The path of a file, which is opened before anything slow begins.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    open(text, "rb").close()
    return Path(text)


def task_of(arguments: argparse.Namespace) -> Task:
    """Load the task or the file that the options name."""
    from .._comparison import load_task

    task = arguments.data or arguments.task or _defaults.TASK
    return load_task(task, readout=vars(arguments).get("readout"))

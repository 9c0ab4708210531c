"""The options that name data, a model and surrogates, and what they name: a task, a factory."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _defaults

if TYPE_CHECKING:
    from .._comparison import Task


import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os.path import relpath
from pkgutil import resolve_name

from .._wording import shortened, shown
from .console import described

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


def factory_of(path: str | None) -> Callable[..., Any]:
    """Import the factory, whose module may be in the working directory; or the default network.

    Raises
    ------
    ValueError
        If the module cannot be imported, or has no such function.
    """
    if path is None:
        from .._comparison import RecurrentNetwork

        return RecurrentNetwork
    file, _, function = path.partition(":")
    rule = f"a model is given as module:factory, got {shown(path)}"
    if file.endswith(".py"):
        parts = Path(relpath(file)).with_suffix("").parts
        is_here = all(map(str.isidentifier, parts))
        meant = f"{'.'.join(parts if is_here else parts[-1:])}:{function or 'factory'}"
        raise ValueError(
            f"{rule}. Did you mean {meant!r}{'' if is_here else ', run in its folder'}?"
        )
    if not re.fullmatch(r"[\w.]+(:[\w.]*)?", path):
        raise ValueError(f"{rule}. Name both, as in mynet:network")
    if "" not in sys.path:
        sys.path.insert(0, "")
    with blamed_on(path):
        factory = resolve_name(path)
    if not callable(factory):
        raise ValueError(f"{rule}. Name the function")
    return factory


@contextmanager
def blamed_on(path: str) -> Iterator[None]:
    """Name the model in the message of an error that it caused; JAX's messages do not."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ValueError(f"in the model of {shortened(path)}: {described(error)}") from error

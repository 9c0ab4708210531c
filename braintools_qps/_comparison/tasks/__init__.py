"""Tasks to train on: by name, from arrays and from files.

Start here with `load_task`. `task` has the class and the split, `arrays` checks the user's arrays,
`files` reads files; `digits`, `synthetic` and `cognitive` have the named tasks.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ... import _defaults
from ..._registry import parse_call, read_value
from .arrays import task_from_arrays
from .cognitive import cognitive_tasks, description_of
from .digits import digits_pixels, digits_rows, mnist_pixels, mnist_rows
from .files import read_file
from .synthetic import cue_recall, randman
from .task import Rows, Samples, Task

__all__ = ["DESCRIPTIONS", "TASKS", "Rows", "Samples", "Task", "load_task", "randman"]

OURS = (digits_rows, digits_pixels, mnist_rows, mnist_pixels, cue_recall, randman)
TASKS: Mapping[str, Callable[..., Task]] = MappingProxyType(
    dict(zip(_defaults.TASKS, OURS, strict=True)) | cognitive_tasks()
)
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    _defaults.TASKS | {name: description_of(one.args[0]) for name, one in cognitive_tasks().items()}
)


def load_task(
    task: Any, *, test: Any = None, bins: int | None = None, readout: str | int | None = None
) -> Task:
    """Make a task from its name, from arrays or from a file.

    Parameters
    ----------
    task : str, sequence, path or Task
        The data, in one of these forms:

        - The name of a task: ``"digits-rows"``, ``"digits-pixels"``, ``"mnist-rows"``,
          ``"mnist-pixels"``, ``"cue-recall"``, ``"randman"``, or of a class in
          `braintools.cogtask`; or a call with literal arguments, as ``"randman(dim=2)"``.
        - Arrays ``(X, y)`` or ``(X, y, X_test, y_test)``. X has the shape (samples, time,
          features) and may have a unit. It is divided by its root mean square (without X_test), so
          that the unit does not matter; integers, booleans and float16 keep their dtype until a
          batch is taken. y has a class for each sample, of shape (samples,): integers, booleans or
          strings. Or it has floats to predict, of shape (samples, ...) or (samples, time, ...).
        - A `pathlib.Path` to an ``.npz`` archive with arrays of these names.
        - A `pathlib.Path` to an HDF5 file in the layout of the Spiking Heidelberg Digits:
          ``spikes/times`` in seconds and ``spikes/units``, each with one row for each sample, and
          ``labels``.
        - A Task, which is returned as it is.
    test : tuple or path, optional
        Another ``(X, y)``, or another file of the same kind, to test on. By default 20% of each
        class is held back for testing. 15% is always held back for validation.
    bins : int, optional
        Number of time steps in which the spikes of an HDF5 file are counted; 100 by default.
    readout : {"last", "mean", "all"} or int, optional
        Which output of the network is its answer: ``"last"``, that of the last step; ``"mean"``,
        the mean over all steps; a number n, the mean over the last n steps; ``"all"``, an answer
        at every step. By default ``"all"`` if each step has a target, otherwise ``"mean"``; some
        named tasks have their own default.

    Returns
    -------
    Task
        Print it for the sizes and a description of the data.

    Raises
    ------
    LookupError
        If no task has the name.
    ImportError
        If the task needs a package that is missing.
    TypeError, ValueError
        If the data cannot be trained on, or the task does not take the arguments.
    OSError, MemoryError
        If a file cannot be read, or does not fit into memory.

    Examples
    --------
    >>> from braintools_qps import load_task
    >>> print(load_task("cue-recall", readout="last"))
    Task('cue-recall': 1300/300/400 samples to train/validate/test, 28 steps of 5 features, 4 classes)
    One of four inputs is on for 4 steps; after 20 steps of noise a fifth input asks which it was.
    """  # noqa: E501 -- what is printed
    if isinstance(task, PathLike):
        found = read_file(task, test=test, bins=bins)
    else:
        if bins is not None:
            raise TypeError(
                f"bins= is for spike times in a file, got it with {_described(task)}. Leave it out"
            )
        found = _not_from_file(task, test)
    return found if readout is None else dataclasses.replace(found, readout=readout)


def _not_from_file(task: Any, test: Any) -> Task:
    if isinstance(task, (tuple, list)) and len(task) in (2, 4):
        if test is not None and len(task) == 4:
            raise TypeError(
                "the test part must be given once, got test= and (X, y, X_test, y_test). Leave out "
                "test="
            )
        return task_from_arrays(*task[:2], test=test or tuple(task[2:]) or None)
    if test is not None:
        raise TypeError(
            f"test= is for arrays or a file, got it with {_described(task)}. Leave it out"
        )
    if isinstance(task, Task):
        return task
    if isinstance(task, str):
        return _by_name(task)
    raise TypeError(
        "task must be a name, arrays (X, y) or (X, y, X_test, y_test), a pathlib.Path or a Task, "
        f"got {_described(task)}. For example task='digits-rows'"
    )


def _by_name(text: str) -> Task:
    try:
        name, args, options = parse_call(text)
    except ValueError:
        raise ValueError(
            "a task string is a name or a call with literal arguments, such as "
            f"'randman(dim=2, alpha=1.0)', got {text!r}"
        ) from None
    if name not in TASKS:
        raise LookupError(
            f"task must be one of {', '.join(TASKS)}, got {name!r}{_suggestion(text, name)}"
        )
    options = {key: read_value(value) for key, value in options.items()}
    try:
        inspect.signature(TASKS[name]).bind(*args, **options)
    except TypeError as error:
        parameters = inspect.signature(TASKS[name]).parameters.values()
        taken = ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)
        raise TypeError(f"{text}: {error}. It takes {taken or 'no arguments'}") from None
    return dataclasses.replace(TASKS[name](*args, **options), description=DESCRIPTIONS[name])


def _suggestion(text: str, name: str) -> str:
    if Path(text).is_file():
        return f". For a file, pass pathlib.Path({text!r})"
    loose = {known.lower().replace("-", "").replace("_", ""): known for known in TASKS}
    asked = name.lower().replace("-", "").replace("_", "")
    close = difflib.get_close_matches(asked, loose, n=1)
    return f". Did you mean {loose[close[0]]!r}?" if close else ""


def _described(task: Any) -> str:
    size = f" of {len(task)}" if isinstance(task, (tuple, list)) else ""
    return f"{task!r}" if isinstance(task, (str, Task)) else f"a {type(task).__name__}{size}"

"""Tasks to train on: by name, from arrays and from files.

Start here with `load_task`. `task` has the class and the split, `arrays` checks the user's arrays,
`files` reads archives, and `digits` has the named tasks, which `_defaults` lists.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from os import PathLike
from os.path import isfile
from typing import Any

from ... import _defaults
from ..._wording import did_you_mean, shown
from . import digits
from .arrays import task_from_arrays
from .files import read_archive
from .task import Samples, Split, Task

TASKS: Mapping[str, Callable[[], Task]] = {
    name: getattr(digits, name.replace("-", "_")) for name in _defaults.TASKS
}


def load_task(task: Any, *, readout: str | int | None = None) -> Task:
    """Make a task from its name, from arrays or from a file.

    Parameters
    ----------
    task : str, sequence, path or Task
        The data, in one of these forms:

        - The name of a task: ``"digits-rows"``, ``"digits-pixels"``, ``"mnist-rows"`` or
          ``"mnist-pixels"``.
        - Arrays ``(X, y)`` or ``(X, y, X_test, y_test)``. X has the shape (samples, time,
          features). The model gets its values unchanged, in float32 and with their unit, if they
          have one. Booleans, float16 and integers of up to 32 bits are stored in their own dtype.
          Arrays are not copied, so do not change them. y holds a class for each sample, of shape
          (samples,), or for each step, of shape (samples, time): integers, booleans or strings. Or
          it holds floats to predict, of shape (samples, ...) or (samples, time, ...).
        - A `pathlib.Path` to an ``.npz`` archive with arrays of these names.
        - A Task, which is returned as it is.

        Without a test part, 20% of each class is held back for testing. 15% is always held back for
        validation.
    readout : {"last", "mean", "all"} or int, optional
        Which output of the network is its answer: ``"last"``, the output of the last step;
        ``"mean"``, the mean over all steps; a number n, the mean over the last n steps; ``"all"``,
        an answer at every step. By default ``"all"`` if each step has a label or a target,
        otherwise ``"mean"``.

    Returns
    -------
    Task
        The data; ``print`` shows the sizes and a description.

    Raises
    ------
    LookupError
        If no task has the name.
    ImportError
        If the task needs a package that is missing.
    TypeError, ValueError
        If the data cannot be trained on.
    OSError, MemoryError
        If a file cannot be read, or does not fit into memory.

    Examples
    --------
    >>> from braintools_qps import load_task
    >>> print(load_task("digits-pixels", readout="last"))
    Task('digits-pixels': 1169/269/359 samples to train/validate/test, 64 steps of 1 features, 10 classes)
    The same digits, one pixel at a time: 64 steps of one feature.
    """  # noqa: E501 -- what is printed
    loaded = _loaded(task)
    return loaded if readout is None else dataclasses.replace(loaded, readout=readout)


def _loaded(task: Any) -> Task:
    if isinstance(task, Task):
        return task
    if isinstance(task, str):
        return _by_name(task)
    if isinstance(task, PathLike):
        return read_archive(task)
    if isinstance(task, (tuple, list)) and len(task) in (2, 4):
        return task_from_arrays(*task)
    raise TypeError(
        "task must be a name, arrays (X, y) or (X, y, X_test, y_test), a pathlib.Path or a Task, "
        f"got {shown(task)}. For example task='digits-rows'. Samples to validate on are "
        "taken from X and y"
    )


def _by_name(name: str) -> Task:
    if name not in TASKS:
        hint = (
            f". For a file, pass pathlib.Path({name!r})"
            if isfile(name)
            else did_you_mean(name, TASKS, lambda known: known.lower().replace("-", ""))
        )
        raise LookupError(f"task must be one of {', '.join(TASKS)}, got {shown(name)}{hint}")
    return dataclasses.replace(TASKS[name](), name=name, description=described(TASKS[name]))


def described(build: Callable[..., Task]) -> str:
    """What a named task is: the first paragraph of its builder's docstring, in one line."""
    return " ".join((inspect.getdoc(build) or "").partition("\n\n")[0].split())

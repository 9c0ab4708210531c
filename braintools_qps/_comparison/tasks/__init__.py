"""Tasks to train on: by name, from arrays and from files.

Start here with `load_task`. `task` has the class and the split, `arrays` checks the user's arrays,
`files` reads files; `digits`, `synthetic` and `cognitive` have the named tasks, which `_defaults`
lists.
"""

from __future__ import annotations

import dataclasses
import inspect
import reprlib
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

import brainunit as u

from ... import _defaults
from ..._checks import is_positive
from ..._registry import parse_call, read_value
from ..._wording import did_you_mean
from .arrays import task_from_arrays
from .cognitive import cognitive_tasks
from .files import read_file
from .task import Samples, Split, Task

TASKS: Mapping[str, Callable[..., Task]] = {
    **{name: resolve_name(f"{__name__}.{path}") for name, path in _defaults.TASKS.items()},
    **cognitive_tasks(),
}


def load_task(
    task: Any,
    *,
    test: str | PathLike | None = None,
    bins: int | None = None,
    dt: u.Quantity | None = None,
    readout: str | int | None = None,
    scale: float | u.Quantity | Literal["rms"] | None = None,
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
          features) and reaches the model as it is, in float32 and with its unit, if it has one.
          Booleans, float16 and integers of up to 32 bits keep their dtype until a step is taken.
          Arrays are not copied: leave them unchanged. y has a class for each sample, of shape
          (samples,), or for each step, of shape (samples, time): integers, booleans or strings. Or
          it has floats to predict, of shape (samples, ...) or (samples, time, ...).
        - A `pathlib.Path` to an ``.npz`` archive with arrays of these names.
        - A `pathlib.Path` to an HDF5 file in the layout of the Spiking Heidelberg Digits:
          ``spikes/times`` in seconds and ``spikes/units``, each with one row for each sample, and
          ``labels``.
        - A Task, which is returned as it is.
    test : path, optional
        Another file of the same kind to test on. Without a test part, 20% of each class is held
        back for testing. 15% is always held back for validation.
    bins : int, optional
        Number of time steps in which the spikes of an HDF5 file are counted; 100 by default. They
        divide the time until the last spike, so their width depends on the file.
    dt : Quantity, optional
        In place of bins, how long a step lasts: with ``10 * u.ms`` it does so for every file. It
        changes how spikes are counted, not the ``dt`` with which a model runs.
    readout : {"last", "mean", "all"} or int, optional
        Which output of the network is its answer: ``"last"``, that of the last step; ``"mean"``,
        the mean over all steps; a number n, the mean over the last n steps; ``"all"``, an answer
        at every step. By default ``"all"`` if each step has a label or a target, otherwise
        ``"mean"``; some named tasks have their own default.
    scale : float, Quantity or "rms", optional
        What to divide the inputs by before a model gets them. With ``"rms"`` their root mean square
        (without X_test) with their unit. By default they are not divided; inputs of named tasks
        have a root mean square of 1.

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
        loaded = read_file(task, test=test, bins=bins, dt=dt)
    elif test is bins is dt is None:
        loaded = _not_from_file(task)
    else:
        raise TypeError(
            f"test=, bins= and dt= are for files, got one of them with {reprlib.repr(task)}. Pass "
            "a test part of arrays as (X, y, X_test, y_test)"
        )
    if scale is not None:
        loaded = dataclasses.replace(loaded, scale=_checked_scale(loaded, scale))
    return loaded if readout is None else dataclasses.replace(loaded, readout=readout)


def _checked_scale(task: Task, scale: Any) -> Any:
    if isinstance(scale, str) and scale == "rms":
        return task.rms if task.unit.is_unitless else task.rms * task.unit
    if is_positive(scale):
        return float(scale)
    is_quantity = isinstance(scale, u.Quantity)
    if is_quantity and scale.unit.has_same_dim(task.unit) and is_positive(scale.mantissa):
        return scale.in_unit(task.unit)
    unit = "" if task.unit.is_unitless else f", or a Quantity in the unit of X, {task.unit}"
    raise ValueError(
        f"scale must be 'rms' or a number above 0 without unit{unit}, got {scale!r}. For example "
        "scale='rms'"
    )


def _not_from_file(task: Any) -> Task:
    if isinstance(task, (tuple, list)) and len(task) in (2, 4):
        return task_from_arrays(*task[:2], test=tuple(task[2:]))
    if isinstance(task, Task):
        return task
    if isinstance(task, str):
        return _by_name(task)
    raise TypeError(
        "task must be a name, arrays (X, y) or (X, y, X_test, y_test), a pathlib.Path or a Task, "
        f"got {reprlib.repr(task)}. For example task='digits-rows'"
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
        hint = (
            f". For a file, pass pathlib.Path({text!r})"
            if Path(text).is_file()
            else did_you_mean(name, TASKS, lambda known: known.lower().replace("-", ""))
        )
        raise LookupError(f"task must be one of {', '.join(TASKS)}, got {name!r}{hint}")
    options = {key: read_value(value) for key, value in options.items()}
    task = TASKS[name](*args, **options)
    return dataclasses.replace(task, name=text, description=described(TASKS[name]))


def described(build: Callable[..., Task]) -> str:
    """What a named task is: the first paragraph of its builder's docstring, in one line."""
    return " ".join((inspect.getdoc(build) or "").partition("\n\n")[0].split())

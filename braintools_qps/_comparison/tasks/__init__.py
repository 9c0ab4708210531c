"""What can be trained on: tasks by name, arrays and files.

Start here with `load_task`. `task` says what a task is and how it is split, `arrays` what is taken
as data, `files` and `spike_times` how it is read; the others make one kind of task each.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ... import _defaults
from ..._registry import parse_call, read_value
from .arrays import task_from_arrays
from .cognitive import cognitive_tasks
from .cue_recall import cue_recall
from .digits import digits_pixels, digits_rows, mnist_pixels, mnist_rows
from .files import read_file
from .random_manifolds import randman
from .task import Split, Task

__all__ = ["TASKS", "Split", "Task", "load_task", "randman", "read_file", "task_from_arrays"]

OURS = (digits_rows, digits_pixels, mnist_rows, mnist_pixels, cue_recall, randman)
TASKS: Mapping[str, Callable[..., Task]] = MappingProxyType(
    dict(zip(_defaults.TASKS, OURS, strict=True)) | cognitive_tasks()
)


def load_task(task: Any) -> Task:
    """Return a task from its name, from arrays or from a file.

    Parameters
    ----------
    task : str, sequence, path or Task
        A name in `TASKS`; a call with literal arguments, as ``"randman(dim=2, alpha=1.0)"``; arrays
        ``(X, y)`` or ``(X, y, X_test, y_test)``, see `task_from_arrays`; a path object, see
        `read_file`; or a task, which is returned as it is.

    Raises
    ------
    LookupError
        If no task has the name.
    ImportError
        If the task needs a package that is missing.
    TypeError, ValueError
        If the data cannot be trained on, or the task does not take the arguments.
    """
    if isinstance(task, Task):
        return task
    if isinstance(task, str):
        return _by_name(task)
    if isinstance(task, PathLike):
        return read_file(task)
    if isinstance(task, (tuple, list)) and len(task) in (2, 4):
        return task_from_arrays(*task[:2], test=tuple(task[2:]) or None)
    raise TypeError(
        "task must be a name, arrays (X, y) or (X, y, X_test, y_test), a pathlib.Path or a Task, "
        f"got {_described(task)}"
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
        file = f". For a file, pass pathlib.Path({text!r})" if Path(text).is_file() else ""
        raise LookupError(f"task must be one of {', '.join(TASKS)}, got {name!r}{file}")
    options = {key: read_value(value) for key, value in options.items()}
    try:
        inspect.signature(TASKS[name]).bind(*args, **options)
    except TypeError as error:
        parameters = inspect.signature(TASKS[name]).parameters.values()
        taken = ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)
        raise TypeError(f"{text}: {error}. It takes {taken or 'no arguments'}") from None
    return TASKS[name](*args, **options)


def _described(task: Any) -> str:
    size = f" of {len(task)}" if isinstance(task, (tuple, list)) else ""
    return f"a {type(task).__name__}{size}"

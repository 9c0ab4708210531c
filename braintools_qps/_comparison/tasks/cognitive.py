"""Tasks of `braintools.cogtask`: decisions, working memory, timing."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import brainunit as u
import numpy as np
from braintools import cogtask

from ..._checks import checked_count
from .task import SPLIT_SEED, Task, at_unit_rms, make_task

SAMPLES = 2000
TIME_STEP = 20 * u.ms


def cognitive_tasks() -> dict[str, partial[Task]]:
    """Builders of all tasks of the installed braintools, by name."""
    kinds = {name: getattr(cogtask, name) for name in cogtask.__all__}
    return {
        name: _builder(kind)
        for name, kind in kinds.items()
        if inspect.isclass(kind) and issubclass(kind, cogtask.Task) and kind is not cogtask.Task
    }


def _builder(kind: type) -> partial[Task]:
    """A builder described by the first two paragraphs of the class's docstring, made one."""
    build = partial(cognitive_task, kind)
    build.__doc__ = "\n".join((inspect.getdoc(kind) or "").split("\n\n")[:2])
    return build


def cognitive_task(
    kind: type, samples: int = SAMPLES, dt: Any = TIME_STEP, seed: int = SPLIT_SEED, **options: Any
) -> Task:
    """Draw trials of one of braintools' tasks.

    If trials end with different answers, the answer is the class, read over the last steps in which
    it does not change. Otherwise it is a regression with a target at each step. If the answer is
    when to respond, the targets have one output for each class; if it is a direction, its numbers.
    Short trials begin with silence, so that all end at the last step.

    Parameters
    ----------
    kind : type
        A class of `braintools.cogtask`.
    samples, seed : int
        Number of trials, and the seed that draws them.
    dt : Quantity
        Duration of a step.
    **options
        Passed on to ``kind``.

    Raises
    ------
    TypeError
        If ``kind`` does not take the options.
    """
    trials = kind(dt=dt, seed=checked_count("seed", seed, 0), **options)
    drawn = trials.batch_sample(
        checked_count("samples", samples, 20), time_first=False, return_mask=True
    )
    X, y, valid = map(np.asarray, drawn)
    X, y = at_unit_rms(_ending_together(X, valid)), _ending_together(y, valid)
    if y.ndim > 2:
        return make_task(X, y, dt=dt)
    names, labels = np.unique(y[:, -1], return_inverse=True)
    if len(names) > 1:
        return make_task(X, labels, _steps_of_answer(y), dt=dt)
    targets = np.eye(y.max() + 1, dtype=np.float32)[y]
    return make_task(X, targets, dt=dt)


def _ending_together(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Trials with their padding of zeros moved from the end to the start."""
    padding = valid.shape[1] - valid.sum(axis=1)
    return np.stack([np.roll(trial, by, axis=0) for trial, by in zip(values, padding)])


def _steps_of_answer(y: np.ndarray) -> int:
    """The number of last steps over which no trial's label changes."""
    changed = np.flatnonzero((y != y[:, -1:]).any(axis=0))
    return y.shape[1] - (int(changed[-1]) + 1 if changed.size else 0)

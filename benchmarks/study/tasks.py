"""The tasks of the study."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from braintools_qps._comparison.tasks import Split, Task, load_task, randman

from .design import CUE, EASY, HARD, MNIST, PIXELS, ROWS

TRAINED, VALIDATED = 650, 300  # of random manifolds; a fifth of 5,000 samples is tested


def manifolds(dim: int, alpha: float) -> Task:
    """Random manifolds, few to train on and many to test."""
    task = randman(dim=dim, alpha=alpha, samples=5000)
    return dataclasses.replace(
        task, train=_first(task.train, TRAINED), validation=_first(task.validation, VALIDATED)
    )


def _first(part: Split, samples: int) -> Split:
    return Split(part.inputs[:samples], part.labels[:samples])


MAKERS: Mapping[str, Callable[[], Task]] = {
    ROWS: lambda: load_task(ROWS),
    CUE: lambda: load_task(CUE),
    EASY: lambda: manifolds(dim=1, alpha=3.0),
    HARD: lambda: manifolds(dim=2, alpha=2.0),
    PIXELS: lambda: load_task(PIXELS),
    MNIST: lambda: load_task(MNIST),
}

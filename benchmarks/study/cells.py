"""How a cell is trained, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from braintools_qps._comparison.programs import Job, Outcome, Programs

from . import rules
from .bench import bench_of
from .design import CANDIDATES, EPOCHS, Cell

DIGITS = 4
DIVERGED = 1e6  # as a loss


@lru_cache(2)
def programs_of(task: str, network: str) -> Programs:
    """Compiled once for all cells of a task and a network that follow each other."""
    return Programs(bench_of(task, network), 100)


def trained(cell: Cell) -> dict[str, Any]:
    """What a cell of trainings gives: accuracies in the shape of its settings, seeds last."""
    start, cpu = time.perf_counter(), time.process_time()
    surrogate = CANDIDATES[cell.candidate]
    jobs = [Job(surrogate, setting, seed) for setting in cell.runs for seed in cell.seeds]
    by_rule = rules.chosen(cell) if cell.kind in rules.TARGETS else None
    programs = (
        programs_of(cell.task, cell.network) if by_rule is None else rules.programs(cell, by_rule)
    )
    test = cell.epochs == EPOCHS
    outcomes = programs.train(jobs, cell.epochs, lambda *_: None, test=test)
    shape = [len(v) for _, v in cell.settings if isinstance(v, tuple)]
    if len(cell.seeds) > 1:
        shape.append(len(cell.seeds))
    kept = {name: _numbers(outcomes, get, shape) for name, get in _kept(test).items()}
    seconds = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    if by_rule is not None:
        kept["dampening"] = by_rule
    return kept | {name: round(value, 1) for name, value in seconds.items()}


def _kept(test: bool) -> dict[str, Callable[[Outcome], float]]:
    """``peak`` is the best validation score of any epoch: what is lost since then is a collapse.

    Of short trainings the training loss is kept, by which the search of `compare` goes there.
    """
    kept: dict[str, Callable[[Outcome], float]] = {
        "validation": lambda one: one.curves.score[-1],
        "peak": lambda one: np.nanmax([*one.curves.score, 0.0]),
    }
    if test:
        kept["test"] = lambda one: one.tested.score if one.tested else np.nan
        kept["firing_rate"] = lambda one: one.curves.firing_rate[-1]
    else:
        kept["loss"] = lambda one: np.nan_to_num(one.curves.loss[-1], nan=DIVERGED, posinf=DIVERGED)
    return kept


def _numbers(
    outcomes: list[Outcome], get: Callable[[Outcome], float], shape: list[int]
) -> list[Any] | float:
    """Rounded; what diverged counts as a score of 0."""
    values = np.nan_to_num(np.array([float(get(one)) for one in outcomes]))
    return np.round(values, DIGITS).reshape(shape).tolist()

"""Turn any logger into a function of named numbers and the step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

Write = Callable[[Mapping[str, float], int], None]


def writer(log: Any) -> Write:
    """A function that writes numbers to this logger.

    Raises
    ------
    TypeError
        If it is none of the loggers that `TrainingMonitor` takes.
    """
    if isinstance(log, logging.Logger):
        return partial(_to_lines, log)
    if isinstance(log, MutableMapping):
        return partial(_to_columns, log)
    if isinstance(log, list):
        return lambda numbers, step: log.append({"step": step, **numbers})
    if hasattr(log, "log_metrics"):
        return lambda numbers, step: log.log_metrics(dict(numbers), step)
    if hasattr(log, "add_scalar"):
        return partial(_to_scalars, log)
    if callable(log):
        return log
    raise TypeError(
        "log must be a function of (numbers, step), a dict, a list, a logging.Logger, or an object "
        f"with log_metrics or add_scalar, got {log!r}. For example log=print"
    )


def _to_lines(log: logging.Logger, numbers: Mapping[str, float], step: int) -> None:
    log.info("step %d: %s", step, ", ".join(f"{name} {x:.3g}" for name, x in numbers.items()))


def _to_columns(log: MutableMapping, numbers: Mapping[str, float], step: int) -> None:
    for name, value in {"step": step, **numbers}.items():
        log.setdefault(name, []).append(value)


def _to_scalars(log: Any, numbers: Mapping[str, float], step: int) -> None:
    """TensorBoard's SummaryWriter and its like."""
    for name, value in numbers.items():
        log.add_scalar(name, value, step)

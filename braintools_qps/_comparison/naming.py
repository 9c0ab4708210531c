"""Plain values that are the same in each process: functions by their names, without addresses."""

from __future__ import annotations

from functools import partial
from typing import Any

from .._registry import plain
from ..records import to_plain
from .factory import name_of


def named(value: Any) -> Any:
    """As `to_plain` writes it, but functions and classes, wherever they are, by import path."""
    return plain(value, _named)


def _named(value: Any) -> Any:
    if isinstance(value, partial):
        return {"partial": named([value.func, value.args, value.keywords])}
    return name_of(value) if hasattr(value, "__qualname__") else to_plain(value)

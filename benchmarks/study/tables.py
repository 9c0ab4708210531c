"""Numbers and tables as the pages of the study show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .trained import Effect


def tenths(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"


def effect(one: Effect, number: Callable[[float], str] = tenths) -> str:
    """A mean with its interval, as "1.2 (0.3 to 2.1)"."""
    if math.isnan(one.mean):
        return ""
    if math.isnan(one.low):
        return number(one.mean)
    return f"{number(one.mean)} ({number(one.low)} to {number(one.high)})"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, Effect):
        return effect(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else tenths(value)
    return str(value)

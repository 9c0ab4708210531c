"""Plain values that are the same in each process: functions by their names, without addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..records import to_plain
from .factory import name_of


def named(value: Any) -> Any:
    """As `to_plain` writes it, but functions and classes, wherever they are, by import path."""
    if isinstance(value, Mapping):
        return {key: named(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [named(item) for item in value]
    if isinstance(value, partial):
        return {"partial": named([value.func, value.args, value.keywords])}
    if hasattr(value, "__qualname__"):
        return name_of(value)
    found = to_plain(value)
    if isinstance(found, dict) and "repr" in found:
        return {"repr": re.sub(r" at 0x[0-9a-fA-F]+", "", found["repr"])}
    return found

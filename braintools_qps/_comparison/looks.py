"""The looks at an experiment that earlier calls have made, which ``out`` records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .._defaults import JSON_NAME
from ..records import Comparison

LIMITS = "most_seeds", "margin"  # which may differ between calls


def looks_before(comparison: Comparison, out: str | os.PathLike | None) -> tuple[int, ...]:
    """After how many seeds the same candidates were looked at, with the same data and settings."""
    if out is None:
        return ()
    try:
        text = (Path(out) / JSON_NAME).read_text(encoding="utf-8")
        earlier = Comparison.from_json(text)
    except (OSError, ValueError):  # none, or of another version
        return ()
    return earlier.looks if _facts(earlier) == _facts(comparison) else ()


def _facts(comparison: Comparison) -> Any:
    known = comparison.to_dict()
    settings = {n: value for n, value in known["settings"].items() if n not in LIMITS}
    return known["task"], settings, known["candidates"]

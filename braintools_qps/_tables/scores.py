"""How the score of a comparison is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._statistics import UNBOUNDED
from .words import POINTS, Unit

if TYPE_CHECKING:
    from ..records import Comparison


class Score(NamedTuple):
    """Name, format and bounds of a score, and a difference that matters."""

    name: str
    heading: str
    unit: Unit
    bounds: tuple[float, float]
    difference: float  # the smallest that matters


def score_of(comparison: Comparison) -> Score:
    """The way to show the score: accuracies in percent, others with three digits."""
    name = comparison.score
    if name == "accuracy":
        return Score(name, "accuracy %", POINTS, (0.0, 1.0), 0.01)
    sizes = (abs(float(np.mean(r.scores.test))) for r in comparison.results if not r.diverged)
    return Score(name, name, Unit(), UNBOUNDED, (max(sizes, default=0.0) or 1.0) / 100)

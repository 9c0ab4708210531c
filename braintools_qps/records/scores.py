"""How the score of a comparison is written."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._statistics import UNBOUNDED, Interval
from .candidate import ComparisonData

LEAST = 1e-4  # smaller bounds are 0


class Score(NamedTuple):
    """The bounds of a score, and how its numbers are written."""

    heading: str
    bounds: tuple[float, float]
    factor: float = 1.0
    form: str = ".3g"
    unit: str = ""  # of a difference

    def number(self, value: float) -> str:
        """The number alone."""
        text = format(self.factor * value, self.form)
        return text if float(text) else text.lstrip("-")

    def bound(self, value: float) -> str:
        """The number alone, with more digits where it would round to 0: a bound keeps its side."""
        text, size = self.number(value), self.factor * value
        return text if float(text) or abs(size) < LEAST else f"{size:.1g}"

    def interval(self, interval: Interval) -> str:
        """A mean, and its interval in brackets if there is one."""
        mean, low, high = interval
        if math.isnan(mean) or low is None or high is None:
            return self.number(mean)
        return f"{self.number(mean)} [{self.bound(low)}, {self.bound(high)}]"

    def with_unit(self, value: float) -> str:
        """The number with its unit, as "1 point"."""
        text = self.bound(value)
        return self._named("1" if text == "1.0" else text)

    def span(self, low: float, high: float) -> str:
        """From one number to another, with their unit."""
        return self._named(f"{self.number(low)} to {self.number(high)}")

    def _named(self, text: str) -> str:
        return f"{text} {self.unit}{'s' * (text != '1')}" if self.unit else text


def score_of(comparison: ComparisonData) -> Score:
    """The way to write the score: accuracies in percent, others with three digits."""
    if comparison.score == "accuracy":
        return Score("accuracy %", (0.0, 1.0), factor=100.0, form=".1f", unit="point")
    return Score(comparison.score, UNBOUNDED)

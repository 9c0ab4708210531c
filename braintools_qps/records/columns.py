"""The numbers of a candidate: where each is in its record, how scores and settings are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from .._statistics import UNBOUNDED, Interval, summary
from .candidate import CandidateResult, ComparisonData

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


SCORE = "score"  # the header of the column that is named after the score


class Column(NamedTuple):
    """A column of the comparison's table and of its lines for pandas."""

    field: str  # its path in the record of a candidate
    name: str  # in the lines for pandas
    header: str = ""  # in the table; not shown there without one
    write: Callable[[Any, Score], str] = lambda value, score: str(value)
    caption: str = ""  # a note below the wide table; the name of the score replaces {score}
    narrow: bool = False  # whether it is also in the table of 80 characters

    def value(self, result: CandidateResult) -> Any:
        """The number, or the tuple of numbers by seed; None where it was not measured."""
        value: Any = result
        for name in self.field.split("."):
            value = None if value is None else getattr(value, name)
        return value

    def of_seed(self, result: CandidateResult, row: int) -> Any:
        """The number of one seed; the last of a curve."""
        value = self.value(result)
        if isinstance(value, tuple):
            value = value[row] if value else None
        return value[-1] if isinstance(value, tuple) else value

    def cell(self, result: CandidateResult, score: Score) -> str:
        """The text in the table."""
        value = self.value(result)
        return "-" if value is None or value == () else self.write(value, score)


CANDIDATE_COLUMNS = [
    Column(
        "scores.test", "test", SCORE,
        lambda values, score: score.interval(summary(values, bounds=score.bounds)),
        narrow=True,
    ),
    Column("scores.validation", "validation"),
    Column(
        "scores.firing_rate", "firing_rate", "firing rate",
        lambda values, score: f"{np.mean(values):.3f}",
        caption="Firing rate: spikes per neuron and step.", narrow=True,
    ),
    Column("scores.spikes", "spikes"),
    Column(
        "scores.operations", "operations", "operations",
        lambda values, score: f"{np.mean(values):.3g}",
        caption="Operations: weights that spikes and inputs meet, per test sample.",
    ),
    Column("curves.loss", "final_loss"),
    Column("cost.seconds_per_epoch", "seconds_per_epoch", "s/epoch", lambda x, score: f"{x:.2g}"),
    Column("cost.peak_bytes", "peak_bytes", "peak MB", lambda x, score: f"{1e-6 * x:.1f}"),
]  # fmt: skip


SHOWN_AS_FRACTIONS = ("dampening", "scale", "scale_factor")


def all_tuned_names(results: Iterable[CandidateResult]) -> list[str]:
    """Names to show: the learning rate, and all others with several values."""
    tried = [trial.setting for result in results if result.tuning for trial in result.tuning.trials]
    names = dict.fromkeys(name for setting in tried for name in setting)
    values = {name: [setting.get(name) for setting in tried] for name in names}
    return [n for n in names if n == "learning_rate" or any(v != values[n][0] for v in values[n])]


def setting_text(result: CandidateResult, name: str) -> str:
    """The value chosen most often, and by how many seeds."""
    if name not in result.setting:
        return "-"
    value, seeds = value_text(name, result.setting[name]), result.seeds
    if result.tuning is None:
        return value
    same = sum(result.setting_of(seed).get(name) == result.setting[name] for seed in seeds)
    return value + (f" ({same}/{len(seeds)})" if same < len(seeds) else "")


def value_text(name: str, value: object) -> str:
    """A value of a setting in a few characters; factors as fractions."""
    if value is None:
        return "none"
    if not isinstance(value, float):
        return str(value)
    is_part = 0 < value < 1 and (1 / value).is_integer()
    return f"1/{1 / value:g}" if is_part and name in SHOWN_AS_FRACTIONS else f"{value:.3g}"

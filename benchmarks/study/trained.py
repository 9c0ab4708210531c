"""The scores of a part of the study as arrays, effects with their intervals, and tables."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from braintools_qps.records import choose

from .trainings import HEIGHTS, PARTS, Plan, kept


class Effect(NamedTuple):
    """A mean over problems with its 95% t interval, which is NaN where there is but one problem."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """A mean with its interval, as "1.2 (0.3 to 2.1)"."""
        if math.isnan(self.mean):
            return ""
        interval = f" ({tenths(self.low)} to {tenths(self.high)})"
        return tenths(self.mean) + interval * (not math.isnan(self.low))


def over(values: Iterable[float]) -> Effect:
    """Problems are the units: one number of each, NaN where there is none."""
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return Effect(math.nan, math.nan, math.nan)
    mean = float(np.mean(values))
    if len(values) < 2:
        return Effect(mean, math.nan, math.nan)
    half = stats.t.isf(0.025, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return Effect(mean, mean - float(half), mean + float(half))


@dataclass(frozen=True, eq=False)
class Trained:
    """Percent correct on one problem, by surrogate: (settings, seeds)."""

    plan: Plan
    minutes: float
    firing_rate: float
    slopes: Mapping[str, float]  # mean slopes before training, at a dampening of 1
    validation: Mapping[str, np.ndarray]  # -inf where training diverged
    test: Mapping[str, np.ndarray]  # that of guessing where training diverged

    def at(self, rates: Collection[float] = (), heights: Collection[str] = ()) -> list[int]:
        """Places of the settings with these learning rates and heights, by default with any."""
        return [
            place
            for place, (rate, height) in enumerate(self.plan.settings)
            if (not rates or rate in rates) and (not heights or height in heights)
        ]

    def chosen(self, label: str, settings: Sequence[int]) -> np.ndarray:
        """Test score of the setting that each seed chooses by validation, as `compare` does."""
        rates, heights = zip(*(self.plan.settings[place] for place in settings))
        tried = [{"learning_rate": r, **HEIGHTS[height]} for r, height in zip(rates, heights)]
        validation = self.validation[label][settings].T
        places = [settings[choose(tried, list(of_seed))] for of_seed in validation]
        return self.test[label][places, np.arange(len(places))]

    def best(self, settings: Sequence[int], labels: Sequence[str] = ()) -> float:
        """The best surrogate and setting by other seeds: too low a reference, by little."""
        tests = [self.test[label][settings] for label in labels or self.plan.labels]
        return float(chosen_elsewhere(np.concatenate(tests)).mean())

    def best_in_sample(self) -> float:
        """The best mean over seeds: too high a reference, by little."""
        return max(float(scores.mean(axis=1).max()) for scores in self.test.values())


def chosen_elsewhere(scores: np.ndarray) -> np.ndarray:
    """For each seed the score of the row that is best over the other seeds: (rows, seeds)."""
    others = scores.sum(axis=1, keepdims=True) - scores
    return scores[others.argmax(axis=0), np.arange(scores.shape[1])]


@cache
def trained(part: str) -> tuple[Trained, ...]:
    """The problems of a part that have been trained, in the protocol's order."""
    records = kept(part).get("problems", {})
    plans = [plan for plan in PARTS[part] if plan.problem.name in records]
    return tuple(read(plan, records[plan.problem.name]) for plan in plans)


def read(plan: Plan, record: Mapping[str, Any]) -> Trained:
    """A problem as it was kept."""
    percent = lambda kind, diverged: {
        label: np.nan_to_num(np.array(scores[kind], np.float64) / 10, nan=diverged)
        for label, scores in record["scores"].items()
    }
    known = record.get
    return Trained(
        plan=plan,
        minutes=known("minutes", math.nan),
        firing_rate=known("firing rate", math.nan),
        slopes=known("slopes", {}),
        validation=percent("validation", -np.inf),
        test=percent("test", record["chance"]),
    )


def tenths(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    return tenths(value) if type(value) is float else str(value)


def trainings_of(problems: Iterable[Trained]) -> str:
    """How often a network was trained."""
    return f"{sum(scores.size for problem in problems for scores in problem.test.values()):,}"

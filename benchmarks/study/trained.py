"""The summary as arrays: percent by candidate, learning rate, height and seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from .trainings import CANDIDATES, DAMPENINGS, RATES, SEEDS, kept

NORMALISED = len(DAMPENINGS)  # place of a mean slope of 0.1 among the heights; 0.05 comes next


class Effect(NamedTuple):
    """A mean over problems with its 95% t interval; NaN where there is but one problem."""

    mean: float
    low: float
    high: float


def over(values: Sequence[float]) -> Effect:
    """Problems are the units: one number of each."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Effect(mean, math.nan, math.nan)
    half = stats.t.isf(0.025, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return Effect(mean, mean - float(half), mean + float(half))


@dataclass(frozen=True, eq=False)
class Trained:
    """One problem. Scores have the shape (candidates, rates, heights, seeds)."""

    name: str
    held_out: bool
    epochs: int
    minutes: float
    validation: np.ndarray  # -inf where training diverged
    test: np.ndarray  # that of guessing where training diverged
    short_losses: np.ndarray  # after a tenth of the epochs; of the dampenings only
    slopes: np.ndarray  # (candidates, heights): mean slopes before training
    chance: float

    @property
    def grid(self) -> np.ndarray:
        """Test accuracy at the dampenings."""
        return self.test[:, :, :NORMALISED]

    @cached_property
    def reference(self) -> np.ndarray:
        """Of each candidate and seed: test accuracy of what is best on the other seeds."""
        flat = self.grid.reshape(len(self.test), -1, self.test.shape[-1])
        return np.array([chosen_elsewhere(scores) for scores in flat])

    @cached_property
    def best_at_rate(self) -> np.ndarray:
        """Of each rate and seed: the same over all candidates and heights."""
        by_rate = np.moveaxis(self.test, 1, 0)
        seeds = self.test.shape[-1]
        return np.array([chosen_elsewhere(one.reshape(-1, seeds)) for one in by_rate])

    @cached_property
    def highest(self) -> float:
        """Mean test accuracy of the best rate, candidate and height, chosen on other seeds."""
        return float(chosen_elsewhere(self.test.reshape(-1, self.test.shape[-1])).mean())


def chosen_elsewhere(scores: np.ndarray) -> np.ndarray:
    """For each seed the score of the row that is best over the other seeds: (rows, seeds)."""
    others = scores.sum(axis=1, keepdims=True) - scores
    return scores[others.argmax(axis=0), np.arange(scores.shape[1])]


def half(held_out: bool | None, record: Mapping[str, Any] | None = None) -> list[Trained]:
    """Problems of one half, or of both."""
    problems = (kept() if record is None else record).get("problems", {})
    found = [trained(name, one) for name, one in problems.items()]
    return [one for one in found if held_out in (None, one.held_out)]


def percent(thousandths: Sequence[int | None], seeds: int = SEEDS) -> np.ndarray:
    """Scores by rate, height and seed; NaN where training diverged."""
    return np.array(thousandths, np.float64).reshape(len(RATES), -1, seeds) / 10


def trained(name: str, one: Mapping[str, Any]) -> Trained:
    """A problem as it was kept."""
    each = [one["candidates"][label] for label in CANDIDATES]
    every = [(of, *of["lowered"]) for of in each]
    both = lambda part: np.array(
        [np.concatenate([percent(scores[part]) for scores in of], axis=1) for of in every]
    )
    validation, test = both("validation"), both("test")
    slopes = np.array([one["slope"][label] for label in CANDIDATES])
    factors = np.array([of["factors"] for of in each])
    heights = np.column_stack([np.tile(DAMPENINGS, (len(slopes), 1)), factors])
    short = np.array([of["short"] for of in each], np.float64)
    short = short.reshape(len(each), len(RATES), len(DAMPENINGS), -1)
    return Trained(
        name=name,
        held_out=one["held_out"],
        epochs=one["epochs"],
        minutes=one["minutes"],
        validation=np.nan_to_num(validation, nan=-np.inf),
        test=np.nan_to_num(test, nan=one["chance"]),
        short_losses=np.nan_to_num(short, nan=np.inf, posinf=np.inf),
        slopes=slopes[:, None] * heights,
        chance=one["chance"],
    )

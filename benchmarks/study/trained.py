"""The summary as arrays: percent by candidate, learning rate, height and seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from ..problems import PROBLEMS
from .trainings import DAMPENINGS, RATES, SEEDS, SHORT, SLOPES, kept

NORMALISED = len(DAMPENINGS)  # place of a mean slope of 0.1 among the heights; 0.05 comes next
HEIGHTS = len(DAMPENINGS) + len(SLOPES)


class Effect(NamedTuple):
    """A mean over problems with its 95% t interval, which is NaN where there is but one problem."""

    mean: float
    low: float
    high: float


def over(values: Sequence[float]) -> Effect:
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
    """One problem. Scores have the shape (candidates, rates, heights, seeds).

    Those of heights that were not trained in the second wave are NaN.
    """

    name: str
    labels: tuple[str, ...]  # of its candidates
    held_out: bool
    wave: int
    epochs: int
    minutes: float
    validation: np.ndarray  # -inf where training diverged
    test: np.ndarray  # that of guessing where training diverged
    slopes: np.ndarray  # (candidates, heights): mean slopes before training
    chance: float
    finalists: Mapping[str, np.ndarray]  # by how rounds are sized: (candidates, seeds, 2)
    share: Mapping[str, float]  # of the epochs, that such a round takes

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
    scores = scores[~np.isnan(scores).any(axis=1)]
    others = scores.sum(axis=1, keepdims=True) - scores
    return scores[others.argmax(axis=0), np.arange(scores.shape[1])]


def problems_of(record: Mapping[str, Any] | None = None) -> list[Trained]:
    """All problems that have been trained, in the order of the protocol."""
    record = kept() if record is None else record
    found, updates = record.get("problems", {}), record.get("updates", {})
    return [
        trained(p.name, found[p.name], updates.get(p.name)) for p in PROBLEMS if p.name in found
    ]


def percent(thousandths: Sequence[int | None], seeds: int = SEEDS) -> np.ndarray:
    """Scores by rate, height and seed; NaN where training diverged."""
    return np.array(thousandths, np.float64).reshape(len(RATES), -1, seeds) / 10


def trained(name: str, one: Mapping[str, Any], updates: Mapping[str, Any] | None = None) -> Trained:
    """A problem as it was kept, with the short rounds of some updates."""
    each = list(one["candidates"].values())
    heights = [(*DAMPENINGS, *of["factors"], *[math.nan] * len(SLOPES))[:HEIGHTS] for of in each]
    finalists = {"epochs": [of["finalists"] for of in each if "finalists" in of]}
    if updates:
        finalists["updates"] = list(updates["finalists"].values())
    return Trained(
        name=name,
        labels=tuple(one["candidates"]),
        held_out=one["held_out"],
        wave=one["wave"],
        epochs=one["epochs"],
        minutes=one["minutes"],
        **scores_of(each, one["chance"]),
        slopes=np.array(list(one["slope"].values()))[:, None] * heights,
        chance=one["chance"],
        finalists={kind: np.array(chosen) for kind, chosen in finalists.items() if chosen},
        share={"epochs": SHORT, "updates": updates["epochs"] / one["epochs"] if updates else 0},
    )


def scores_of(each: Iterable[Mapping[str, Any]], chance: float) -> dict[str, np.ndarray]:
    """Scores of validation and test as `Trained` has them."""
    found = {}
    for part, diverged in (("validation", -np.inf), ("test", chance)):
        scores = [
            np.concatenate([percent(one[part]) for one in (of, *of["lowered"])], axis=1)
            for of in each
        ]
        missing = HEIGHTS - scores[0].shape[1]
        found[part] = np.pad(
            np.nan_to_num(scores, nan=diverged),
            [(0, 0), (0, 0), (0, missing), (0, 0)],
            constant_values=math.nan,
        )
    return found

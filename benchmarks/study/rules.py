"""Rules of search, replayed: each names its settings and who chooses among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from .trained import Trained
from .trainings import DAMPENINGS, RATES, UPDATES

Settings = tuple[tuple[int, int], ...]  # places of the rate and of the height


@dataclass(frozen=True)
class Rule:
    """What is trained, and by whose validation score one of it is chosen.

    With rounds, which are sized by ``epochs`` or ``updates``, all of it is trained for a while and
    two settings in full.
    """

    settings: Settings
    chooses: Literal["itself", "all seeds", "one seed"] = "itself"
    rounds: Literal["epochs", "updates"] | None = None

    def cost(self, problem: Trained) -> float:
        """Its share of what the whole grid costs, for one tuning seed."""
        whole = len(RATES) * len(DAMPENINGS)
        if self.rounds:
            return problem.share[self.rounds] + 2 / whole
        return len(self.settings) / whole

    def trained_on(self, problem: Trained) -> bool:
        """Whether all of it was trained."""
        if self.rounds:
            return self.rounds in problem.finalists
        rates, heights = map(list, zip(*self.settings))
        return not np.isnan(problem.test[:, rates, heights]).any()


HEIGHTS: tuple[float | str, ...] = (*DAMPENINGS, "mean slope 0.1", "mean slope 0.05")


def at(rates: Sequence[float], heights: Sequence[float | str]) -> Settings:
    """All combinations of rates and heights, in the order in which they are tried."""
    return tuple((RATES.index(r), HEIGHTS.index(h)) for r, h in product(rates, heights))


WHOLE = "the whole grid"
DEFAULT = "mean slope 0.1: 0.1, 0.03, 0.01"  # of `compare`
ROUNDS, UPDATED = "rounds, as compare had them", f"rounds of {UPDATES} updates"
LOW, LOWER, THREE = HEIGHTS[-2:-1], HEIGHTS[-1:], (0.1, 0.03, 0.01)
RULES = {
    WHOLE: Rule(at(RATES, DAMPENINGS)),
    "8 settings: 0.1, 0.03 by 1 to 1/8": Rule(at((0.1, 0.03), DAMPENINGS)),
    "4 settings: 0.1, 0.03 by 1/2, 1/8": Rule(at((0.1, 0.03), (1 / 2, 1 / 8))),
    "mean slope 0.1: 0.1": Rule(at((0.1,), LOW)),
    "mean slope 0.1: 0.03": Rule(at((0.03,), LOW)),
    "mean slope 0.1: 0.1, 0.03": Rule(at((0.1, 0.03), LOW)),
    "mean slope 0.1: 0.03, 0.01": Rule(at((0.03, 0.01), LOW)),
    "mean slope 0.1: 0.1, 0.03, 0.3": Rule(at((0.1, 0.03, 0.3), LOW)),
    DEFAULT: Rule(at(THREE, LOW)),
    "mean slope 0.1: all four rates": Rule(at(RATES, LOW)),
    "mean slope 0.05: 0.1, 0.03": Rule(at((0.1, 0.03), LOWER)),
    "mean slope 0.05: 0.1, 0.03, 0.01": Rule(at(THREE, LOWER)),
    "both mean slopes: 0.1, 0.03, 0.01": Rule(at(THREE, HEIGHTS[-2:])),
    "dampening 1: 0.1, 0.03, 0.01": Rule(at(THREE, (1.0,))),
    "dampening 1/2: 0.1, 0.03, 0.01": Rule(at(THREE, (1 / 2,))),
    "mean slope 0.1: 0.1, 0.03, 0.01, cross-validated": Rule(at(THREE, LOW), "all seeds"),
    "mean slope 0.1: 0.1, 0.03, 0.01, chosen by one seed": Rule(at(THREE, LOW), "one seed"),
    "the whole grid, cross-validated": Rule(at(RATES, DAMPENINGS), "all seeds"),
    "the whole grid, chosen by one seed": Rule(at(RATES, DAMPENINGS), "one seed"),
    ROUNDS: Rule(at(RATES, DAMPENINGS), "one seed", "epochs"),
    "rounds of a tenth of the epochs": Rule(at(RATES, DAMPENINGS), "itself", "epochs"),
    UPDATED: Rule(at(RATES, DAMPENINGS), "itself", "updates"),
    "no search: 0.1, dampening 1": Rule(at((0.1,), (1.0,))),
    "no search: 0.1, dampening 1/2": Rule(at((0.1,), (1 / 2,))),
    "no search: 0.03, dampening 1/2": Rule(at((0.03,), (1 / 2,))),
}


def lost(rule: Rule, problem: Trained) -> float:
    """Points below the best of the grid, which is chosen on other seeds than it is tested on.

    NaN where the rule's settings were not trained.
    """
    if not rule.trained_on(problem):
        return math.nan
    return float(np.mean(problem.reference - scores(rule, problem)))


def scores(rule: Rule, problem: Trained) -> np.ndarray:
    """Test accuracy of what the rule chooses, by candidate and seed."""
    return np.array([_of_candidate(rule, problem, row) for row in range(len(problem.test))])


def _of_candidate(rule: Rule, problem: Trained, row: int) -> np.ndarray:
    rates, heights = map(list, zip(*rule.settings))
    validation = problem.validation[row][rates, heights]
    test = problem.test[row][rates, heights]
    seeds = range(test.shape[1])
    if rule.chooses == "all seeds":
        return test[validation.mean(axis=1).argmax()]
    if rule.rounds:
        pairs = problem.finalists[rule.rounds][row]
        chosen = [pair[validation[pair, seed].argmax()] for seed, pair in enumerate(pairs)]
    else:
        chosen = list(validation.argmax(axis=0))
    if rule.chooses == "itself":
        return test[chosen, seeds]
    # A seed that tunes for all reports nothing: each seed has the mean over the others' choices.
    others = [[test[chosen[other], seed] for other in seeds if other != seed] for seed in seeds]
    return np.mean(others, axis=1)

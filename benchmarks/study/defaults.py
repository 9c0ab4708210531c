"""Which tail and dampening are within noise of the best on most tasks at most learning rates?"""

from __future__ import annotations

import numpy as np

from .data import Problem, cube, own, problems
from .design import FEWER_DAMPENINGS, FEWER_RATES, SPREAD
from .intervals import Effect, over
from .store import Store

BESIDE = (("alpha 2", 1.0), ("alpha 2", 0.25), ("alpha 16", 0.5), ("alpha inf", 1.0))
NOISE = 2.0  # standard deviations of a difference of two runs


def lost(store: Store, problem: Problem) -> np.ndarray:
    """Points below the best setting of the same learning rate, by tail, dampening and rate.

    The best is chosen by validation, so that it is not the luckiest on the test part.
    """
    tested, validated = cube(store, problem), cube(store, problem, field="validation")
    best = validated.reshape(-1, len(FEWER_RATES)).argmax(axis=0)
    return tested.reshape(-1, len(FEWER_RATES))[best, np.arange(len(FEWER_RATES))] - tested


def noise(store: Store, problem: Problem) -> float:
    """Standard deviation over seeds, in points, at settings that work: the median over tails."""
    found = [own(store, problem, tail, "both") for tail in SPREAD]
    return float(np.median([one.std(ddof=1) for one in found if one is not None]))


def within(store: Store) -> np.ndarray:
    """Whether a setting is within noise, by problem, tail, dampening and rate."""
    return np.stack([_within(store, problem) for problem in problems(store)])


def _within(store: Store, problem: Problem) -> np.ndarray:
    bound = NOISE * np.sqrt(2) * max(noise(store, problem), 0.2)
    return lost(store, problem) <= bound


def widths(store: Store) -> tuple[np.ndarray, np.ndarray]:
    """By tail and dampening: share of problems and rates within noise, and the mean loss."""
    losses = np.stack([lost(store, problem) for problem in problems(store)])
    return within(store).mean(axis=(0, 3)), losses.mean(axis=(0, 3))


def place(tail: str, dampening: float) -> tuple[int, int]:
    """Where a setting is in the common grid."""
    return SPREAD.index(tail), FEWER_DAMPENINGS.index(dampening)


def recommended(store: Store, leave_out: int | None = None) -> tuple[str, float]:
    """The smallest mean loss over problems and rates, of all problems but one."""
    losses = np.stack([lost(store, problem) for problem in problems(store)])
    if leave_out is not None:
        losses = np.delete(losses, leave_out, axis=0)
    tail, dampening = np.unravel_index(losses.mean(axis=(0, 3)).argmin(), losses.shape[1:3])
    return SPREAD[tail], FEWER_DAMPENINGS[dampening]


def left_out(store: Store) -> Effect:
    """The loss on each problem of what the others recommend, over its rates."""
    found = []
    for number, problem in enumerate(problems(store)):
        tail, dampening = recommended(store, number)
        found.append(float(lost(store, problem)[place(tail, dampening)].mean()))
    return over(found)


def losses_of(store: Store, tail: str, dampening: float) -> Effect:
    """Mean loss of one setting over problems, averaged over the rates."""
    at = place(tail, dampening)
    return over([float(lost(store, problem)[at].mean()) for problem in problems(store)])

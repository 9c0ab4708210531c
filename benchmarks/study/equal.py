"""Which single number, computed before training, makes tails alike when it is equal?

The accuracy of a tail is a curve over such a number, along the dampening. If the number were all
that matters, the curves of all tails would be one. So each tail's points are predicted by the
curves of the others, at the same number; the error, in points, says how far they are from one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .data import Problem, alpha_of, cube, measured, problems
from .design import FEWER_DAMPENINGS, FEWER_RATES, SPREAD
from .intervals import Effect, over
from .store import Store

NAMES = {
    "peak": "peak",
    "mean_slope": "E[G]",
    "square_slope": "E[G²]",
    "growth": "growth",
    "size": "dL/dV",
}
RATE = FEWER_RATES.index(0.1)
VALUES = 9  # at which curves are compared
Numbers = np.ndarray  # by tail and dampening


def numbers(store: Store, problem: Problem) -> dict[str, Numbers] | None:
    """What is equalised, by name; the area only exists for thin tails."""
    peaks = np.tile(FEWER_DAMPENINGS, (len(SPREAD), 1))
    kept = len(FEWER_DAMPENINGS)
    found: dict[str, Numbers] = {"peak": peaks}
    for name in ("mean_slope", "square_slope", "growth", "size"):
        rows = [measured(store, problem, tail, name) for tail in SPREAD]
        if any(row is None for row in rows):
            return None
        found[name] = np.stack([row[0, :kept] for row in rows])
    return found


def area(store: Store) -> tuple[list[str], np.ndarray]:
    """Tails of a finite area, and their areas by dampening."""
    tails = [tail for tail in SPREAD if alpha_of(tail) > 1]
    alpha = np.array([alpha_of(tail) for tail in tails])
    of_one = np.where(np.isinf(alpha), 1.0, (alpha + 1) / np.where(np.isinf(alpha), 1, alpha - 1))
    return tails, of_one[:, None] * np.array(FEWER_DAMPENINGS)


def error(number: Numbers, accuracy: np.ndarray) -> float:
    """Root mean square, in points, of predicting each tail by the mean curve of the others."""
    x = np.log(number)
    missed = []
    for tail in range(len(x)):
        others = [i for i in range(len(x)) if i != tail]
        predicted = np.mean([_at(x[tail], x[i], accuracy[i]) for i in others], axis=0)
        missed.append(accuracy[tail] - predicted)
    return float(np.sqrt(np.mean(np.square(missed))))


def spread(number: Numbers, accuracy: np.ndarray) -> float:
    """Highest less lowest tail at equal numbers, averaged over the range that all tails have."""
    x = np.log(number)
    low, high = x.min(axis=1).max(), x.max(axis=1).min()
    if not low < high:
        return np.nan
    at = np.linspace(low, high, VALUES)
    return float(np.ptp([_at(at, *curve) for curve in zip(x, accuracy)], axis=0).mean())


def _at(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    order = np.argsort(x)
    return np.interp(values, x[order], y[order])


def over_problems(
    store: Store, figure: Callable[[Numbers, np.ndarray], float]
) -> dict[str, dict[str, float]]:
    """A figure by number and problem, at a learning rate of 0.1."""
    found: dict[str, dict[str, float]] = {}
    for problem in problems(store):
        known, accuracy = numbers(store, problem), cube(store, problem)
        if known is None or accuracy is None:
            continue
        for name, values in known.items():
            found.setdefault(name, {})[problem.label] = figure(values, accuracy[..., RATE])
    return found


def intervals(found: Mapping[str, Mapping[str, float]]) -> dict[str, Effect]:
    """Means over the problems that have the figure."""
    finite = lambda of: [value for value in of.values() if np.isfinite(value)]
    return {name: over(finite(of)) for name, of in found.items()}


def thin_tails(store: Store) -> dict[str, Effect]:
    """The error for peak and area, among the tails that have an area."""
    tails, areas = area(store)
    peaks = np.tile(FEWER_DAMPENINGS, (len(tails), 1))
    found: dict[str, list[float]] = {"peak": [], "area": []}
    for problem in problems(store):
        accuracy = cube(store, problem, tails)
        for name, values in (("peak", peaks), ("area", areas)):
            found[name].append(error(values, accuracy[..., RATE]))
    return {name: over(values) for name, values in found.items()}


def below(store: Store, bound: float) -> dict[str, tuple[int, float, float]]:
    """Where the mean slope is below a bound: settings, their lowest accuracy, the best of all."""
    found = {}
    for problem in problems(store):
        known, accuracy = numbers(store, problem), cube(store, problem)
        if known is not None and accuracy is not None:
            inside = accuracy[..., RATE][known["mean_slope"] < bound]
            if inside.size:
                best = float(accuracy[..., RATE].max())
                found[problem.label] = inside.size, float(inside.min()), best
    return found

"""By how much to change a parameter of a surrogate to bring the growth per step to a target."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import brainstate
import numpy as np
from scipy.optimize import brentq

from .._surrogate import QPseudoSpike
from ..records.flow import Adjustment

FACTORS = np.geomspace(1 / 16, 16, 13)
SMALLEST_CHANGE = 0.01  # of the growth from one factor to the next, relative; less is no direction


def adjustment(
    parameter: str, growth_at: Callable[[float], float], target: float, surrogate: Any = None
) -> Adjustment:
    """Search the factor for one parameter, on a grid and then between its neighbours.

    The search goes outwards from a factor of 1, on either side as far as the growth moves one way.
    Where it turns, something else has taken over: a slope so steep that the reset overshoots, and
    the gradient changes its sign from step to step. Such a growth of 1 carries nothing back.

    Parameters
    ----------
    parameter : str
        What is multiplied: ``"scale"``, ``"dampening"`` or ``"alpha"``.
    growth_at : callable
        The growth per step that a factor gives; NaN where there is no gradient.
    target : float
        The growth per step to attain.
    surrogate : Surrogate, optional
        What the factor is to be applied to in the result.
    """
    miss = lambda log_factor: math.log(growth_at(math.exp(log_factor)) / target)
    logs = np.log(FACTORS)
    misses = np.array([miss(log) for log in logs])
    near = _around_one(misses)
    logs, misses, factors = logs[near], misses[near], FACTORS[near].round(12)
    growths = target * np.exp(misses)
    attainable = (float(np.fmin.reduce(growths)), float(np.fmax.reduce(growths)))
    bracket = _closest_bracket(logs, misses)
    factor = None if bracket is None else _rounded(math.exp(brentq(miss, *bracket, xtol=1e-4)))
    return Adjustment(
        parameter,
        target,
        factor,
        None if factor is None else growth_at(factor),
        attainable,
        (float(factors[0]), float(factors[-1])),
        None if factor is None else changed(surrogate, parameter, factor),
    )


def changed(surrogate: Any, parameter: str, factor: float) -> QPseudoSpike | None:
    """A q-PseudoSpike with one parameter multiplied; None for others, and where it is a State."""
    if not isinstance(surrogate, QPseudoSpike):
        return None
    value = getattr(surrogate, parameter)
    value = 1.0 if value is None else value
    if isinstance(value, brainstate.State):
        return None
    return surrogate.replace(**{parameter: value * factor})


def _rounded(factor: float) -> float:
    """Four digits: what is reported is what was measured, and can be typed."""
    return float(f"{factor:.4g}")


def _around_one(misses: np.ndarray) -> slice:
    """The factors from the last one before the growth turns, below 1, to the last one above."""
    middle = len(misses) // 2
    below, above = (_steps_before_a_turn(side) for side in (misses[middle::-1], misses[middle:]))
    return slice(middle - below, middle + above + 1)


def _steps_before_a_turn(misses: np.ndarray) -> int:
    changes = np.diff(misses)
    directions = np.sign(changes) * (np.abs(changes) > SMALLEST_CHANGE)
    first = next((direction for direction in directions if direction != 0), 0)
    turns = ~np.isin(directions, (0, first))  # NaN, for want of a gradient, is one
    return int(np.argmax(turns)) if turns.any() else len(changes)


def _closest_bracket(logs: np.ndarray, misses: np.ndarray) -> tuple[float, float] | None:
    """Neighbours between which the miss changes its sign, those closest to a factor of 1."""
    crossings = np.flatnonzero(np.sign(misses[:-1]) * np.sign(misses[1:]) <= 0)
    if len(crossings) == 0:
        return None
    best = min(crossings, key=lambda i: min(abs(logs[i]), abs(logs[i + 1])))
    return float(logs[best]), float(logs[best + 1])

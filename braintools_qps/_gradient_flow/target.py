"""Candidates to train: by how much to lower a surrogate to bring the growth per step to a target.

A parameter is followed from its present value outwards, in the direction that lowers, widens or
thins the surrogate, with steps as fine as the curve asks for, up to its first turn. Beyond a turn
something else has taken over: slopes so steep that the reset overshoots, where the gradient keeps
its size by changing its sign at every step. Such a growth of 1 carries nothing back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import brainstate
from braintools.surrogate import Surrogate
from scipy.optimize import brentq

from .._surrogate import QPseudoSpike, Scaled
from ..records import Adjustment

LIMITS = {"dampening": 1 / 16, "scale": 16.0, "alpha": 16.0}  # factors at which the search ends
FIRST, FINEST = math.log(16) / 8, math.log(16) / 512  # steps in the logarithm of a factor
BENT = 0.05  # of a step's change in log growth: how far its middle may lie off a straight line
STILL = 1e-4  # change in log growth that has no direction


class Measured(NamedTuple):
    """What a factor gives."""

    growth: float  # NaN where there is no gradient
    consistency: float = 1.0  # the lowest of any population


class Point(NamedTuple):
    """A place on the curve that is followed."""

    log_factor: float
    log_growth: float


Measure = Callable[[float], Measured]


def adjustment(
    parameter: str, measure: Measure, target: float, surrogate: Any = None
) -> Adjustment:
    """Search the factor for one parameter that brings the growth to the target.

    Parameters
    ----------
    parameter : str
        What is multiplied: ``"dampening"``, ``"scale"`` or ``"alpha"``.
    measure : callable
        What a factor gives: the growth per step, and the consistency of the gradient's direction.
    target : float
        The growth per step to attain.
    surrogate : Surrogate, optional
        What the factor is to be applied to in the result.
    """
    points = list(_followed(measure, math.log(LIMITS[parameter])))
    growths = [math.exp(point.log_growth) for point in points] or [measure(1.0).growth]
    ends = sorted(round(math.exp(point.log_factor), 12) for point in points) or [1.0]
    factor = _crossing(points, measure, math.log(target))
    return Adjustment(
        parameter,
        target,
        factor,
        None if factor is None else measure(factor).growth,
        (min(growths), max(growths)),
        (ends[0], ends[-1]),
        None if factor is None else changed(surrogate, parameter, factor),
    )


def changed(surrogate: Any, parameter: str, factor: float) -> Any:
    """A surrogate with one parameter multiplied; of several, all of them.

    None for what is no surrogate, and where the parameter is a State.
    """
    if isinstance(surrogate, tuple):
        parts = tuple(changed(one, parameter, factor) for one in surrogate)
        return None if any(part is None for part in parts) else parts
    if not isinstance(surrogate, Surrogate):
        return None
    if not isinstance(surrogate, (QPseudoSpike, Scaled)):
        return Scaled(surrogate).replace(**{parameter: factor})
    value = getattr(surrogate, parameter)
    if isinstance(value, brainstate.State):
        return None
    return surrogate.replace(**{parameter: _product(1.0 if value is None else value, factor)})


def _product(value: Any, factor: float) -> Any:
    """Without the last digits of a number's rounding, so that it can be typed."""
    return float(f"{value * factor:.10g}") if isinstance(value, float) else value * factor


def _followed(measure: Measure, end: float) -> Iterator[Point]:
    """Points from a factor of 1 to the limit, or to the last before the curve turns or ends."""
    start = _point(measure, 0.0)
    if start is None:
        return
    yield start
    direction, here = 0.0, start
    step = math.copysign(FIRST, end)
    while abs(here.log_factor) < abs(end) - 1e-9:
        step = math.copysign(min(abs(step), abs(end - here.log_factor)), end)
        ahead = [_point(measure, here.log_factor + part * step) for part in (0.5, 1.0)]
        if abs(step) > FINEST and not _straight(here, *ahead):
            step /= 2
            continue
        for point in ahead:
            if point is None:
                return
            change = point.log_growth - here.log_growth
            if _turns(direction, change):
                return
            direction = direction or (change if abs(change) > STILL else 0.0)
            here = point
            yield here
        step *= 2


def _turns(direction: float, change: float) -> bool:
    """Whether the curve moves against its direction, by more than rounding."""
    return change * direction < 0 and abs(change) > STILL / 10


def _point(measure: Measure, log_factor: float) -> Point | None:
    """None where there is no gradient, or one that changes its sign from step to step."""
    growth, consistency = measure(math.exp(log_factor))
    if not (math.isfinite(growth) and growth > 0) or consistency < 0:
        return None
    return Point(log_factor, math.log(growth))


def _straight(start: Point, middle: Point | None, end: Point | None) -> bool:
    if middle is None or end is None:
        return False
    first, second = middle.log_growth - start.log_growth, end.log_growth - middle.log_growth
    return abs(first - second) <= BENT * abs(first + second) + STILL


def _crossing(points: list[Point], measure: Measure, wanted: float) -> float | None:
    """The first factor that attains the target, to four digits that can be typed."""
    for (a, low), (b, high) in pairwise(points):
        if min(low, high) <= wanted <= max(low, high):
            miss = lambda log: math.log(measure(math.exp(log)).growth) - wanted
            found = a if low == wanted else b if high == wanted else brentq(miss, a, b, xtol=1e-4)
            return float(f"{math.exp(found):.4g}")
    return None

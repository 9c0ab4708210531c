"""Candidates to train: by how much to lower a surrogate to bring the growth per step to a target.

A parameter is followed from its present value outwards, in the direction that lowers, widens or
thins the surrogate, with steps as fine as the curve asks for, up to its first turn. Beyond a turn
something else has taken over: slopes so steep that the reset overshoots, where the gradient keeps
its size by changing its sign at every step. Such a growth of 1 carries nothing back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from typing import Any, NamedTuple

import brainstate
import numpy as np
from braintools.surrogate import Surrogate
from scipy.optimize import brentq

from .._surrogate import adjusted
from ..records import Adjustment

LIMITS = {"dampening": 1 / 16, "scale": 16.0, "alpha": 16.0}  # factors at which the search ends
FIRST, FINEST = math.log(16) / 8, math.log(16) / 512  # steps in the logarithm of a factor
EVEN = math.log(16) / 256  # the same, on the way to what is proposed
BENT = 0.05  # of a step's change in log growth: how far its middle may lie off a straight line
STILL = 1e-4  # change in log growth that is none


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
    points = _one_way(measure, math.log(LIMITS[parameter]), math.log(target))
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
    value: Any = getattr(surrogate, parameter, None)
    if isinstance(value, brainstate.State):
        return None
    if parameter == "alpha":
        return adjusted(surrogate, alpha=factor * value)
    return adjusted(surrogate, **{parameter: factor})


def _one_way(measure: Measure, end: float, wanted: float) -> list[Point]:
    """Points from a factor of 1 to the limit, or to the last before the curve turns or ends.

    Where the curve attains what is wanted, the way there is looked at again in even, fine steps.
    """
    points = list(_until_it_turns(_followed(measure, end)))
    for i, (before, after) in enumerate(pairwise(points), 1):
        if _between(before, after, wanted):
            there = after.log_factor
            steps = np.linspace(0.0, there, math.ceil(abs(there) / EVEN), endpoint=False)
            even = (_point(measure, float(step)) for step in steps)
            return list(_until_it_turns(chain(even, points[i:])))
    return points


def _between(one: Point, other: Point, wanted: float) -> bool:
    low, high = sorted((one.log_growth, other.log_growth))
    return low <= wanted <= high


def _until_it_turns(points: Iterable[Point | None]) -> Iterator[Point]:
    """Points up to where they have both risen and fallen, or to the last before a gap."""
    low, high, rise, fall = math.inf, -math.inf, 0.0, 0.0
    for point in points:
        if point is None:
            return
        low, high = min(low, point.log_growth), max(high, point.log_growth)
        rise, fall = max(rise, point.log_growth - low), max(fall, high - point.log_growth)
        if min(rise, fall) > STILL:
            return
        yield point


def _followed(measure: Measure, end: float) -> Iterator[Point | None]:
    """Points from a factor of 1 to the limit, as close as the curve asks for."""
    here = _point(measure, 0.0)
    yield here
    step = math.copysign(FIRST, end)
    while here is not None and abs(here.log_factor) < abs(end) - 1e-9:
        step = math.copysign(min(abs(step), abs(end - here.log_factor)), end)
        ahead = [_point(measure, here.log_factor + part * step) for part in (0.5, 1.0)]
        if abs(step) > FINEST and not _straight(here, *ahead):
            step /= 2
            continue
        yield from ahead
        here = ahead[-1]
        step *= 2


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
    for before, after in pairwise(points):
        if _between(before, after, wanted):
            (a, low), (b, high) = before, after
            miss = lambda log: math.log(measure(math.exp(log)).growth) - wanted
            found = a if low == wanted else b if high == wanted else brentq(miss, a, b, xtol=1e-4)
            return float(f"{math.exp(found):.4g}")
    return None

"""What brings a silent or saturated population to a firing rate, by bisection on the forward pass.

No surrogate can do that, and no gradient shows it: weights that leave a silent neuron have gradient
0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import brainunit as u
import numpy as np

from ..records import RateAdjustment
from .passes import Forward
from .programs import Programs
from .step import Arrays, Step

WIDEST = 10  # powers of 2 to either side; of shifts, about that many of the membranes' distances
HALVINGS = 20


def rate_adjustment(
    step: Step, programs: Programs, run: Forward, index: int, target: float
) -> RateAdjustment:
    """Search a gain of the inputs, one of its weights, and a change of its threshold.

    Parameters
    ----------
    step, programs, run
        The traced model, its compiled passes, and its forward pass.
    index : int
        Which population.
    target : float
        Spikes per neuron and step.
    """
    population = step.populations[index]
    width = float(np.median(np.abs(run.calls[step.last_call(population)].argument))) or 1.0

    weights = step.input_weights(population)

    def rate(gain: float = 1.0, weight: float = 1.0, shift: float = 0.0) -> float:
        shifts = {p.name: shift * (p is population) for p in step.populations}
        arrays = _with_larger(step.arrays, weights, weight)
        return float(programs.rates(arrays, run.inputs, gain, shifts)[index])

    gain, input_rate = _attained(lambda x: 2.0**x, lambda x: rate(gain=x), target)
    weight, weight_rate = (
        _attained(lambda x: 2.0**x, lambda x: rate(weight=x), target) if weights else (None, None)
    )
    wide = lambda x: width * float(np.sinh(x))
    shift, threshold_rate = _attained(wide, lambda x: rate(shift=x), target)
    return RateAdjustment(
        target,
        gain,
        input_rate,
        None if shift is None else _with_unit(-shift, population.argument_unit),
        threshold_rate,
        weight,
        weight_rate,
    )


def _with_larger(arrays: Arrays, positions: Sequence[int], factor: float) -> Arrays:
    """The same with some states multiplied."""
    chosen = set(positions)
    states = (x * factor if i in chosen else x for i, x in enumerate(arrays.states))
    return arrays._replace(states=tuple(states))


def _attained(
    value: Callable[[float], float], rate: Callable[[float], float], target: float
) -> tuple[float | None, float | None]:
    """A value that brings the rate to the target, to be typed, and that rate; or nothing."""
    found = _attain(lambda x: rate(value(x)), target, WIDEST)
    if found is None:
        return None, None
    typed = float(f"{value(found):.4g}")
    return typed, rate(typed)


def _attain(rate: Callable[[float], float], target: float, widest: int) -> float | None:
    """A value, 0 being the present one, whose rate is the target; None where there is none near."""
    upwards = rate(0.0) < target
    sign = 1.0 if upwards else -1.0
    beyond = lambda x: (rate(sign * x) >= target) if upwards else (rate(sign * x) <= target)
    high = next((float(x) for x in range(1, widest + 1) if beyond(float(x))), None)
    if high is None:
        return None
    low = high - 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return sign * high


def _with_unit(value: float, unit: u.Unit | None) -> Any:
    return value if unit is None else u.Quantity(value, unit=unit)

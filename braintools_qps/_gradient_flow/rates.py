"""What brings a silent or saturated population to a firing rate, by bisection on the forward pass.

No surrogate can do that, and no gradient shows it: weights that leave a silent neuron have gradient
0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import numpy as np

from ..records import RateAdjustment
from .passes import Forward
from .programs import Programs
from .step import Step

WIDEST_GAIN = 10  # powers of 2 to either side
WIDEST_SHIFT = 10  # powers of 2 of the distances that membranes have from their threshold
HALVINGS = 20


def rate_adjustment(
    step: Step, programs: Programs, run: Forward, index: int, target: float
) -> RateAdjustment:
    """Search an input gain, and a change of the threshold, for one population.

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
    last = max(i for i, name in enumerate(step.callers) if name == population.name)
    width = float(np.median(np.abs(run.calls[last].argument))) or 1.0

    def rate(gain: float = 1.0, shift: float = 0.0) -> float:
        shifts = {p.name: shift * (p is population) for p in step.populations}
        return float(programs.rates(step.arrays, run.inputs, gain, shifts)[index])

    with_gain = lambda power: rate(gain=2.0**power)
    power = _attain(with_gain, target, WIDEST_GAIN)
    gain = None if power is None else _rounded(2.0**power)
    with_shift = lambda x: rate(shift=width * float(np.sinh(x)))
    found = _attain(with_shift, target, WIDEST_SHIFT)
    shift = None if found is None else _rounded(width * float(np.sinh(found)))
    return RateAdjustment(
        target,
        gain,
        None if gain is None else rate(gain=gain),
        None if shift is None else _with_unit(-shift, population.argument_unit),
        None if shift is None else rate(shift=shift),
    )


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


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _with_unit(value: float, unit: u.Unit | None) -> Any:
    return value if unit is None else u.Quantity(value, unit=unit)

"""Changes that cure a cause, each tried on the run that showed it: None where none attains it."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._surrogate import QPseudoSpike, adjusted
from ..records import FAR, HIGH_SLOPE, MOST, Gradient
from .evaluate import Evaluator, Measured
from .normalize_rates import attained
from .passes import replaced
from .slopes import slopes_at, slopes_met

RATE = 0.1  # spikes per neuron and step to come to
FACTORS = (2.0, 4.0, 8.0, 16.0)
TAILS = (2.0, 1.0, 0.5)

AGAIN = "Then measure again."
HEIGHTS = "normalize_surrogate(model, inputs) finds such a dampening for every population"


def for_rate(evaluator: Evaluator, index: int, *, saturated: bool) -> str | None:
    """What brings a population's firing rate to `RATE`: its weights, or else the inputs.

    Weights of one sign drive membranes away, whatever their size: where such a population is
    saturated, smaller ones attain the rate and gained nothing in the casebook's trainings.
    """
    population, arrays = evaluator.step.populations[index], evaluator.step.arrays
    weights = evaluator.step.input_weights(population)
    if saturated and _of_one_sign([arrays.states[i] for i in weights]):
        return (
            f"All input weights of {population.name} have the same sign: subtract the mean of each "
            f"matrix, then call normalize_rates(model, inputs). {AGAIN}"
        )
    heavier = lambda x: arrays._replace(
        states=replaced(arrays.states, weights, [arrays.states[i] * x for i in weights])
    )
    if weights and (found := _typed(lambda x: evaluator.rates(heavier(x))[index])):
        return (
            f"Multiply the input weights of {population.name} by {found[0]:.3g}: it would then "
            f"fire at {found[1]:.2g} per step. normalize_rates(model, inputs) does so for every "
            f"population. {AGAIN}"
        )
    if found := _typed(lambda x: evaluator.rates(arrays, x)[index]):
        return (
            f"Multiply the model's inputs by {found[0]:.3g}: {population.name} would then fire at "
            f"{found[1]:.2g} per step. {AGAIN}"
        )
    return None


def for_reach(evaluator: Evaluator, measured: Measured, index: int) -> str | None:
    """A wider surrogate, with which most membranes lie where it is not flat."""
    population = evaluator.step.populations[index]
    spike = measured.spikes[population.name]
    if not isinstance(spike, Surrogate):
        return None
    unit = population.argument_unit
    argument = evaluator.run.calls[evaluator.step.last_call(population)].argument
    flat = lambda one: slopes_met(one, argument, unit, slopes_at(one, argument, unit)).flat_share
    ways = []
    for factor in FACTORS:
        if (share := flat(adjusted(spike, scale=factor))) <= MOST:
            ways.append(f"a scale {factor:g} times as large ({share:.0%} would then be flat)")
            break
    scale = measured.populations[index].slopes.scale
    for alpha in TAILS:
        if (share := flat(fatter := QPseudoSpike(alpha, scale=scale))) <= MOST:
            ways.append(f"a fatter tail, {fatter!r} ({share:.0%} would then be flat)")
            break
    return f"Give it {' or '.join(ways)}. {AGAIN}" if ways else None


def for_height(slope: float) -> str:
    """The dampening that brings a mean slope down to 0.1; the slope goes with it."""
    return (
        f"Multiply its dampening by {HIGH_SLOPE / slope:.2g}, which makes it {HIGH_SLOPE:g}: "
        f"normalize_surrogate(model, inputs) does so for every population. {AGAIN}"
    )


def for_explosion(evaluator: Evaluator, measured: Measured, index: int) -> str | None:
    """A dampening with which the gradient does not explode."""
    found = _dampened(evaluator, measured, index, lambda one: one.end_to_end <= FAR)
    return None if found is None else f"Multiply all dampenings by {found:g}. {AGAIN}"


def for_direction(evaluator: Evaluator, measured: Measured, index: int) -> str | None:
    """A dampening with which consecutive steps point the same way."""
    found = _dampened(evaluator, measured, index, lambda one: one.consistency >= 0)
    if found is None:
        return None
    return (
        f"Multiply all dampenings by {found:g}, or stop the gradient at the reset with "
        f"set_surrogate(model, ..., detach_reset=True). {AGAIN}"
    )


def _dampened(
    evaluator: Evaluator, measured: Measured, index: int, cured: Callable[[Gradient], bool]
) -> float | None:
    for factor in FACTORS:
        gradients = evaluator.gradients([slope / factor for slope in measured.slopes])
        if cured(gradients[index]):
            return 1 / factor
    return None


def _of_one_sign(weights: list) -> bool:
    """Whether there are matrices, and none of them has both positive and negative entries."""
    matrices = [np.asarray(one) for one in weights if jnp.ndim(one) > 1]
    one_sign = ((one >= 0).all() or (one <= 0).all() for one in matrices)
    return bool(matrices) and all(one_sign)


def _typed(rate: Callable[[float], float]) -> tuple[float, float] | None:
    """A factor of three digits that brings a rate to `RATE`, and the rate that it gives."""
    factor = attained(rate, RATE)
    if factor is None:
        return None
    typed = float(f"{factor:.3g}")
    return typed, rate(typed)

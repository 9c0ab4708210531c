"""Changes that remove a cause. Each was tried on the run; None if none of those tried helps."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._surrogate import QPseudoSpike, adjusted
from ..records import HIGH_SLOPE, MOST
from .evaluate import Evaluator, Measured
from .normalize_rates import attained
from .passes import replaced
from .slopes import slopes_at, slopes_met

RATE = 0.1  # target, in spikes per neuron and step
FACTORS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TAILS = (2.0, 1.0, 0.5)
FAT = 2.0  # a tail is fat if its alpha is smaller
LOOKED_AT, GROWS = 10, 1.05  # steps before an overflow, and growth per step that explains it

AGAIN = "Then run gradient_flow again."
FOR_FADING = (
    "Put the outputs of more steps into the loss, for example their mean. Then run gradient_flow "
    "again, with that loss as objective=."
)

FOR_INFORMATION = (
    "relay_weights(model, inputs) gives the layers weights that pass spikes on. Then run "
    "gradient_flow again."
)


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
            f"normalize_rates(model, inputs) brings every population to {RATE:g} spikes per step. "
            f"To change only {population.name}, multiply its input weights by {found[0]:.3g}: "
            f"it then fires at {found[1]:.2g} per step. {AGAIN}"
        )
    if found := _typed(lambda x: evaluator.rates(arrays, x)[index]):
        return (
            f"Multiply the model's inputs by {found[0]:.3g}: {population.name} then fires at "
            f"{found[1]:.2g} per step. {AGAIN}"
        )
    return None


def for_membrane(evaluator: Evaluator, index: int, step: int) -> str:
    """The place to look if a membrane is not finite from a step on."""
    population = evaluator.step.populations[index]
    states = evaluator.step.arrays.states
    weights = [states[i] for i in evaluator.step.input_weights(population)]
    if not all(jnp.isfinite(one).all() for one in weights):
        return "Its input weights are NaN: go back to a checkpoint and lower the learning rate."
    before = np.asarray(evaluator.run.states[population.membrane], np.float64)[:step]
    sizes = [size for x in before[-LOOKED_AT:] if (size := np.abs(x).max()) > 0]
    factor = (sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1)) if len(sizes) > 1 else 0
    if factor > GROWS:
        return (
            f"It grows {factor:.2g} times per step: look in its update for a state that feeds back "
            f"undamped (no leak, or two states mixed up), and for large recurrent weights. {AGAIN}"
        )
    return f"Look in its update for a division by 0, or a root or logarithm of 0 or less. {AGAIN}"


def for_reach(evaluator: Evaluator, measured: Measured, index: int) -> str | None:
    """A wider surrogate, with which at most half of the membrane potentials are out of reach."""
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
            ways.append(f"a scale {factor:g} times as large ({share:.0%} would stay out of reach)")
            break
    scale = measured.populations[index].slopes.scale
    peak = float(slopes_at(spike, jnp.zeros_like(argument[:1]), unit).mean())
    height = peak * u.get_mantissa(scale)
    for alpha in TAILS if height > 0 else ():
        fatter = QPseudoSpike(alpha, scale=scale, dampening=float(f"{height:.3g}"))
        if (share := flat(fatter)) <= MOST:
            ways.append(f"a fatter tail, {fatter!r} ({share:.0%} would stay out of reach)")
            break
    return f"Give the surrogate {' or '.join(ways)}. {AGAIN}" if ways else None


def for_height(slope: float) -> str:
    """The dampening that brings a mean slope down to 0.1; the slope goes with it."""
    return (
        "set_surrogate(model, normalize_surrogate(model, inputs)) lowers the mean slope to "
        f"{HIGH_SLOPE:g} in every population; here it multiplies the dampening by "
        f"{HIGH_SLOPE / slope:.2g}. {AGAIN}"
    )


def for_direction(evaluator: Evaluator, measured: Measured, index: int) -> str | None:
    """A lower dampening, with which the gradient keeps its direction from step to step."""
    for factor in FACTORS:
        gradients = evaluator.gradients([slope / factor for slope in measured.slopes])
        if gradients[index].consistency >= 0:
            return (
                f"Multiply all dampenings by {1 / factor:g}, or stop the gradient at the reset "
                f"with set_surrogate(model, ..., detach_reset=True). {AGAIN}"
            )
    return None


def has_fat_tail(spike: Any) -> bool:
    """Whether its alpha is known and below 2."""
    alpha = getattr(spike, "alpha", None)
    return isinstance(alpha, Real) and alpha < FAT


def _of_one_sign(weights: list) -> bool:
    """Whether there are weight matrices, each with entries of one sign."""
    matrices = [np.asarray(one) for one in weights if jnp.ndim(one) > 1]
    one_sign = ((one >= 0).all() or (one <= 0).all() for one in matrices)
    return bool(matrices) and all(one_sign)


def _typed(rate: Callable[[float], float]) -> tuple[float, float] | None:
    """A factor, rounded to three digits, that brings a rate near `RATE`, and that rate."""
    factor = attained(rate, RATE)
    if factor is None:
        return None
    typed = float(f"{factor:.3g}")
    return typed, rate(typed)

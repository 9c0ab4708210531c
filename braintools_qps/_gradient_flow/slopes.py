"""Slopes: the derivative of a surrogate at the arguments of a run's spike functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._models import call_spike
from .._surrogate import QPseudoSpike, Scaled, scale_of
from ..records import Slopes
from ..typing import SpikeFunction
from .step import Spikes, Step

# Relative to the neuron's peak
FLAT = 1e-3  # an optimizer that rescales gradients makes up for slopes above it
# Where the peak of a derivative is looked for, in multiples of its scale.
_PROBES = np.concatenate([-np.geomspace(1e4, 1e-4, 65), [0.0], np.geomspace(1e-4, 1e4, 65)])


def slopes_at(surrogate: SpikeFunction, argument: Array, unit: u.Unit | None) -> Array:
    """The derivative at each argument.

    Raises
    ------
    brainunit.UnitMismatchError
        If the argument has a unit that the surrogate does not take.
    """
    values, pull = jax.vjp(partial(_spikes, surrogate, unit), jnp.asarray(argument))
    (slope,) = pull(np.ones(values.shape, values.dtype))
    return slope.astype(argument.dtype)


def mean_slope_at(spike: SpikeFunction, argument: Any) -> Array:
    """The mean derivative. For arguments with a unit it is multiplied by the scale."""
    unit = argument.unit if isinstance(argument, u.Quantity) else None
    mean = jnp.mean(slopes_at(spike, u.get_mantissa(argument), unit))
    return mean if unit is None else mean * jnp.mean(_scale(spike, unit))


def slopes_and_peaks(
    step: Step, spikes: Spikes, arguments: Sequence[Array]
) -> tuple[list[Array], list[Array]]:
    """The slopes at each call of a spike function, and the peaks of each population's surrogate."""
    units = step.argument_units
    slopes = [slopes_at(spikes[n], x, units[n]) for n, x in zip(step.callers, arguments)]
    probed = (_peak(spikes[p.name], arguments[p.call], p.argument_unit) for p in step.populations)
    met = (slopes[p.call].max(axis=0) for p in step.populations)
    return slopes, list(map(jnp.maximum, probed, met))


def slope_summary(spike: SpikeFunction, unit: u.Unit | None, slopes: Array, peak: Array) -> Slopes:
    """The slopes at a population's membranes, and relative to the surrogate's peak."""
    scale = float(np.mean(_scale(spike, unit)))
    heights, highest = np.asarray(slopes), np.asarray(peak)
    relative = heights / np.where(highest > 0, highest, 1)
    return Slopes(
        mean=float(heights.mean(dtype=np.float64)),
        flat_share=float(np.mean(np.abs(heights) < FLAT * highest)),
        scale=scale if unit is None else u.Quantity(scale, unit=unit),
        lowest=float(np.fmin(0.0, np.fmin.reduce(relative, axis=None))),
    )


def _spikes(surrogate: SpikeFunction, unit: u.Unit | None, x: Array) -> Array:
    return u.get_mantissa(call_spike(surrogate, x if unit is None else u.Quantity(x, unit=unit)))


def _scale(spike: SpikeFunction, unit: u.Unit | None) -> Any:
    """The scale of the surrogate as plain numbers in ``unit``; 1 if it has none."""
    scale = scale_of(spike) if isinstance(spike, (QPseudoSpike, Scaled)) else None
    if isinstance(scale, u.Quantity):
        return scale.in_unit(unit).mantissa
    return 1.0 if scale is None else scale


def _peak(spike: SpikeFunction, argument: Array, unit: u.Unit | None) -> Array:
    """The largest derivative at the probes, for each neuron or once for all."""
    columns = _PROBES.reshape(-1, *(1 for _ in argument.shape[1:]))
    arguments = jnp.asarray(columns * _scale(spike, unit), jnp.float32)
    shape = jax.eval_shape(partial(_spikes, spike, unit), arguments).shape  # of its parameters
    return slopes_at(spike, jnp.broadcast_to(arguments, shape), unit).max(axis=0)

"""What may be passed as spikes, and as the value of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._surrogate import strip
from .packed import is_spike


@dataclass(frozen=True)
class ByPhase:
    """The value of one spike behind a dropout: in training, and in evaluation, which has none."""

    training: float
    evaluation: float


def strip_spikes(spikes: Any, scale: Any, weights: Array) -> tuple[Array, Array | None, u.Unit]:
    """Spikes, the value of one (None is 1) and their unit; concrete spikes are checked.

    Spikes that are integers or booleans become floating where the product with the weights is.

    Raises
    ------
    ValueError
        If a concrete spike is neither 0 nor the scale, or the scale is 0, not finite or no scalar.
    TypeError
        If one of them is not a real number.
    brainunit.UnitMismatchError
        If spikes and scale differ in their dimension.
    """
    if isinstance(scale, ByPhase):
        in_training = brainstate.environ.get("fit", False)
        scale = scale.training if in_training else scale.evaluation
    if isinstance(scale, u.Unit):
        scale = 1.0 * scale
    if isinstance(scale, u.Quantity) and scale.dim.is_dimensionless:
        scale = scale.to_decimal()
    plain = strip(spikes, 1.0 if scale is None else scale, name="spikes", like=weights)
    value = None if scale is None else _checked_scale(plain.scale)
    _check_spikes(plain.x, value)
    return plain.x, value, u.UNITLESS if plain.unit is None else plain.unit


def _checked_scale(scale: Any) -> Array:
    if np.shape(scale):
        raise ValueError(
            "scale, the value of one spike, must be a single number, got the shape "
            f"{np.shape(scale)}. Multiply the weights by what differs from neuron to neuron"
        )
    dtype = getattr(scale, "dtype", type(scale))
    if not (jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)):
        raise TypeError(
            f"scale, the value of one spike, must be a real number, got {scale!r}. For example "
            "scale=1 / keep_probability"
        )
    # By NumPy: within a trace JAX would trace the comparison of its own array as well.
    concrete = not isinstance(scale, jax.core.Tracer)
    if concrete and (np.asarray(scale) == 0 or not np.isfinite(np.asarray(scale))):
        raise ValueError(
            f"scale, the value of one spike, must be finite and not 0, got {scale}. Leave it out "
            "for spikes of 1, pass 1 / keep_probability for those of a dropout"
        )
    return jnp.asarray(scale)


def _check_spikes(spikes: Array, scale: Array | None) -> None:
    if not (_is_concrete(spikes) and _is_concrete(scale)):
        return
    values = np.asarray(spikes)
    known = is_spike(values, None if scale is None else np.asarray(scale))
    strange = values[(values != 0) & ~known]
    if strange.size:
        raise ValueError(
            f"spikes must be 0 or {1 if scale is None else scale}, got {strange[0]} among them. "
            "Pass the value of a spike as scale=..., or multiply currents and graded spikes by "
            "weights with jnp.dot or the layer of brainstate.nn"
        )


def _is_concrete(value: Any) -> bool:
    """Whether its elements can be looked at: not traced, and not on another machine."""
    return not isinstance(value, jax.core.Tracer) and getattr(value, "is_fully_addressable", True)

"""Check spikes and the value of one spike, and take their units off."""

from __future__ import annotations

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .._surrogate import strip
from ..typing import Distance, Scale
from .packed import is_spike


def strip_spikes(
    spikes: Distance, scale: Scale, weights: Array
) -> tuple[Array, Array | None, u.Unit]:
    """Spikes, the value of one (None is 1) and their unit; concrete spikes are checked.

    Spikes that are integers or booleans become floats if their product with the weights is one.

    Raises
    ------
    ValueError
        If a concrete spike is neither 0 nor the scale, or the scale is 0, not finite or no scalar.
    TypeError
        If spikes are not real numbers.
    brainunit.UnitMismatchError
        If spikes and scale differ in their dimension.
    """
    if isinstance(scale, u.Unit):
        scale = 1.0 * scale
    if isinstance(scale, u.Quantity) and scale.dim.is_dimensionless:
        scale = scale.to_decimal()
    given = {"scale": 1.0 if scale is None else scale}
    plain = strip(spikes, given, name="spikes", like=weights)
    value = None if scale is None else _checked_scale(plain.parameters["scale"])
    _check_spikes(plain.x, value)
    return plain.x, value, u.UNITLESS if plain.unit is None else plain.unit


def _checked_scale(scale: ArrayLike) -> Array:
    if np.shape(scale):
        raise ValueError(
            "scale, the value of one spike, must be a single number, got the shape "
            f"{np.shape(scale)}. If it differs between neurons, multiply the weights by it"
        )
    # By NumPy: within a trace, JAX would trace even a comparison of concrete arrays.
    if _is_concrete(scale) and (np.asarray(scale) == 0 or not np.isfinite(np.asarray(scale))):
        raise ValueError(
            f"scale, the value of one spike, must be finite and not 0, got {scale}. Leave it out "
            "if spikes are 1; pass 1 / keep_probability after a dropout"
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
            "Pass scale= with the value of a spike. For currents or graded spikes use jnp.dot or "
            "the layer of brainstate.nn"
        )


def _is_concrete(value: object) -> bool:
    """Whether its elements can be read: not traced, and not on another machine."""
    return not isinstance(value, jax.core.Tracer) and getattr(value, "is_fully_addressable", True)

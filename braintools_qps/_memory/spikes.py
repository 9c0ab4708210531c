"""The boundary: what may be passed as spikes, and what they and their scale are as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from . import bits


class Stripped(NamedTuple):
    """Spikes and their scale without units; a scale of None is 1."""

    spikes: Array
    scale: Array | None
    unit: u.Unit


@dataclass(frozen=True)
class ByPhase:
    """The value of one spike in training and in evaluation, which a dropout is not there for."""

    training: float
    evaluation: float

    def now(self) -> float:
        """The one that is to be expected here."""
        return self.training if brainstate.environ.get("fit", False) else self.evaluation


def strip(spikes: Any, scale: Any, weights: Array) -> Stripped:
    """Express spikes and scale as floating arrays in one unit; concrete spikes are checked.

    Spikes that are integers or booleans become what the product with the weights promotes them to.

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
        scale = scale.now()
    spikes, scale = (_without_trivial_unit(value) for value in (spikes, scale))
    unit = u.get_unit(spikes)
    if u.get_unit(1.0 if scale is None else scale).dim != unit.dim:
        _reject_unit(unit, scale)
    if isinstance(spikes, u.Quantity):
        spikes, scale = spikes.mantissa, scale.in_unit(unit).mantissa
    spikes, scale = _as_floating(spikes, weights), None if scale is None else _as_scale(scale)
    _check(spikes, scale)
    return Stripped(spikes, scale, unit)


def _without_trivial_unit(value: Any) -> Any:
    if isinstance(value, u.Unit):
        value = 1.0 * value
    trivial = isinstance(value, u.Quantity) and value.dim.is_dimensionless
    return value.to_decimal() if trivial else value


def _as_floating(spikes: Any, weights: Array) -> Array:
    spikes = jnp.asarray(spikes)
    if jnp.issubdtype(spikes.dtype, jnp.complexfloating):
        raise TypeError(f"spikes must be real, got dtype {spikes.dtype}. Pass spikes.real")
    if jnp.issubdtype(spikes.dtype, jnp.floating):
        return spikes
    promoted = jnp.result_type(spikes, weights)
    floating = jnp.issubdtype(promoted, jnp.floating)
    return spikes.astype(promoted if floating else jnp.result_type(float))


def _as_scale(scale: Any) -> Array:
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
    at_hand = not isinstance(scale, jax.core.Tracer)
    if at_hand and (np.asarray(scale) == 0 or not np.isfinite(np.asarray(scale))):
        raise ValueError(
            f"scale, the value of one spike, must be finite and not 0, got {scale}. Leave it out "
            "for spikes of 1, pass 1 / keep_probability for those of a dropout"
        )
    return jnp.asarray(scale)


def _check(spikes: Array, scale: Array | None) -> None:
    if not (_is_at_hand(spikes) and _is_at_hand(scale)):
        return
    values = np.asarray(spikes)
    known = bits.is_spike(values, None if scale is None else np.asarray(scale))
    strange = values[(values != 0) & ~known]
    if strange.size:
        raise ValueError(
            f"spikes must be 0 or {1 if scale is None else scale}, got {strange[0]} among them. "
            "Pass the value of a spike as scale=..., or multiply currents and graded spikes by "
            "weights with jnp.dot or the layer of brainstate.nn"
        )


def _is_at_hand(value: Any) -> bool:
    """Whether its elements can be looked at: not traced, and not on another machine."""
    return not isinstance(value, jax.core.Tracer) and getattr(value, "is_fully_addressable", True)


def _reject_unit(unit: u.Unit, scale: Any) -> NoReturn:
    raise u.UnitMismatchError(
        "spikes and scale, the value of one, must have the same dimension, got spikes in "
        f"{unit} and scale={scale}. Pass spikes of 0 and 1 without a unit, or scale=1.0 * u.{unit}",
        unit,
        u.get_unit(scale),
    )

"""The spike with its surrogate derivative, of Quantities or arrays and of canonical parameters.

Units are stripped and parameters broadcast before anything is traced; what follows is plain JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from . import units
from .curves import Curve, Foreign, static_or_array
from .kernels import Static, unwrap
from .residuals import compact_product


class Shape(NamedTuple):
    """What shapes the derivative: a curve, the value of x that counts as 1, and a factor.

    Within this file scale and dampening are arrays in the dtype of the computation, or Static;
    ``scale`` is a Static Unit where x was measured in it and nobody said how much counts as 1.
    """

    curve: Curve
    scale: Any
    dampening: Any


def spikes(x: Any, shape: Shape, residual_dtype: str | None) -> Array:
    """1 where x >= 0, with the surrogate derivative under automatic differentiation."""
    x, shape, _ = _strip(x, shape)
    if not isinstance(x, jax.core.Tracer):
        return _heaviside(x)  # nobody differentiates: one program serves every surrogate
    return _compiled_step(x, shape, Static(residual_dtype))


def derivative(x: Any, shape: Shape) -> Array | u.Quantity:
    """The surrogate derivative, per unit of x."""
    x, shape, unit = _strip(x, shape)
    _require_scale(shape)
    return units.per_unit(_derivative(x, shape), unit)


def original(x: Any, shape: Shape) -> Array:
    """The function of which `derivative` is the derivative."""
    x, shape, _ = _strip(x, shape)
    _require_scale(shape)
    return _original(x, shape)


def _strip(x: Any, shape: Shape) -> tuple[Array, Shape, u.Unit | None]:
    """Plain arrays that broadcast together, and the unit that was taken from x."""
    x, scale, unit = units.strip(x, shape.scale)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    scale = Static(scale) if isinstance(scale, u.Unit) else static_or_array(scale, wide)
    dampening = static_or_array(shape.dampening, wide)
    shape = Shape(shape.curve.in_dtype(wide), scale, dampening)
    return _broadcast(x, shape), shape, unit


def _require_scale(shape: Shape) -> None:
    scale = unwrap(shape.scale)
    if isinstance(scale, u.Unit):
        raise units.missing_scale(scale)


def _broadcast(x: Array, shape: Shape) -> Array:
    others = shape.curve.shapes(x.dtype) | {
        name: value.shape
        for name, value in (("scale", shape.scale), ("dampening", shape.dampening))
        if not isinstance(value, Static)
    }
    try:
        return jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, *others.values()))
    except ValueError:
        raise ValueError(
            f"the parameters of a surrogate must broadcast against x, got shapes {others} and x of "
            f"shape {x.shape}. Give them one value per neuron, along the last axis of x"
        ) from None


def _compiled(function: Callable) -> Callable:
    """The function, jitted where its curve is ours; another's might read what a cache ignores.

    That is for calls outside of jit, where a custom derivative rule costs 100 us a call and every
    operation of a kernel 5 us; inside another trace ``inline`` leaves no sign of it.
    """
    jitted = jax.jit(function, inline=True)

    @wraps(function)
    def call(x: Array, shape: Shape, *rest: Static) -> Array:
        return (function if isinstance(shape.curve, Foreign) else jitted)(x, shape, *rest)

    return call


@partial(jax.jit, inline=True)
def _heaviside(x: Array) -> Array:
    return jnp.where(jnp.isnan(x), x, (x >= 0).astype(x.dtype))


@jax.custom_jvp
def _step(x: Array, shape: Shape, residual_dtype: Static) -> Array:
    return _heaviside(x)


def _step_jvp(primals, tangents):
    # To first order a step does not depend on what shapes its surrogate, so only x's tangent
    # counts. The derivative is an ordinary function of everything, for the second order.
    x, shape, residual_dtype = primals
    x_dot, *_ = tangents
    value = _step(*primals)
    if isinstance(x_dot, SymbolicZero):
        return value, jnp.zeros_like(value)
    _require_scale(shape)
    if residual_dtype.value is None:
        return value, _derivative(x, shape) * x_dot
    gradient = shape.curve.gradient(_normalised(x, shape))
    product = compact_product(residual_dtype.value, gradient, x_dot, shape.curve.within_one)
    return value, (product * _peak(shape)).astype(x.dtype)


_step.defjvp(_step_jvp, symbolic_zeros=True)
_compiled_step = _compiled(_step)


@_compiled
def _derivative(x: Array, shape: Shape) -> Array:
    gradient = shape.curve.gradient(_normalised(x, shape))
    return (gradient * _peak(shape)).astype(x.dtype)


@_compiled
def _original(x: Array, shape: Shape) -> Array:
    return shape.curve.original(_normalised(x, shape), unwrap(shape.dampening)).astype(x.dtype)


def _normalised(x: Array, shape: Shape) -> Array:
    """x as a multiple of the scale, in float32 at least, so that half precision cannot overflow."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32)) / unwrap(shape.scale)


def _peak(shape: Shape) -> Array | float:
    """The factor of the curve's gradient: by it, where that is 1 at 0, the derivative's height."""
    return unwrap(shape.dampening) / unwrap(shape.scale)

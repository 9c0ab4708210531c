"""The spike with its surrogate gradient, of Quantities or arrays and of canonical parameters.

Units are stripped and parameters broadcast before anything is traced; what follows is plain JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from . import units
from .curves import Foreign
from .kernels import Static, unwrap
from .prepared import Prepared, Shape, prepare, require_scale
from .residuals import compact_product


def spikes(x: Any, shape: Shape, residual_dtype: str | None) -> Array:
    """1 where x >= 0, with the surrogate gradient under automatic differentiation."""
    x, prepared, _ = prepare(x, shape)
    if not isinstance(x, jax.core.Tracer):
        return _heaviside(x)  # nobody differentiates: one program serves every surrogate
    return _compiled_step(x, prepared, Static(residual_dtype))


def derivative(x: Any, shape: Shape) -> Array | u.Quantity:
    """The surrogate gradient, per unit of x."""
    x, prepared, unit = prepare(x, shape)
    require_scale(prepared)
    return units.per_unit(_derivative(x, prepared), unit)


def original(x: Any, shape: Shape) -> Array:
    """The function of which `derivative` is the derivative."""
    x, prepared, _ = prepare(x, shape)
    require_scale(prepared)
    return _original(x, prepared)


def _compiled(function: Callable) -> Callable:
    """The function, jitted where its curve is ours; another's might read what a cache ignores.

    That is for calls outside of jit, where a custom derivative rule costs 100 us a call and every
    operation of a kernel 5 us; inside another trace ``inline`` leaves no sign of it.
    """
    jitted = jax.jit(function, inline=True)

    @wraps(function)
    def call(x: Array, shape: Prepared, *rest: Static) -> Array:
        return (function if isinstance(shape.curve, Foreign) else jitted)(x, shape, *rest)

    return call


@partial(jax.jit, inline=True)
def _heaviside(x: Array) -> Array:
    return jnp.where(jnp.isnan(x), x, (x >= 0).astype(x.dtype))


@jax.custom_jvp
def _step(x: Array, shape: Prepared, residual_dtype: Static) -> Array:
    return _heaviside(x)


def _step_jvp(primals, tangents):
    # To first order a step does not depend on what shapes its surrogate, so only x's tangent
    # counts. The derivative is an ordinary function of everything, for the second order.
    x, shape, residual_dtype = primals
    x_dot, *_ = tangents
    value = _step(*primals)
    if isinstance(x_dot, SymbolicZero):
        return value, jnp.zeros_like(value)
    require_scale(shape)
    if residual_dtype.value is None:
        return value, _derivative(x, shape) * x_dot
    gradient = shape.curve.gradient(_normalised(x, shape))
    tangent = x_dot.astype(gradient.dtype)
    product = compact_product(residual_dtype.value, gradient, tangent, shape.curve.peak(gradient))
    return value, (product * shape.peak).astype(x.dtype)


_step.defjvp(_step_jvp, symbolic_zeros=True)
_compiled_step = _compiled(_step)


@_compiled
def _derivative(x: Array, shape: Prepared) -> Array:
    gradient = shape.curve.gradient(_normalised(x, shape))
    return (gradient * shape.peak).astype(x.dtype)


@_compiled
def _original(x: Array, shape: Prepared) -> Array:
    return shape.curve.original(_normalised(x, shape), unwrap(shape.dampening)).astype(x.dtype)


def _normalised(x: Array, shape: Prepared) -> Array:
    """x as a multiple of the scale, in float32 at least, so that half precision cannot overflow."""
    return _ratio(x.astype(units.wide(x.dtype)), shape.scale)


@jax.custom_jvp
def _ratio(x: Array, scale: Array | Static) -> Array:
    return x / unwrap(scale)


def _ratio_jvp(primals, tangents):
    # Stated, as an infinite x times the slope of a curve that is flat there would be NaN.
    (x, scale), (x_dot, scale_dot) = primals, tangents
    ratio = _ratio(x, scale)
    change = jnp.zeros_like(ratio) if isinstance(x_dot, SymbolicZero) else x_dot
    if not isinstance(scale_dot, (SymbolicZero, Static)):
        change -= jnp.where(jnp.isinf(ratio), 0, ratio) * scale_dot
    return ratio, change / unwrap(scale)


_ratio.defjvp(_ratio_jvp, symbolic_zeros=True)

"""The spike with its surrogate derivative, of Quantities or arrays and of canonical parameters.

Units are stripped and parameters broadcast before anything is traced; what follows is plain JAX.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from . import kernels, units
from .kernels import Static, number
from .residuals import compact_product


def spikes(x: Any, alpha: Any, scale: Any, dampening: Any, residual_dtype: str | None) -> Array:
    """1 where x >= 0, with the surrogate derivative under automatic differentiation."""
    x, shape, _ = _strip(x, alpha, scale, dampening)
    if not isinstance(x, jax.core.Tracer):
        return _heaviside(x)  # nobody differentiates: one program serves every alpha
    return _jitted_step(x, shape, Static(residual_dtype))


def derivative(x: Any, alpha: Any, scale: Any, dampening: Any) -> Array | u.Quantity:
    """The surrogate derivative, per unit of x."""
    x, shape, unit = _strip(x, alpha, scale, dampening)
    _require_scale(shape)
    return units.per_unit(_derivative(x, shape), unit)


def original(x: Any, alpha: Any, scale: Any, dampening: Any) -> Array:
    """The function of which `derivative` is the derivative; 1/2 at 0."""
    x, shape, _ = _strip(x, alpha, scale, dampening)
    _require_scale(shape)
    return _original(x, shape)


class _Shape(NamedTuple):
    """What shapes the derivative: arrays in the dtype of the computation, or Static numbers.

    ``scale`` is a Static Unit where x was measured in it and nobody said how much counts as 1.
    """

    alpha: Array | Static
    scale: Array | Static
    dampening: Array | Static


def _strip(x, alpha, scale, dampening) -> tuple[Array, _Shape, u.Unit | None]:
    """Plain arrays that broadcast together, and the unit that was taken from x."""
    x, scale, unit = units.strip(x, scale)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    shape = _Shape(*(_static_or_array(value, wide) for value in (alpha, scale, dampening)))
    arrays = {n: v.shape for n, v in shape._asdict().items() if not isinstance(v, Static)}
    if arrays:
        x = _broadcast(x, arrays)
    return x, shape, unit


def _require_scale(shape: _Shape) -> None:
    scale = number(shape.scale)
    if isinstance(scale, u.Unit):
        raise units.missing_scale(scale)


def _static_or_array(value: Any, dtype: jnp.dtype) -> Static | Array:
    return Static(value) if isinstance(value, (float, u.Unit)) else jnp.asarray(value, dtype)


def _broadcast(x: Array, others: dict[str, tuple[int, ...]]) -> Array:
    try:
        return jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, *others.values()))
    except ValueError:
        raise ValueError(
            f"alpha, scale and dampening must broadcast against x, got shapes {others} and x of "
            f"shape {x.shape}. Give them one value per neuron, along the last axis of x"
        ) from None


# Jitted for calls outside of jit, where a custom derivative rule costs 100 us a call and every
# operation of a kernel 5 us; inside another trace ``inline`` leaves no sign of it.
_jit = partial(jax.jit, inline=True)


@_jit
def _heaviside(x: Array) -> Array:
    return jnp.where(jnp.isnan(x), x, (x >= 0).astype(x.dtype))


@jax.custom_jvp
def _step(x: Array, shape: _Shape, residual_dtype: Static) -> Array:
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
    gradient = kernels.gradient(_normalised(x, shape), shape.alpha)
    tangent = compact_product(residual_dtype.value, gradient, x_dot) * _peak(shape)
    return value, tangent.astype(x.dtype)


_step.defjvp(_step_jvp, symbolic_zeros=True)
_jitted_step = _jit(_step)


@_jit
def _derivative(x: Array, shape: _Shape) -> Array:
    gradient = kernels.gradient(_normalised(x, shape), shape.alpha)
    return (gradient * _peak(shape)).astype(x.dtype)


@_jit
def _original(x: Array, shape: _Shape) -> Array:
    integral = kernels.antiderivative(_normalised(x, shape), shape.alpha)
    return (0.5 + number(shape.dampening) * integral).astype(x.dtype)


def _normalised(x: Array, shape: _Shape) -> Array:
    """x as a multiple of the scale, in float32 at least, so that half precision cannot overflow."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32)) / number(shape.scale)


def _peak(shape: _Shape) -> Array | float:
    """The derivative at 0."""
    return number(shape.dampening) / number(shape.scale)

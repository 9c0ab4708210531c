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
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero

from . import units
from .curves import Foreign, is_traced
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
    gradient = shape.curve.gradient(_ratio(_widened(x), shape.scale))
    tangent = x_dot.astype(gradient.dtype)
    product = compact_product(residual_dtype.value, gradient, tangent, shape.curve.peak(gradient))
    return value, (product * _peak(shape)).astype(x.dtype)


_step.defjvp(_step_jvp, symbolic_zeros=True)
_compiled_step = _compiled(_step)


@_compiled
def _derivative(x: Array, shape: Prepared) -> Array:
    of = _scaled_gradient if is_traced((x, shape)) else _value_of_gradient
    return of(_widened(x), shape).astype(x.dtype)


@_compiled
def _original(x: Array, shape: Prepared) -> Array:
    of = _scaled_original if is_traced((x, shape)) else _value_of_original
    return of(_widened(x), shape).astype(x.dtype)


def _value_of_gradient(x: Array, shape: Prepared) -> Array:
    """``dampening / scale * gradient(x / scale)``."""
    return shape.curve.gradient(_quotient(x, shape.scale)) * _peak(shape)


_scaled_gradient = jax.custom_jvp(_value_of_gradient)


def _scaled_gradient_jvp(primals, tangents):
    # Stated, as the derivative by scale in its parts is 1/scale^2 times a difference: it overflows
    # from a scale of 1e-19 down. What depends on no tangent is multiplied first, for reverse mode.
    (x, shape), (x_dot, shape_dot) = primals, tangents
    ratio, peak = _ratio(x, shape.scale), _peak(shape)
    tangent = jnp.zeros_like(ratio)
    if not isinstance(x_dot, SymbolicZero):
        tangent += jax.jvp(shape.curve.gradient, (ratio,), (_ratio(x_dot, shape.scale),))[1] * peak
    if (curve_dot := _instantiated(shape_dot.curve)) is not None:
        by_parameters = lambda curve: curve.gradient(ratio)
        tangent += jax.jvp(by_parameters, (shape.curve,), (curve_dot,))[1] * peak
    if _is_given(shape_dot.dampening):
        tangent += shape.curve.gradient(ratio) * _ratio(shape_dot.dampening, shape.scale)
    if _is_given(shape_dot.scale):
        by_scale = _ratio(shape.curve.slope_of_product(ratio) * peak, shape.scale)
        tangent -= by_scale * shape_dot.scale
    return _scaled_gradient(x, shape), tangent


_scaled_gradient.defjvp(_scaled_gradient_jvp, symbolic_zeros=True)


def _value_of_original(x: Array, shape: Prepared) -> Array:
    """``1/2 + dampening * (original(x / scale) - 1/2)``."""
    return shape.curve.original(_quotient(x, shape.scale), unwrap(shape.dampening))


_scaled_original = jax.custom_jvp(_value_of_original)


def _scaled_original_jvp(primals, tangents):
    (x, shape), (x_dot, shape_dot) = primals, tangents
    ratio = _ratio(x, shape.scale)
    gradient = shape.curve.gradient(ratio)
    tangent = jnp.zeros_like(ratio)
    if not isinstance(x_dot, SymbolicZero):
        tangent += gradient * _peak(shape) * x_dot
    if (curve_dot := _instantiated(shape_dot.curve)) is not None:
        by_parameters = lambda curve: curve.original(ratio, unwrap(shape.dampening))
        tangent += jax.jvp(by_parameters, (shape.curve,), (curve_dot,))[1]
    if _is_given(shape_dot.dampening):
        by_dampening = lambda dampening: shape.curve.original(ratio, dampening)
        tangent += jax.jvp(by_dampening, (shape.dampening,), (shape_dot.dampening,))[1]
    if _is_given(shape_dot.scale):
        tangent -= gradient * _finite(ratio) * _peak(shape) * shape_dot.scale
    return _scaled_original(x, shape), tangent


_scaled_original.defjvp(_scaled_original_jvp, symbolic_zeros=True)


def _widened(x: Array) -> Array:
    """x in float32 at least, so that half precision cannot overflow."""
    return x.astype(units.wide(x.dtype))


def _peak(shape: Prepared) -> Any:
    """The derivative's height, where that of the curve is 1."""
    if shape.quotient is None:
        return _ratio(unwrap(shape.dampening), shape.scale)
    return unwrap(shape.quotient)


@jax.custom_jvp
def _ratio(x: Array, scale: Array | Static) -> Array:
    return x / _divisor(scale)


def _ratio_jvp(primals, tangents):
    # Stated, as an infinite x times the slope of a curve that is flat there would be NaN.
    (x, scale), (x_dot, scale_dot) = primals, tangents
    ratio = _ratio(x, scale)
    change = jnp.zeros_like(ratio) if isinstance(x_dot, SymbolicZero) else x_dot
    if _is_given(scale_dot):
        change -= _finite(ratio) * scale_dot
    return ratio, _ratio(change, scale)


_ratio.defjvp(_ratio_jvp, symbolic_zeros=True)


_quotient = jax.jit(_ratio, inline=True)


def _divisor(scale: Array | Static) -> Any:
    """The scale; one that is not known counts as a normal number, as any other is taken for 0."""
    if isinstance(scale, Static):
        return scale.value
    return jnp.maximum(scale, jnp.finfo(scale.dtype).tiny)


def _finite(ratio: Array) -> Array:
    return jnp.where(jnp.isinf(ratio), 0, ratio)


def _is_given(tangent: Any) -> bool:
    return not isinstance(tangent, (SymbolicZero, Static))


def _instantiated(tangent: Any) -> Any:
    """The tangent of a curve with zeros in full; None where it is zero altogether."""
    is_symbolic = lambda leaf: isinstance(leaf, SymbolicZero)
    leaves, structure = jax.tree.flatten(tangent, is_leaf=is_symbolic)
    if all(map(is_symbolic, leaves)):
        return None
    full = [np.zeros(leaf.shape, leaf.dtype) if is_symbolic(leaf) else leaf for leaf in leaves]
    return jax.tree.unflatten(structure, full)

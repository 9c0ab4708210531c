"""The spike and its surrogate gradient, for arrays and Quantities.

Parameters were checked by the class. Units are stripped and parameters broadcast first; the rest is
plain JAX.
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

from ..typing import Distance, ResidualDtype
from . import kernels, units
from .foreign import Foreign
from .kernels import Static, above_zero, unwrap
from .parameters import DAMPENING, SCALE, check_range
from .residuals import compact_product


class Curve(NamedTuple):
    """The parameters of a surrogate's curve, as the user gave them or ready for JAX.

    A parameter that is ready is Static, or an array that broadcasts against x. If x has a unit and
    the surrogate no scale, ``scale`` is that unit. ``foreign`` is the curve of a surrogate of
    another library; then alpha is not used.
    """

    alpha: Any
    scale: Any
    dampening: Any
    foreign: Foreign | None = None


def spikes(x: Distance, curve: Curve, residual_dtype: ResidualDtype) -> Array:
    """1 where x >= 0, with the surrogate gradient under automatic differentiation."""
    x, curve, _ = _prepared(x, curve)
    if not isinstance(x, jax.core.Tracer):
        return _heaviside(x)  # nobody differentiates: one program serves every surrogate
    return _compiled_step(x, curve, Static(residual_dtype))


def derivative(x: Distance, curve: Curve) -> Array | u.Quantity:
    """The surrogate gradient, per unit of x."""
    x, curve, unit = _prepared(x, curve)
    _require_scale(curve)
    return units.per_unit(_derivative(x, curve), unit)


def original(x: Distance, curve: Curve) -> Array:
    """The original function: the integral of `derivative`."""
    x, curve, _ = _prepared(x, curve)
    _require_scale(curve)
    return _original(x, curve)


def _compiled(function: Callable) -> Callable:
    """The function, jitted if its curve is ours; a foreign curve may depend on global state.

    Outside of jit, a custom derivative rule costs 100 us a call, and each operation of a kernel
    5 us. Inside another trace, ``inline`` makes this jit disappear.
    """
    jitted = jax.jit(function, inline=True)

    @wraps(function)
    def call(x: Array, curve: Curve, *rest: Static) -> Array:
        return (jitted if curve.foreign is None else function)(x, curve, *rest)

    return call


@partial(jax.jit, inline=True)
def _heaviside(x: Array) -> Array:
    return jnp.where(jnp.isnan(x), x, (x >= 0).astype(x.dtype))


@jax.custom_jvp
def _step(x: Array, curve: Curve, residual_dtype: Static) -> Array:
    return _heaviside(x)


def _step_jvp(primals, tangents):
    # To first order a step does not depend on the parameters of its surrogate, so only x's tangent
    # counts. The derivative is an ordinary function of everything, for the second order.
    x, curve, residual_dtype = primals
    x_dot, *_ = tangents
    value = _step(*primals)
    if isinstance(x_dot, SymbolicZero):
        return value, jnp.zeros_like(value)
    _require_scale(curve)
    if residual_dtype.value is None:
        return value, _derivative(x, curve) * x_dot
    gradient = _unscaled(x, curve)  # ours is from 0 to 1
    peak = None if curve.foreign is None else curve.foreign.peak(gradient)
    product = compact_product(residual_dtype.value, gradient, x_dot.astype(gradient.dtype), peak)
    return value, _scaled(product, curve.scale, curve.dampening).astype(x.dtype)


_step.defjvp(_step_jvp, symbolic_zeros=True)
_compiled_step = _compiled(_step)


@_compiled
def _derivative(x: Array, curve: Curve) -> Array:
    """``dampening / scale * gradient(x / scale)``."""
    if curve.foreign is not None:
        return _scaled(_unscaled(x, curve), curve.scale, curve.dampening).astype(x.dtype)
    wide = x.astype(units.wide(x.dtype))
    return kernels.gradient(wide, curve.alpha, curve.scale, curve.dampening).astype(x.dtype)


@_compiled
def _original(x: Array, curve: Curve) -> Array:
    """``1/2 + dampening * (original(x / scale) - 1/2)``."""
    ratio, dampening = _ratio(x, curve.scale), above_zero(curve.dampening)
    if curve.foreign is None:
        value = 0.5 + dampening * kernels.integral(ratio, curve.alpha)
    else:  # at a dampening of 1, the original function itself
        value = dampening * curve.foreign.original(ratio) + (1 - dampening) / 2
    return value.astype(x.dtype)


def _unscaled(x: Array, curve: Curve) -> Array:
    """``gradient(x / scale)``."""
    ratio = _ratio(x, curve.scale)
    if curve.foreign is None:
        return kernels.unscaled_gradient(ratio, curve.alpha)
    return curve.foreign.gradient(ratio)


# _ratio and _scaled are jitted because outside of jit, every single operation costs as much as one
# small program.
@partial(jax.jit, inline=True)
def _ratio(x: Array, scale: Array | Static) -> Array:
    """``x / scale``, in float32 at least."""
    return kernels.ratio(x.astype(units.wide(x.dtype)), scale)


@partial(jax.jit, inline=True)
def _scaled(gradient: Array, scale: Array | Static, dampening: Array | Static) -> Array:
    """``dampening / scale * gradient``."""
    return gradient * (above_zero(dampening) * (1 / above_zero(scale)))


def _require_scale(curve: Curve) -> None:
    """Check that there is a scale, where one is needed.

    Raises
    ------
    brainunit.UnitMismatchError
        If there is none, and x has a unit.
    """
    if isinstance(unit := unwrap(curve.scale), u.Unit):
        raise units.missing_scale(unit, curve.foreign and curve.foreign.owner.value)


def _prepared(x: Distance, curve: Curve) -> tuple[Array, Curve, u.Unit | None]:
    """Plain arrays that broadcast together, and the unit that was taken from x."""
    x, scale, unit = units.strip(x, curve.scale)
    # Checked again: the scale is now in the unit of x, and both may be products.
    check_range("scale", scale, SCALE.fix)
    check_range("dampening", curve.dampening, DAMPENING.fix)
    given = curve._replace(scale=scale)._asdict()
    del given["foreign"]
    ready = {name: _ready(name, value, x) for name, value in given.items()}
    shapes = {n: jnp.shape(value) for n, value in ready.items() if not isinstance(value, Static)}
    if curve.foreign is not None:
        shapes["surrogate"] = curve.foreign.shape(units.wide(x.dtype))
    if any(shapes.values()):
        x = _broadcast(x, shapes)
    return x, Curve(**ready, foreign=curve.foreign), unit


def _ready(name: str, value: Any, x: Array) -> Array | Static:
    """A number as Static while a program is compiled, and as an array outside of jit.

    Static lets XLA see the constant. As an array, one program serves a loop over many numbers. What
    has a cheap form is always Static.
    """
    dtype = units.wide(x.dtype)
    if isinstance(value, u.Unit):
        return Static(value)
    if not isinstance(value, float):
        return jnp.asarray(value, dtype)
    is_cheap = kernels.has_cheap_form(value) if name == "alpha" else value == 1.0
    known = is_cheap or _is_being_compiled(x)
    return Static(value) if known else dtype.type(value)


def _is_being_compiled(x: Array) -> bool:
    # Under grad or vmap alone, x is a tracer and zeros is not. While compiling, both are.
    return isinstance(x, jax.core.Tracer) and isinstance(jnp.zeros(()), jax.core.Tracer)


def _broadcast(x: Array, shapes: dict[str, tuple[int, ...]]) -> Array:
    try:
        return jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, *shapes.values()))
    except ValueError:
        raise ValueError(
            f"the parameters of a surrogate must broadcast against x, got shapes {shapes} and x of "
            f"shape {x.shape}. Give them one value per neuron, along the last axis of x"
        ) from None

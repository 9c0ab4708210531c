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
from .foreign import ForeignCurve
from .kernels import Curve, Static, above_zero, unwrap
from .parameters import Declaration, check_range
from .residuals import compact_product

FARTHEST = 2e15  # of |x / scale|, beyond which a gradient counts as 0; users are promised 1e9


class Parameters(NamedTuple):
    """A surrogate's parameters as the user gave them."""

    values: dict[str, Any]
    declarations: dict[str, Declaration]
    curve: Callable[..., Curve]  # of all values but scale and dampening


class ScaledCurve(NamedTuple):
    """A curve with its scale and dampening, without units: a pytree."""

    curve: Curve
    scale: Array | Static
    dampening: Array | Static

    def factor(self) -> Any:
        return above_zero(self.dampening) * (1 / above_zero(self.scale))

    def ratio(self, x: Array) -> tuple[Array, Array]:
        """``x / scale``, or 0 where that is beyond FARTHEST, and whether it is."""
        width = above_zero(self.scale)
        is_far = jnp.abs(x) > FARTHEST * width
        return jnp.where(is_far, 0, x) * (1 / width), is_far

    def unscaled_gradient(self, x: Array) -> Array:
        """The curve's gradient at ``x / scale``, 0 far away."""
        z, is_far = self.ratio(x)
        return jnp.where(is_far, 0, self.curve.gradient(z))

    def original(self, x: Array) -> Array:
        """``1/2 + dampening * (original(x / scale) - 1/2)``."""
        z, is_far = self.ratio(x)
        value = _original_of(self.curve, jnp.where(is_far, jnp.sign(x) * FARTHEST, z))
        factor = above_zero(self.dampening)  # at 1, the original function itself
        return factor * value + (1 - factor) / 2


@jax.custom_jvp
def _original_of(curve: Curve, x: Array) -> Array:
    return curve.original(x)


@_original_of.defjvp
def _(primals, tangents):
    # Not JAX's derivative of the original function: at a kink, jnp.where picks either side.
    (curve, x), (curve_dot, x_dot) = primals, tangents
    value, tangent = jax.jvp(lambda curve: curve.original(x), (curve,), (curve_dot,))
    return value, tangent + curve.gradient(x) * x_dot


def spikes(x: Distance, parameters: Parameters, residual_dtype: ResidualDtype) -> Array:
    """1 where x >= 0, with the surrogate gradient under automatic differentiation."""
    x, curve, _ = _prepared(x, parameters)
    if not isinstance(x, jax.core.Tracer):
        return _heaviside(x)  # nobody differentiates: one program serves every surrogate
    return _compiled_step(x, curve, Static(residual_dtype))


def derivative(x: Distance, parameters: Parameters) -> Array | u.Quantity:
    """The surrogate gradient, per unit of x."""
    x, curve, unit = _prepared(x, parameters)
    _require_scale(curve)
    return units.per_unit(_derivative(x, curve), unit)


def original(x: Distance, parameters: Parameters) -> Array:
    """The original function: the integral of `derivative`."""
    x, curve, _ = _prepared(x, parameters)
    _require_scale(curve)
    return _original(x, curve)


def _compiled(function: Callable) -> Callable:
    """The function, jitted if its curve is ours; a foreign curve may depend on global state.

    Outside of jit, a custom derivative rule costs 100 us a call, and each operation of a kernel
    5 us. Inside another trace, ``inline`` makes this jit disappear.
    """
    jitted = jax.jit(function, inline=True)

    @wraps(function)
    def call(x: Array, curve: ScaledCurve, *rest: Static) -> Array:
        is_foreign = isinstance(curve.curve, ForeignCurve)
        return (function if is_foreign else jitted)(x, curve, *rest)

    return call


@partial(jax.jit, inline=True)
def _heaviside(x: Array) -> Array:
    return jnp.where(jnp.isnan(x), x, (x >= 0).astype(x.dtype))


@jax.custom_jvp
def _step(x: Array, curve: ScaledCurve, residual_dtype: Static) -> Array:
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
    gradient = curve.unscaled_gradient(_widened(x))
    product = compact_product(
        residual_dtype.value, gradient, x_dot.astype(gradient.dtype), curve.curve
    )
    return value, (product * curve.factor()).astype(x.dtype)


_step.defjvp(_step_jvp, symbolic_zeros=True)
_compiled_step = _compiled(_step)


@_compiled
def _derivative(x: Array, curve: ScaledCurve) -> Array:
    return (curve.unscaled_gradient(_widened(x)) * curve.factor()).astype(x.dtype)


@_compiled
def _original(x: Array, curve: ScaledCurve) -> Array:
    return curve.original(_widened(x)).astype(x.dtype)


def _widened(x: Array) -> Array:
    return x.astype(kernels.wide(x.dtype))


def _require_scale(curve: ScaledCurve) -> None:
    """Check that there is a scale, where one is needed.

    Raises
    ------
    brainunit.UnitMismatchError
        If there is none, and x has a unit.
    """
    if isinstance(unit := unwrap(curve.scale), u.Unit):
        foreign = curve.curve if isinstance(curve.curve, ForeignCurve) else None
        raise units.missing_scale(unit, foreign and foreign.owner.value)


def _prepared(x: Distance, parameters: Parameters) -> tuple[Array, ScaledCurve, u.Unit | None]:
    """Plain arrays that broadcast together, and the unit that was taken from x."""
    declarations = parameters.declarations
    measured = [name for name, declared in declarations.items() if declared.measured]
    x, values, unit = units.strip(x, parameters.values, measured=measured)
    for name, value in values.items():  # checked again: in the unit of x, and maybe a product
        if fix := declarations[name].fix:
            check_range(name, value, fix)
    if not isinstance(scale := values["scale"], u.Unit):  # else there is no derivative
        values |= {name: values[name] / scale for name in measured if name != "scale"}
    ready = {name: _ready(name, value, x) for name, value in values.items()}
    shapes = {n: jnp.shape(value) for n, value in ready.items() if not isinstance(value, Static)}
    scale, dampening = ready.pop("scale"), ready.pop("dampening")
    curve = parameters.curve(**ready)
    if isinstance(curve, ForeignCurve):
        shapes["surrogate"] = curve.shape(kernels.wide(x.dtype))
    x = _broadcast(x, shapes) if any(shapes.values()) else x
    return x, ScaledCurve(curve, scale, dampening), unit


def _ready(name: str, value: Any, x: Array) -> Array | Static:
    """A number as Static while a program is compiled, and as an array outside of jit.

    Static lets XLA see the constant. As an array, one program serves a loop over many numbers. What
    has a cheap form is always Static.
    """
    dtype = kernels.wide(x.dtype)
    if isinstance(value, u.Unit):
        return Static(value)
    if not isinstance(value, float):
        return jnp.asarray(value, dtype)
    known = kernels.has_cheap_form(name, value) or _is_being_compiled(x)
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

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
from .kernels import Parameters, Static, above_zero, unwrap
from .parameters import Declaration, check_range
from .residuals import compact_product


class Curve(NamedTuple):
    """A surrogate's curve as the user described it.

    ``foreign`` is the curve of a surrogate of another library, to which only scale and dampening
    apply.
    """

    parameters: dict[str, Any]
    declarations: dict[str, Declaration]
    foreign: Foreign | None = None


def spikes(x: Distance, curve: Curve, residual_dtype: ResidualDtype) -> Array:
    """1 where x >= 0, with the surrogate gradient under automatic differentiation."""
    x, parameters, _ = _prepared(x, curve)
    if not isinstance(x, jax.core.Tracer):
        return _heaviside(x)  # nobody differentiates: one program serves every surrogate
    return _compiled_step(x, parameters, curve.foreign, Static(residual_dtype))


def derivative(x: Distance, curve: Curve) -> Array | u.Quantity:
    """The surrogate gradient, per unit of x."""
    x, parameters, unit = _prepared(x, curve)
    _require_scale(parameters, curve.foreign)
    return units.per_unit(_derivative(x, parameters, curve.foreign), unit)


def original(x: Distance, curve: Curve) -> Array:
    """The original function: the integral of `derivative`."""
    x, parameters, _ = _prepared(x, curve)
    _require_scale(parameters, curve.foreign)
    return _original(x, parameters, curve.foreign)


def _compiled(function: Callable) -> Callable:
    """The function, jitted if its curve is ours; a foreign curve may depend on global state.

    Outside of jit, a custom derivative rule costs 100 us a call, and each operation of a kernel
    5 us. Inside another trace, ``inline`` makes this jit disappear.
    """
    jitted = jax.jit(function, inline=True)

    @wraps(function)
    def call(x: Array, parameters: Parameters, foreign: Foreign | None, *rest: Static) -> Array:
        return (jitted if foreign is None else function)(x, parameters, foreign, *rest)

    return call


@partial(jax.jit, inline=True)
def _heaviside(x: Array) -> Array:
    return jnp.where(jnp.isnan(x), x, (x >= 0).astype(x.dtype))


@jax.custom_jvp
def _step(
    x: Array, parameters: Parameters, foreign: Foreign | None, residual_dtype: Static
) -> Array:
    return _heaviside(x)


def _step_jvp(primals, tangents):
    # To first order a step does not depend on the parameters of its surrogate, so only x's tangent
    # counts. The derivative is an ordinary function of everything, for the second order.
    x, parameters, foreign, residual_dtype = primals
    x_dot, *_ = tangents
    value = _step(*primals)
    if isinstance(x_dot, SymbolicZero):
        return value, jnp.zeros_like(value)
    _require_scale(parameters, foreign)
    if residual_dtype.value is None:
        return value, _derivative(x, parameters, foreign) * x_dot
    if foreign is None:
        gradient, peak = kernels.unscaled_gradient(_widened(x), parameters), None  # from 0 to 1
    else:
        gradient = foreign.gradient(_ratio(x, parameters["scale"]))
        peak = foreign.peak(gradient)
    product = compact_product(residual_dtype.value, gradient, x_dot.astype(gradient.dtype), peak)
    return value, _scaled(product, parameters).astype(x.dtype)


_step.defjvp(_step_jvp, symbolic_zeros=True)
_compiled_step = _compiled(_step)


@_compiled
def _derivative(x: Array, parameters: Parameters, foreign: Foreign | None) -> Array:
    """``dampening / scale * gradient(x / scale)``."""
    if foreign is None:
        return kernels.gradient(_widened(x), parameters).astype(x.dtype)
    gradient = foreign.gradient(_ratio(x, parameters["scale"]))
    return _scaled(gradient, parameters).astype(x.dtype)


@_compiled
def _original(x: Array, parameters: Parameters, foreign: Foreign | None) -> Array:
    """``1/2 + dampening * (original(x / scale) - 1/2)``."""
    if foreign is None:
        return kernels.original(_widened(x), parameters).astype(x.dtype)
    value, dampening = foreign.original(_ratio(x, parameters["scale"])), parameters["dampening"]
    factor = above_zero(dampening)  # at 1, the original function itself
    return (factor * value + (1 - factor) / 2).astype(x.dtype)


def _widened(x: Array) -> Array:
    return x.astype(kernels.wide(x.dtype))


# _ratio and _scaled are jitted because outside of jit, every single operation costs as much as one
# small program.
@partial(jax.jit, inline=True)
def _ratio(x: Array, scale: Array | Static) -> Array:
    """``x / scale``, in float32 at least."""
    return kernels.ratio(_widened(x), scale)


@partial(jax.jit, inline=True)
def _scaled(gradient: Array, parameters: Parameters) -> Array:
    """``dampening / scale * gradient``."""
    return gradient * (above_zero(parameters["dampening"]) * (1 / above_zero(parameters["scale"])))


def _require_scale(parameters: Parameters, foreign: Foreign | None) -> None:
    """Check that there is a scale, where one is needed.

    Raises
    ------
    brainunit.UnitMismatchError
        If there is none, and x has a unit.
    """
    if isinstance(unit := unwrap(parameters["scale"]), u.Unit):
        raise units.missing_scale(unit, foreign and foreign.owner.value)


def _prepared(x: Distance, curve: Curve) -> tuple[Array, Parameters, u.Unit | None]:
    """Plain arrays that broadcast together, and the unit that was taken from x."""
    measured = [name for name, declared in curve.declarations.items() if declared.measured]
    x, given, unit = units.strip(x, curve.parameters, measured=measured)
    for name, value in given.items():  # checked again: in the unit of x, and maybe a product
        if fix := curve.declarations[name].fix:
            check_range(name, value, fix)
    ready = {name: _ready(name, value, x) for name, value in given.items()}
    shapes = {n: jnp.shape(value) for n, value in ready.items() if not isinstance(value, Static)}
    if curve.foreign is not None:
        shapes["surrogate"] = curve.foreign.shape(kernels.wide(x.dtype))
    return (_broadcast(x, shapes) if any(shapes.values()) else x), ready, unit


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

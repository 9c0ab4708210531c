r"""The q-PseudoSpike family as pure functions of plain arrays: no units, no classes.

With the half-width ``c = (alpha + 1) / 2`` and a scale of 1 the gradient is ``(1 + |x| / c) **
-alpha``; it tends to ``exp(-2|x|)`` as alpha grows. ``x`` is float32 or float64. ``alpha`` is an
array, or a `Static` number, which picks the cheapest formula while tracing. An alpha that is not
above 0 gives NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

from . import float32_math

FARTHEST = 2e15  # integrals and derivatives are cut here; users are promised 1e15
# Up to this alpha, r ** alpha is a product: no logarithm, and an error that grows only with alpha.
LARGEST_MULTIPLIED_ALPHA = 16.0
ALMOST_INFINITE = 1e20
SMALL = 1e-30
# (artanh(s) - s) / s^3 as a polynomial in s^2, for s <= 1/3 in double precision.
ARTANH = tuple(1 / (2 * k + 3) for k in range(17))


@jax.tree_util.register_static
@dataclass(frozen=True)
class Static:
    """A value known while tracing: JAX carries it as structure, not as data."""

    value: Any


Parameters = dict[str, Any]  # Static numbers, or arrays that broadcast against x


def unwrap(value: Array | Static) -> Any:
    """The value of a Static, or the array itself."""
    return value.value if isinstance(value, Static) else value


def above_zero(value: Array | Static) -> Any:
    """A parameter; NaN, and so is its derivative, unless it is above 0. A Static was checked."""
    return value.value if isinstance(value, Static) else value * jnp.where(value > 0, 1, jnp.nan)


def ratio(x: Array, scale: Array | Static) -> Array:
    """``x / scale``; with a traced scale it is infinite beyond FARTHEST, with a derivative of 0."""
    width = above_zero(scale)
    if isinstance(scale, Static):
        return x * (1 / width)  # because the derivative of a division by 1e-15 overflows
    is_far = jnp.abs(x) > FARTHEST * width
    return jnp.where(is_far, jnp.sign(x) * jnp.inf, jnp.where(is_far, 0, x) * (1 / width))


@jax.custom_jvp
def gradient(x: Array, parameters: Parameters) -> Array:
    """``dampening / scale * (1 + 2|x / scale| / (alpha + 1)) ** -alpha``: NaN at NaN, 0 at inf."""
    width = 1 / above_zero(parameters["scale"])
    return _shape(x * width, parameters["alpha"]) * (above_zero(parameters["dampening"]) * width)


def _gradient_jvp(primals, tangents):
    # One rule for all parameters: composed of the rules of a ratio, a power and a product, the
    # derivative by scale is a difference of numbers that overflow or vanish before it does.
    (x, parameters), (x_dot, dots) = primals, tangents
    alpha, scale = parameters["alpha"], parameters["scale"]
    value = gradient(*primals)
    magnitude, width = _up_to_the_farthest(ratio(x, scale)), 1 / above_zero(scale)
    log_slope = jnp.zeros_like(value)  # of ln(gradient), along the tangent
    if _is_given(x_dot):
        log_slope -= jnp.sign(x) * (_decay(magnitude, unwrap(alpha)) * width) * x_dot
    if _is_given(dots["scale"]):
        log_slope += (magnitude * _decay(magnitude, unwrap(alpha)) - 1) * width * dots["scale"]
    if _is_given(dots["dampening"]):
        log_slope += (1 / above_zero(parameters["dampening"])) * dots["dampening"]
    if _is_given(dots["alpha"]):
        log_slope -= _log_decay_by_alpha(magnitude, alpha) * dots["alpha"]
    return value, value * log_slope


gradient.defjvp(_gradient_jvp, symbolic_zeros=True)


def _is_given(tangent: object) -> bool:
    return not isinstance(tangent, (SymbolicZero, Static))


def unscaled_gradient(x: Array, parameters: Parameters) -> Array:
    """The gradient without ``dampening / scale``, from 0 to 1."""
    return _at_scale_1(ratio(x, parameters["scale"]), parameters["alpha"])


def original(x: Array, parameters: Parameters) -> Array:
    """``1/2 + dampening * integral(x / scale)``."""
    part = integral(ratio(x, parameters["scale"]), parameters["alpha"])
    return 0.5 + above_zero(parameters["dampening"]) * part


def _at_scale_1(x: Array, alpha: Array | Static) -> Array:
    return gradient(x, {"alpha": alpha, "scale": Static(1.0), "dampening": Static(1.0)})


def _shape(x: Array, alpha: Array | Static) -> Array:
    """``(1 + 2|x| / (alpha + 1)) ** -alpha``."""
    if isinstance(alpha, Static) and _is_multiplied(alpha.value):
        half_width = jnp.asarray(_half_width(alpha.value), x.dtype)
        return _multiplied_tail(half_width, half_width + jnp.abs(x), alpha.value)
    return _tail(jnp.abs(x), unwrap(alpha))


@jax.custom_jvp
def integral(x: Array, alpha: Array | Static) -> Array:
    """The integral from 0 to x of the gradient at a scale of 1: odd, with slope 1 at 0."""
    return jnp.sign(x) * _integral(_up_to_the_farthest(x), unwrap(alpha))


def _integral_jvp(primals, tangents):
    (x, alpha), (x_dot, alpha_dot) = primals, tangents
    value = integral(x, alpha)
    tangent = jnp.zeros_like(value)
    if _is_given(x_dot):
        tangent += _at_scale_1(x, alpha) * x_dot
    if _is_given(alpha_dot):
        by_alpha = lambda alpha: jnp.sign(x) * _integral(_up_to_the_farthest(x), alpha)
        tangent += jax.jvp(by_alpha, (alpha,), (alpha_dot,))[1]
    return value, tangent


integral.defjvp(_integral_jvp, symbolic_zeros=True)


def has_cheap_form(name: str, value: float) -> bool:
    """Whether a number that is known while tracing takes less work than an array."""
    if name == "alpha":
        return math.isinf(value) or _is_multiplied(value)
    return value == 1.0


def wide(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype to compute in: float32 for half precision."""
    # Not by JAX's promotion, which a user may have set to "strict".
    return dtype if dtype.itemsize >= 4 else jnp.dtype("float32")


def _is_multiplied(alpha: float) -> bool:
    return (2 * alpha).is_integer() and alpha <= LARGEST_MULTIPLIED_ALPHA


def _multiplied_tail(half_width: Array, total: Array, alpha: float) -> Array:
    """(c / total) ** alpha for whole and half alphas; exactly 1 at total = c.

    A ratio of powers rounds less than the power of a ratio. They overflow only where it is below
    1e-33; beyond 8 they would do so sooner.
    """
    if alpha > 8:
        rest = _multiplied_tail(half_width, total, alpha - 8)
        return rest * _multiplied_tail(half_width, total, 8.0)
    whole = lax.integer_pow(half_width, int(alpha)) / lax.integer_pow(total, int(alpha))
    return whole if alpha.is_integer() else whole * jnp.sqrt(half_width / total)


def _tail(magnitude: Array, alpha: Array | float) -> Array:
    """The general formula."""
    if isinstance(alpha, float) and math.isinf(alpha):
        return float32_math.exp(-2 * magnitude)
    alpha, half_width = _finite(alpha), _half_width(alpha)
    if magnitude.dtype == jnp.float32:
        compensated = not isinstance(alpha, float) or alpha > LARGEST_MULTIPLIED_ALPHA
        return float32_math.falling_power(magnitude, half_width, alpha, compensated=compensated)
    return jnp.exp(-alpha * jnp.log1p(magnitude / half_width))


def _decay(magnitude: Array, alpha: Array | float) -> Array:
    """-d ln(gradient) / d|x| = alpha / (c + |x|)."""
    return _finite(alpha) / (_half_width(alpha) + magnitude)


def _log_decay_by_alpha(magnitude: Array, alpha: Array) -> Array:
    """-d ln(gradient) / d alpha, a sum of positive terms; 0 for alpha = inf.

    With u = |x|/c it is ln(1 + u) - u/(1 + u) + u/(1 + u)/(alpha + 1). Where u <= 1 the first two,
    which cancel, are ``2 (s^2 / (1 + s) + artanh(s) - s)`` with s = u / (2 + u).
    """
    half_width = _half_width(alpha)
    fraction = magnitude / (half_width + magnitude)
    s = magnitude / (alpha + 1 + magnitude)
    near = s * s / (1 + s) + s**3 * float32_math.polynomial(ARTANH, s * s)
    far = jnp.log1p(magnitude / half_width) - fraction
    # A reciprocal, because XLA merges two divisions into one by their product, which may overflow.
    return jnp.where(magnitude <= half_width, 2 * near, far) + fraction * (1 / (alpha + 1))


def _integral(magnitude: Array, alpha: Array | float) -> Array:
    """c L exprel((1 - alpha) L) with L = log1p(|x|/c): no singular case at alpha = 1."""
    if isinstance(alpha, float) and math.isinf(alpha):
        return jnp.expm1(-2 * magnitude) / -2
    alpha, half_width = _finite(alpha), _half_width(alpha)
    log = jnp.log1p(magnitude / half_width)
    # SMALL keeps the argument from 0: brainunit divides by it, even in the branch it discards.
    return half_width * log * _exprel((1 - alpha) * log + SMALL)


@jax.custom_jvp
def _exprel(y: Array) -> Array:
    """(exp(y) - 1) / y."""
    return u.math.exprel(y)


@_exprel.defjvp
def _exprel_jvp(primals, tangents):
    # JAX's derivative has expm1(y) + 1 for exp(y), which rounds to 0 where y is far below 0.
    (y,), (y_dot,) = primals, tangents
    low = jnp.minimum(y, -1)
    below = (jnp.exp(low) - u.math.exprel(low)) / low
    value, slope = jax.jvp(u.math.exprel, (y,), (jnp.ones_like(y),))
    return value, jnp.where(y < -1, below, slope) * y_dot


def _up_to_the_farthest(x: Array) -> Array:
    return jnp.minimum(jnp.abs(x), FARTHEST)


def _half_width(alpha: Array | float) -> Any:
    """c = (alpha + 1) / 2, NaN with its derivative where an array's alpha is not above 0."""
    alpha = _finite(alpha)
    return ((alpha if isinstance(alpha, float) else above_zero(alpha)) + 1) / 2


def _finite(alpha: Array | float) -> Array | float:
    """alpha, with inf replaced by a number that float64 cannot tell from it."""
    if isinstance(alpha, float):
        return min(alpha, ALMOST_INFINITE)
    return jnp.minimum(alpha, ALMOST_INFINITE)

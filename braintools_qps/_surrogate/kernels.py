r"""The q-PseudoSpike curve as a function of plain arrays: no units, no scale, no dampening.

``x`` is float32 or float64. ``alpha`` is an array, or a `Static` number, which picks the cheapest
formula while tracing. An array's alpha that is not above 0 gives NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from . import float32_math

# Up to this alpha, r ** alpha is a product: no logarithm, and an error that grows only with alpha.
LARGEST_MULTIPLIED_ALPHA = 16.0
ALMOST_INFINITE = 1e20  # which float64 cannot tell from infinity here
SMALL = 1e-30


@jax.tree_util.register_static
@dataclass(frozen=True)
class Static:
    """A value known while tracing: JAX carries it as structure, not as data."""

    value: Any


def unwrap(value: Array | Static) -> Any:
    """The value of a Static, or the array itself."""
    return value.value if isinstance(value, Static) else value


def above_zero(value: Array | Static) -> Any:
    """A parameter; NaN, and so is its derivative, unless it is above 0. A Static was checked."""
    return value.value if isinstance(value, Static) else value * jnp.where(value > 0, 1, jnp.nan)


class Curve(Protocol):
    """A surrogate at a scale and a dampening of 1: a pytree of its numbers.

    ``x`` is never infinite, and NaN gives NaN. JAX differentiates ``gradient`` with respect to
    everything, and ``original`` with respect to the numbers; its derivative with respect to x is
    ``gradient``.
    """

    signed: ClassVar[bool]  # whether the gradient may be below 0, or above its height

    @property
    def height(self) -> ArrayLike:
        """The largest magnitude of the gradient."""

    def gradient(self, x: Array) -> Array:
        """The surrogate gradient."""

    def original(self, x: Array) -> Array:
        """The original function."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PseudoSpikeCurve:
    """``(1 + 2|x| / (alpha + 1)) ** -alpha``, and its integral through (0, 1/2)."""

    alpha: Array | Static

    signed: ClassVar[bool] = False

    @property
    def height(self) -> float:
        return 1.0

    def gradient(self, x: Array) -> Array:
        return _tail(x, self.alpha)

    def original(self, x: Array) -> Array:
        return 0.5 + jnp.sign(x) * _integral(jnp.abs(x), self.alpha)


def has_cheap_form(name: str, value: float) -> bool:
    """Whether a number that is known while tracing takes less work than an array."""
    if name == "alpha":
        return math.isinf(value) or _is_multiplied(value)
    return value == 1.0


def wide(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype to compute in: float32 for half precision."""
    # Not by JAX's promotion, which a user may have set to "strict".
    return dtype if dtype.itemsize >= 4 else jnp.dtype("float32")


def _log_tail(x: Array, alpha: Array | Static) -> Array:
    """-alpha ln(1 + |x| / c) with the half-width c = (alpha + 1) / 2; -2|x| for infinite alpha."""
    magnitude = jnp.sign(x) * x  # JAX gives |x| the slope 1 at 0, and this one 0
    if _is_infinite(alpha):
        return -2 * magnitude
    number, half_width = _finite(alpha)
    return -number * jnp.log1p(magnitude / half_width)


@jax.custom_jvp
def _tail(x: Array, alpha: Array | Static) -> Array:
    """exp(_log_tail), by the fastest way for this alpha and dtype."""
    magnitude = jnp.abs(x)
    if _is_infinite(alpha):
        return float32_math.exp(-2 * magnitude)
    known = alpha.value if isinstance(alpha, Static) else None
    if known and _is_multiplied(known):
        half_width = jnp.asarray((known + 1) / 2, x.dtype)
        return _multiplied_tail(half_width, half_width + magnitude, known)
    if x.dtype != jnp.float32:
        return jnp.exp(_log_tail(x, alpha))
    compensated = known is None or known > LARGEST_MULTIPLIED_ALPHA
    number, half_width = _finite(alpha)
    return float32_math.falling_power(magnitude, half_width, number, compensated=compensated)


@_tail.defjvp
def _(primals, tangents):
    value = _tail(*primals)
    return value, value * jax.jvp(_log_tail, primals, tangents)[1]


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


def _integral(magnitude: Array, alpha: Array | Static) -> Array:
    """c L exprel((1 - alpha) L) with L = log1p(|x|/c): no singular case at alpha = 1."""
    if _is_infinite(alpha):
        return jnp.expm1(-2 * magnitude) / -2
    number, half_width = _finite(alpha)
    log = jnp.log1p(magnitude / half_width)
    # SMALL keeps the argument from 0: brainunit divides by it, even in the branch it discards.
    return half_width * log * u.math.exprel((1 - number) * log + SMALL)


def _is_infinite(alpha: Array | Static) -> bool:
    return isinstance(alpha, Static) and math.isinf(alpha.value)


def _finite(alpha: Array | Static) -> tuple[Any, Any]:
    """alpha and the half-width; NaN with their derivatives where an alpha is not above 0."""
    minimum = min if isinstance(alpha, Static) else jnp.minimum
    number = minimum(above_zero(alpha), ALMOST_INFINITE)
    return number, (number + 1) / 2

"""Powers and exp that are fast in float32, for tails of any alpha.

XLA's ``pow`` is not vectorised on CPU, and ``exp`` with ``log1p`` takes three times as long as the
memory traffic. Polynomials for log2 and exp2 take two thirds of that time. Other dtypes use JAX's
own functions. The kernels give derivatives in closed form. JAX 0.10 forgets such rules for second
derivatives through `jax.lax.scan`, so what is not an integer here is made of operations that JAX
can differentiate, to about four digits.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

SQRT_HALF_BITS = np.int32(0x3F3504F3)  # sqrt(1/2) as the bits of a float32
# Adding it leaves a float32's nearest integer in its low bits: half the time of round and cast.
ROUND_TO_INTEGER = np.float32(1.5 * 2**23)
# A Python float: NumPy's would turn float32 into float64 under x64.
LOG2E = float(1 / np.log(2))

# Minimax polynomials by tests/data/make_minimax.py: log2(1 + f) / f on [sqrt(1/2) - 1, sqrt(2) - 1]
# with its first coefficient fixed to log2(e), and (2^r - 1) / r on [-1/2, 1/2].
LOG2 = (
    LOG2E,
    -0.7213474,
    0.4809028,
    -0.36070346,
    0.28817054,
    -0.23893946,
    0.21315832,
    -0.20705992,
    0.13311233,
)
EXP2 = (
    0.6931472,
    0.24022349,
    0.05550333,
    0.009666373,
    0.0013400437,
)


def falling_power(
    magnitude: Array, half_width: Array | float, alpha: Array | float, *, compensated: bool
) -> Array:
    """(1 + magnitude / half_width) ** -alpha of float32s.

    The rounding error of the sum is multiplied by alpha. Compensation removes it, at the cost of
    two operations in about forty.
    """
    return _two_to_the_real(-alpha * _log2(magnitude / half_width, compensated=compensated))


def _log2(v: Array, *, compensated: bool) -> Array:
    """log2(1 + v) for ``v >= 0``."""
    exponent, f = _split(v, compensated=compensated)
    return exponent.astype(jnp.float32) + f * polynomial(LOG2, f)


def _split(v: Array, *, compensated: bool) -> tuple[Array, Array]:
    """1 + v as (1 + f) * 2**exponent, with f in [sqrt(1/2) - 1, sqrt(2) - 1].

    With compensation, f comes from v and not from the rounded sum 1 + v: v times a power of two is
    exact, and so is that power minus 1, unless it is below the rounding of 1.
    """
    bits = lax.bitcast_convert_type(v + 1, jnp.int32)
    exponent = (bits - SQRT_HALF_BITS) >> 23
    shrink = _two_to_the(-exponent)
    return exponent, v * shrink + (shrink - 1) if compensated else (v + 1) * shrink - 1


def _two_to_the_real(t: Array) -> Array:
    """2.0 ** t for ``t <= 0``, and 0 below -127."""
    t = jnp.where(t < -127, np.float32(-127), t)  # unlike jnp.maximum on CPU, it keeps NaN
    shifted = lax.bitcast_convert_type(t + ROUND_TO_INTEGER, jnp.int32)
    r = t - (shifted - ROUND_TO_INTEGER.view(np.int32)).astype(jnp.float32)
    power = jnp.float32(EXP2[-1])
    for coefficient in EXP2[-2::-1]:  # by Horner's scheme: here fewer operations are faster
        power = power * r + np.float32(coefficient)
    return (1 + r * power) * _two_to_the(shifted)


def exp(t: Array) -> Array:
    """e ** t for ``t <= 0``, 0 for a float32 below -88."""
    return _two_to_the_real(t * LOG2E) if t.dtype == jnp.float32 else jnp.exp(t)


def _two_to_the(n: Array) -> Array:
    """2.0 ** n by writing the lowest 8 bits of n into the exponent of a float32."""
    return lax.bitcast_convert_type((n + 127) << 23, jnp.float32)


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Evaluate pairs of terms in parallel (Estrin's scheme): half the depth of Horner's scheme."""
    terms: list[Any] = list(coefficients)
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2])
        terms = [low + x * high for low, high in pairs] + terms[len(terms) & ~1 :]
        x = x * x
    return terms[0]

"""Products of which reverse mode stores the first factor small.

`compressed_product` is the way to store any code in place of an array. `compact_product` stores a
surrogate gradient in 8 or 16 bits by it; `braintools_qps._memory` stores spikes in one bit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from .float16 import has_float16

# Eight bits hold the top of a float32's bits, five of them mantissa, after 1/240 was added. Of the
# codes measured it is the one that errs little both where the weights' gradient comes from and in
# the tail, and the only one without a transcendental or a division. Relative error of the weights'
# gradient in a linear LIF scan with x up to about 10, then largest relative error for |x| <= 10, at
# alpha 1, 2 and 4 (benchmarks/residual_accuracy.py):
#     linear        0.09 0.36 0.51%       2   11  100%
#     square root   0.06 0.08 0.10%       1    3   10%
#     logarithm     0.16 0.25 0.36%       2    2    2%
#     this one      0.09 0.13 0.17%       2    2    4%
# The constant makes 0 the lowest code and 1 exactly the 254th above it.
OFFSET = np.float32(1 / 240)
OFFSET_BITS = OFFSET.view(np.uint32)
SIGN_BIT = np.uint8(128)
# Codes with a sign end at about twice the peak, because the search for it may miss the highest one.
# The peak that it finds is stored exactly, as the 16th code from the end.
ROOM = 1 / (0.5 - 1 / 480)


class Layout(NamedTuple):
    """How a float32 becomes 8 bits: with a sign or not, bits that are dropped, the code of NaN.

    With five bits of mantissa 1 is code 254, so that 255 is free; with four it is code 127, and
    the free one is that of a negative 0.
    """

    signed: bool
    dropped_bits: int
    nan_code: int

    def encode(self, gradient: Array) -> Array:
        """Codes of magnitudes up to 1; with a sign, a larger magnitude counts as 1."""
        magnitude = jnp.abs(gradient).astype(jnp.float32)
        if self.signed:
            magnitude = jnp.minimum(magnitude, 1)
        bits = lax.bitcast_convert_type(magnitude + OFFSET, jnp.uint32)
        rounded = bits - OFFSET_BITS + np.uint32(1 << (self.dropped_bits - 1))
        code = rounded >> self.dropped_bits
        if self.signed:
            code |= jnp.where((gradient < 0) & (code > 0), np.uint32(SIGN_BIT), np.uint32(0))
        return jnp.where(jnp.isnan(gradient), self.nan_code, code).astype(jnp.uint8)

    def decode(self, code: Array, dtype: jnp.dtype) -> Array:
        """For each code, the middle of the numbers that it stands for, with their sign."""
        magnitude = code & ~SIGN_BIT if self.signed else code
        bits = (magnitude.astype(jnp.uint32) << self.dropped_bits) + OFFSET_BITS
        gradient = lax.bitcast_convert_type(bits, jnp.float32) - OFFSET
        if self.signed:
            gradient = jnp.where(code >= SIGN_BIT, -gradient, gradient)
        return jnp.where(code == self.nan_code, jnp.nan, gradient).astype(dtype)


UNSIGNED = Layout(False, dropped_bits=23 - 5, nan_code=255)
SIGNED = Layout(True, dropped_bits=23 - 4, nan_code=128)


def compact_product(dtype: str, gradient: Array, tangent: Array, peak: Array | None) -> Array:
    """``gradient * tangent`` with the gradient rounded to ``dtype``.

    Without a ``peak`` the gradient must lie in [0, 1] or be NaN. With one, it is divided by it
    before it is stored. In 8 bits, one bit is then the sign, and magnitudes above ``ROOM`` times
    the peak are clipped.
    """
    if peak is None:
        return _product(dtype, gradient, tangent, signed=False)
    unit = peak * ROOM if dtype == "uint8" else peak
    return _product(dtype, gradient / unit, tangent, signed=True) * unit


def _product(dtype: str, gradient: Array, tangent: Array, signed: bool) -> Array:
    if dtype == "uint8":
        layout = SIGNED if signed else UNSIGNED
        return compressed_product(operator.mul, layout.encode, layout.decode, gradient, tangent)
    dtype = _sixteen_bits(dtype)
    encode = lambda gradient: gradient.astype(dtype)
    decode = lambda code, wide: code.astype(wide)
    return compressed_product(operator.mul, encode, decode, gradient, tangent)


def _sixteen_bits(dtype: str) -> str:
    """float16 in place of bfloat16 where a scan cannot stack the latter.

    XLA for CPU before jax 0.11.2 widens the whole stack to float32 and back at every step: 1.5
    times the memory of float32, and a time that grows with the square of the steps. Where
    there is no float16 it is still better than an error.
    """
    widens = jax.default_backend() == "cpu" and jax.__version_info__ < (0, 11, 2)
    return "float16" if widens and has_float16() else dtype


def compressed_product(
    product: Callable[[Array, Array], Array],
    encode: Callable[[Array], Any],
    decode: Callable[[Any, jnp.dtype], Array],
    stored: Array,
    other: Array,
) -> Array:
    """``product(stored, other)``, of which reverse mode stores ``encode(stored)``.

    ``decode(code, dtype)`` gives back what comes into the product. The derivative with respect to
    ``stored`` is as if nothing had been encoded.
    """
    # The product is taken inside a checkpoint, which keeps its operands: the code is one, what is
    # decoded from it is not. Without prevent_cse, whose barrier would hold every operand: in a
    # compiled program nobody reads ``stored`` but the second derivative, and it goes.
    from_code = lambda code, stored, other: product(_decoded(decode, code, stored), other)
    code = encode(lax.stop_gradient(stored))
    return jax.checkpoint(from_code, prevent_cse=False)(code, stored, other)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _decoded(decode: Callable[[Any, jnp.dtype], Array], code: Any, stored: Array) -> Array:
    """What the code stands for, with the derivative of ``stored``: integers have no tangent."""
    # The barrier keeps XLA from making the code anew from what it was made of, in unrolled loops.
    return decode(lax.optimization_barrier(code), stored.dtype)


@_decoded.defjvp
def _(decode, primals, tangents):
    return _decoded(decode, *primals), tangents[1]

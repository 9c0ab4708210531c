"""Products whose first factor is remembered in 8 or 16 bits for backpropagation through time.

The product is taken inside a `jax.checkpoint`, so that what reverse mode keeps for every neuron
and step is the code of the surrogate derivative, not its float32 copy.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

# Eight bits hold the top of a float32's bits, five of them mantissa, after 1/240 was added. Of the
# codes measured it is the one that errs little both where the weights' gradient comes from and in
# the tail, and the only one without a transcendental or a division. Relative error of the weights'
# gradient in a linear LIF scan with x up to some 10, then largest relative error for |x| <= 10, at
# alpha 1, 2 and 4 (benchmarks/residual_accuracy.py):
#     linear        0.09 0.36 0.51 %      2   11  100 %
#     square root   0.06 0.08 0.10 %      1    3   10 %
#     logarithm     0.16 0.25 0.36 %      2    2    2 %
#     this one      0.09 0.13 0.17 %      2    2    4 %
# The constant makes 0 the lowest code and 1 exactly the 254th above it.
OFFSET = np.float32(1 / 240)
OFFSET_BITS = OFFSET.view(np.uint32)
DROPPED_BITS = 23 - 5
NAN_CODE = 255


def compact_product(dtype: str, gradient: Array, tangent: Array) -> Array:
    """``gradient * tangent`` with the gradient, in [0, 1] or NaN, rounded to ``dtype``."""
    if dtype == "uint8":
        return _eight_bit_product(gradient, tangent)
    short = gradient.astype(_sixteen_bits(dtype))
    return jax.checkpoint(lambda short, tangent: short.astype(gradient.dtype) * tangent)(
        short, tangent
    )


def _sixteen_bits(dtype: str) -> str:
    """float16 in place of bfloat16 where a scan cannot stack the latter.

    XLA for CPU before jax 0.11.2 widens the whole stack to float32 and back at every step: 1.5
    times the memory of float32, and a time that grows with the square of the steps.
    """
    widens = jax.default_backend() == "cpu" and jax.__version_info__ < (0, 11, 2)
    return "float16" if widens else dtype


def _eight_bit_product(gradient: Array, tangent: Array) -> Array:
    # Without prevent_cse, whose barrier would hold every operand: in a compiled program nobody
    # reads the gradient but the second derivative, and it goes.
    product = jax.checkpoint(lambda code, g, t: _rounded(code, g) * t, prevent_cse=False)
    return product(_encode(lax.stop_gradient(gradient)), gradient, tangent)


@jax.custom_jvp
def _rounded(code: Array, gradient: Array) -> Array:
    """What the code stands for, with the derivative of the gradient: integers have no tangent."""
    # The barrier keeps XLA from making the code anew from what it was made of, in unrolled loops.
    return _decode(lax.optimization_barrier(code), gradient.dtype)


@_rounded.defjvp
def _(primals, tangents):
    return _rounded(*primals), tangents[1]


def _encode(gradient: Array) -> Array:
    bits = lax.bitcast_convert_type(gradient.astype(jnp.float32) + OFFSET, jnp.uint32)
    rounded = bits - OFFSET_BITS + np.uint32(1 << (DROPPED_BITS - 1))
    return jnp.minimum(rounded >> DROPPED_BITS, NAN_CODE).astype(jnp.uint8)  # NaN has larger bits


def _decode(code: Array, dtype: jnp.dtype) -> Array:
    bits = (code.astype(jnp.uint32) << DROPPED_BITS) + OFFSET_BITS
    gradient = lax.bitcast_convert_type(bits, jnp.float32) - OFFSET
    return jnp.where(code == NAN_CODE, jnp.nan, gradient).astype(dtype)

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
    code = _encode(gradient) if dtype == "uint8" else gradient.astype(_sixteen_bits(dtype))
    product = jax.checkpoint(lambda code, tangent: _decode(code, gradient.dtype) * tangent)
    return product(code, tangent)


def _sixteen_bits(dtype: str) -> str:
    """float16 in place of bfloat16 where a scan cannot stack the latter.

    XLA for CPU before jax 0.11.2 widens the whole stack to float32 and back at every step: 1.5
    times the memory of float32, and a time that grows with the square of the steps.
    """
    widens = jax.default_backend() == "cpu" and jax.__version_info__ < (0, 11, 2)
    return "float16" if widens else dtype


@jax.custom_jvp
def _encode(gradient: Array) -> Array:
    bits = lax.bitcast_convert_type(gradient.astype(jnp.float32) + OFFSET, jnp.uint32)
    rounded = bits - OFFSET_BITS + np.uint32(1 << (DROPPED_BITS - 1))
    return jnp.minimum(rounded >> DROPPED_BITS, NAN_CODE).astype(jnp.uint8)  # NaN has larger bits


@_encode.defjvp
def _(primals, tangents):
    # Integers have no tangent: JAX would go on with zeros, a silently wrong second derivative.
    raise NotImplementedError(
        'residual_dtype="uint8" has no second derivative: the code that is stored for the '
        'backward pass is an integer. Use residual_dtype="bfloat16" or None'
    )


def _decode(code: Array, dtype: jnp.dtype) -> Array:
    if code.dtype != jnp.uint8:
        return code.astype(dtype)
    bits = (code.astype(jnp.uint32) << DROPPED_BITS) + OFFSET_BITS
    gradient = lax.bitcast_convert_type(bits, jnp.float32) - OFFSET
    return jnp.where(code == NAN_CODE, jnp.nan, gradient).astype(dtype)

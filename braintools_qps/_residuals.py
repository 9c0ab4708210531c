"""Products whose first factor is remembered in 8 or 16 bits for backpropagation through time.

The product is taken inside a `jax.checkpoint`, so that what reverse mode keeps for every neuron
and step is the code of the surrogate derivative, not its float32 copy.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

# Eight bits hold -log(gradient), not the gradient: a linear code flushes everything below 1/510 to
# zero and is 10 % off at 0.01, so that a tail, which is what alpha is chosen for, would vanish. In
# steps of 2 ** (-1/16) every value down to 2e-5 is within 2.2 %.
LOG_STEP = 0.0433
ZERO_CODE, NAN_CODE = 254, 255


def compact_product(dtype: str, gradient: Array, tangent: Array) -> Array:
    """``gradient * tangent`` with the gradient, in [0, 1] or NaN, rounded to ``dtype``."""
    code = _logarithmic_code(gradient) if dtype == "uint8" else gradient.astype(dtype)
    product = jax.checkpoint(lambda code, tangent: _decode(code, gradient.dtype) * tangent)
    return product(code, tangent)


@jax.custom_jvp
def _logarithmic_code(gradient: Array) -> Array:
    steps = jnp.round(jnp.log(gradient) * (-1 / LOG_STEP))
    code = jnp.where(jnp.isnan(gradient), NAN_CODE, jnp.minimum(steps, ZERO_CODE))
    return code.astype(jnp.uint8)


@_logarithmic_code.defjvp
def _(primals, tangents):
    # Integers have no tangent: JAX would go on with zeros, a silently wrong second derivative.
    raise NotImplementedError(
        'residual_dtype="uint8" has no second derivative: the code that is stored for the '
        'backward pass is an integer. Use residual_dtype="bfloat16" or None'
    )


def _decode(code: Array, dtype: jnp.dtype) -> Array:
    if code.dtype != jnp.uint8:
        return code.astype(dtype)
    gradient = jnp.exp(code.astype(dtype) * -LOG_STEP)
    gradient = jnp.where(code == ZERO_CODE, 0, gradient)
    return jnp.where(code == NAN_CODE, jnp.nan, gradient)

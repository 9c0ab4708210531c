"""Products of spikes and weights that remember the spikes packed, for the gradient of the weights.

As with compact residuals, the product is taken inside a `jax.checkpoint`, so that what reverse mode
keeps for every step is the packed array and not what is unpacked of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

from . import bits

Product = Callable[[Array, Array], Array]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def packed_product(product: Product, spikes: Array, weights: Array, scale: Array | None) -> Array:
    """``product(spikes, weights)``, which must be linear in either.

    Each spike is 0 or the scale, 1 where that is None. Where one is not, the value is right all the
    same, and so is the derivative with respect to the spikes; the one with respect to the weights
    that its group meets is NaN.
    """
    return product(spikes, weights)


def _packed_product_jvp(product: Product, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    spikes, weights, scale = primals
    spikes_dot, weights_dot, _ = tangents
    value = packed_product(product, *primals)
    tangent = jnp.zeros_like(value)
    if not isinstance(spikes_dot, SymbolicZero):
        tangent += product(spikes_dot, weights)
    if not isinstance(weights_dot, SymbolicZero):
        tangent += _from_memory(product, spikes, weights_dot, scale)
    return value, tangent


packed_product.defjvp(_packed_product_jvp, symbolic_zeros=True)


def _from_memory(product: Product, spikes: Array, weights: Array, scale: Array | None) -> Array:
    def recalled(packed: bits.Packed, spikes: Array, weights: Array, scale: Any) -> Array:
        return product(_remembered(packed, spikes, scale), weights)

    packed = bits.pack(lax.stop_gradient(spikes), scale)
    # Without prevent_cse, whose barrier would hold every operand: in a compiled program nobody
    # reads the spikes themselves but the second derivative, and they go.
    return jax.checkpoint(recalled, prevent_cse=False)(packed, spikes, weights, scale)


@jax.custom_jvp
def _remembered(packed: bits.Packed, spikes: Array, scale: Array | None) -> Array:
    """What was packed, with the derivative of the spikes: integers have no tangent."""
    # The barrier keeps XLA from packing anew what it was packed of, in unrolled loops.
    return bits.unpack(lax.optimization_barrier(packed), spikes.shape[-1], scale, spikes.dtype)


@_remembered.defjvp
def _(primals, tangents):
    return _remembered(*primals), tangents[1]

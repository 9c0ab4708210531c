"""Store spikes in one bit each for the gradient of the weights.

A flag for each group of 32 says whether one of its values was no spike; the gradient is then NaN.
Groups lie along the last axis. Arrays that are sharded in whole groups are packed without
communication.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

from .._surrogate import compressed_product

GROUP = 32
Columns = tuple[tuple[int, float | None], ...]  # width and scale of each part; None for floats


class Packed(NamedTuple):
    """Spikes of shape (..., n) as words of 32 bits, each with a flag."""

    words: Array  # uint32 of shape (..., ceil(n / 32)), the first spike in the lowest bit
    strange: Array  # uint8 of the same shape, not 0 where a value was neither 0 nor the scale
    scale: Array | None  # the value of one spike; None is 1


def pack(values: Array, scale: Array | None) -> Packed:
    """Pack values of shape (..., n), each 0 or the scale."""
    *batch, n = values.shape
    padded = jnp.pad(values, [(0, 0)] * len(batch) + [(0, -n % GROUP)])
    groups = padded.reshape(*batch, padded.shape[-1] // GROUP, GROUP)
    spikes = is_spike(groups, scale)
    strange = ~spikes & (groups != 0)
    # jnp.packbits, which goes by bytes, takes up to twice as long, jnp.unpackbits ten times.
    words = jnp.sum(spikes.astype(jnp.uint32) << _bits(), axis=-1, dtype=jnp.uint32)
    return Packed(words, jnp.any(strange, axis=-1).astype(jnp.uint8), scale)


def unpack(n: int, packed: Packed, dtype: jnp.dtype) -> Array:
    """The values of shape (..., n); NaN for a group with one that was neither 0 nor the scale."""
    bits = packed.words[..., None] >> _bits() & 1
    strange = packed.strange[..., None] != 0
    groups = jnp.where(strange, jnp.array(jnp.nan, dtype), bits.astype(dtype))
    values = lax.collapse(groups, -2)[..., :n]
    return values if packed.scale is None else values * packed.scale.astype(dtype)


def _bits() -> Array:
    """The position of each spike in its word."""
    return jnp.arange(GROUP, dtype=jnp.uint32)


def is_spike(values: Any, scale: Any) -> Any:
    """Whether each value is exactly 1, or the scale up to rounding; for arrays of NumPy or JAX.

    Dividing by p and multiplying by 1 / p differ by one unit in the last place. Both count.
    """
    if scale is None:
        return values == 1
    scale = scale.astype(values.dtype)
    rounding = jnp.finfo(values.dtype).eps if jnp.issubdtype(values.dtype, jnp.floating) else 0
    return abs(values - scale) <= rounding * abs(scale)


def pack_columns(columns: Columns, values: Array) -> list[Packed | Array]:
    """Each part of values of shape (..., n) that holds spikes, packed; the others as they are."""
    parts = jnp.split(values, np.cumsum([width for width, _ in columns])[:-1], axis=-1)
    return [
        part if scale is None else pack(part, None if scale == 1 else jnp.asarray(scale))
        for part, (_, scale) in zip(parts, columns)
    ]


def unpack_columns(columns: Columns, parts: list[Packed | Array], dtype: jnp.dtype) -> Array:
    """The values of shape (..., n)."""
    values = [
        unpack(width, part, dtype) if isinstance(part, Packed) else part
        for part, (width, _) in zip(parts, columns)
    ]
    return jnp.concatenate(values, axis=-1)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def packed_product(
    product: Callable[[Array, Array], Array],
    columns: Columns | None,
    spikes: Array,
    weights: Array,
    scale: Array | None,
) -> Array:
    """``product(spikes, weights)``, linear in both, that stores packed spikes for reverse mode.

    Each spike is 0 or the scale, where None means 1; with ``columns`` these say which values are
    spikes. Another value gives NaN in the derivative with respect to the weights of its group. The
    product and the other derivatives stay right.
    """
    return product(spikes, weights)


def _packed_product_jvp(
    product: Callable, columns: Columns | None, primals: tuple, tangents: tuple
) -> tuple[Array, Array]:
    spikes, weights, scale = primals
    spikes_dot, weights_dot, _ = tangents
    value = packed_product(product, columns, *primals)
    tangent = jnp.zeros_like(value)
    if not isinstance(spikes_dot, SymbolicZero):
        tangent += product(spikes_dot, weights)
    if not isinstance(weights_dot, SymbolicZero):
        encode: Callable = partial(pack, scale=scale)
        decode: Callable = partial(unpack, spikes.shape[-1])
        if columns is not None:
            encode, decode = partial(pack_columns, columns), partial(unpack_columns, columns)
        tangent += compressed_product(product, encode, decode, spikes, weights_dot)
    return value, tangent


packed_product.defjvp(_packed_product_jvp, symbolic_zeros=True)

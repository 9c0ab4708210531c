"""Spikes in one bit, and a byte for 32 of them that says whether all were spikes.

The byte is what makes a wrong input loud: NaN comes back in place of its 32. Groups lie along the
last axis, so that an array which is spread over devices in whole groups is packed where it is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

GROUP = 32


class Packed(NamedTuple):
    """Spikes of shape (..., n) in words, and for each word whether it stands for anything else."""

    spikes: Array  # uint32 of shape (..., ceil(n / 32)), the first neuron in the lowest bit
    strange: Array  # uint8 of the same shape, not 0 where one of them was no spike


def pack(values: Array, scale: Array | None) -> Packed:
    """Pack values of shape (..., n), each 0 or the scale."""
    *batch, n = values.shape
    padded = jnp.pad(values, [(0, 0)] * len(batch) + [(0, -n % GROUP)])
    groups = padded.reshape(*batch, padded.shape[-1] // GROUP, GROUP)
    spikes = is_spike(groups, scale)
    strange = ~spikes & (groups != 0)
    # jnp.packbits, which goes by bytes, takes up to twice as long, jnp.unpackbits ten times.
    words = jnp.sum(spikes.astype(jnp.uint32) << _places(groups.ndim), axis=-1, dtype=jnp.uint32)
    return Packed(words, jnp.any(strange, axis=-1).astype(jnp.uint8))


def unpack(packed: Packed, n: int, scale: Array | None, dtype: jnp.dtype) -> Array:
    """The values of shape (..., n); NaN for a group with one that was neither 0 nor the scale."""
    bits = packed.spikes[..., None] >> _places(packed.spikes.ndim + 1) & 1
    strange = packed.strange[..., None] != 0
    groups = jnp.where(strange, jnp.array(jnp.nan, dtype), bits.astype(dtype))
    values = lax.collapse(groups, -2)[..., :n]
    return values if scale is None else values * scale.astype(dtype)


def _places(rank: int) -> Array:
    """The bit of each neuron in its word, along the last of so many axes."""
    return jnp.arange(GROUP, dtype=jnp.uint32).reshape((1,) * (rank - 1) + (GROUP,))


def is_spike(values: Any, scale: Any) -> Any:
    """Whether each is 1 exactly, or the scale as rounded; of numpy's or JAX's arrays.

    A gain was rounded where it was applied, and may have been divided by where its inverse was
    written down: a unit in the last place is no other value.
    """
    if scale is None:
        return values == 1
    scale = scale.astype(values.dtype)
    return abs(values - scale) <= jnp.finfo(values.dtype).eps * abs(scale)

"""Spikes in one bit, and a byte for 32 of them that says whether all were spikes.

The byte is what makes a wrong input loud: NaN comes back in place of its 32. Groups lie along the
last axis, so that an array which is spread over devices in whole groups is packed where it is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

GROUP = 32


class Packed(NamedTuple):
    """Spikes of shape (..., n): a bit each, and what is not 0 where a group holds anything else."""

    spikes: Array  # (..., ceil(n / 8)), the first neuron in the lowest bit
    strange: Array  # (..., ceil(n / 32))


def pack(values: Array, scale: Array | None) -> Packed:
    """Pack values of shape (..., n), each 0 or the scale."""
    spikes = is_spike(values, scale)
    strange = ~spikes & (values != 0)
    padded = jnp.pad(strange, [(0, 0)] * (strange.ndim - 1) + [(0, -strange.shape[-1] % GROUP)])
    groups = padded.reshape(*padded.shape[:-1], -1, GROUP)
    bits = jnp.packbits(spikes, axis=-1, bitorder="little")
    return Packed(bits, groups.any(axis=-1).astype(jnp.uint8))


def unpack(packed: Packed, n: int, scale: Array | None, dtype: jnp.dtype) -> Array:
    """The values of shape (..., n); NaN for a group with one that was neither 0 nor the scale."""
    bits = jnp.unpackbits(packed.spikes, axis=-1, count=n, bitorder="little").astype(dtype)
    strange = jnp.repeat(packed.strange != 0, GROUP, axis=-1)[..., :n]
    values = jnp.where(strange, jnp.array(jnp.nan, dtype), bits)
    return values if scale is None else values * scale.astype(dtype)


def is_spike(values: Any, scale: Any) -> Any:
    """Whether each is 1 exactly, or the scale as rounded; of numpy's or JAX's arrays.

    A gain was rounded where it was applied, and may have been divided by where its inverse was
    written down: a unit in the last place is no other value.
    """
    if scale is None:
        return values == 1
    scale = scale.astype(values.dtype)
    return abs(values - scale) <= jnp.finfo(values.dtype).eps * abs(scale)

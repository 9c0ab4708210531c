"""Packing by hand: 32 neurons to a word, the first in the lowest bit, and a flag for each word."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps._memory import bits

NAN = float("nan")
pack = jax.jit(bits.pack)
unpack = jax.jit(bits.unpack, static_argnums=(1, 3))


@pytest.mark.parametrize(
    ("values", "spikes", "strange"),
    [
        ([0, 1, 1, 0], [0b0110], [0]),
        ([1] * 9, [0b111111111], [0]),
        ([0.5, 0, 0, 1], [0b1000], [1]),
        ([1, NAN], [0b01], [1]),
        ([0] * 32 + [-1, np.inf, 1 + 2**-23, 1], [0, 0b1000], [0, 1]),
        ([2] + [0] * 31 + [1], [0, 1], [1, 0]),
        ([0] * 30 + [1, 1], [0b11 << 30], [0]),
        ([-0.0], [0], [0]),
        ([], [], []),
    ],
)
def test_codes(values, spikes, strange):
    packed = pack(jnp.asarray(values, jnp.float32), None)
    assert (packed.spikes.dtype, packed.strange.dtype) == (jnp.uint32, jnp.uint8)
    assert packed.spikes.tolist() == spikes
    assert packed.strange.tolist() == strange


@pytest.mark.parametrize("n", [1, 7, 8, 9, 31, 32, 33, 70])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_there_and_back(n, dtype):
    spikes = np.random.default_rng(n).random((3, 2, n)) < 0.5
    packed = pack(jnp.asarray(spikes, dtype), None)
    assert packed.spikes.shape == packed.strange.shape == (3, 2, -(-n // 32))
    back = unpack(packed, n, None, jnp.dtype(dtype))
    assert back.dtype == dtype
    assert_close(back, spikes)


@pytest.mark.parametrize("strange", [0.5, 2.0, NAN])
@pytest.mark.parametrize("where", [0, 31, 32, 39])
def test_what_was_no_spike_comes_back_as_nan(strange, where):
    """With the rest of its 32, and of nobody else's."""
    spikes = np.float32(np.arange(40) % 3 == 0)
    expected = np.where(np.arange(40) // 32 == where // 32, NAN, spikes)
    spikes[where] = strange
    assert_close(unpack(pack(spikes, None), 40, None, jnp.dtype("float32")), expected)


@pytest.mark.parametrize("scale", [1 / 0.9, -0.3, 1e30])
def test_a_scale_is_met_as_rounded_and_no_further(scale):
    scale = jnp.float32(scale)
    above = jnp.nextafter(scale, jnp.float32(jnp.inf))
    there_and_back = lambda *values: unpack(
        pack(jnp.array(values), scale), len(values), scale, scale.dtype
    )
    assert_close(there_and_back(0, scale, above), [0, scale, scale])
    for strange in (jnp.nextafter(above, jnp.float32(jnp.inf)), 1.0001 * scale, 1.0):
        assert np.isnan(there_and_back(0, scale, strange)).all()

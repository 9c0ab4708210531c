"""Packing by hand: four neurons to a byte, the first in the lowest bits."""

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
    ("values", "codes"),
    [
        ([0, 1, 1, 0], [0b00_01_01_00]),
        ([1, 1, 1, 1, 1], [0b01_01_01_01, 0b01]),
        ([0.5, 0, NAN, 1], [0b01_10_00_10]),
        ([-1, np.inf, 1 + 2**-23, 2], [0b10_10_10_10]),
        ([-0.0], [0]),
        ([], []),
    ],
)
def test_codes(values, codes):
    packed = pack(jnp.asarray(values, jnp.float32), None)
    assert packed.dtype == jnp.uint8
    assert packed.tolist() == codes


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_there_and_back(n, dtype):
    spikes = np.random.default_rng(n).random((3, 2, n)) < 0.5
    packed = pack(jnp.asarray(spikes, dtype), None)
    assert packed.shape == (3, 2, -(-n // 4))
    back = unpack(packed, n, None, jnp.dtype(dtype))
    assert back.dtype == dtype
    assert_close(back, spikes)


def test_what_was_no_spike_comes_back_as_nan():
    packed = pack(jnp.array([0.0, 0.5, 1.0, NAN, 2.0]), None)
    assert_close(unpack(packed, 5, None, jnp.dtype("float32")), [0, NAN, 1, NAN, NAN])


@pytest.mark.parametrize("scale", [1 / 0.9, -0.3, 1e30])
def test_a_scale_is_met_as_rounded_and_no_further(scale):
    scale = jnp.float32(scale)
    above = jnp.nextafter(scale, jnp.float32(jnp.inf))
    values = jnp.array([0, scale, above, 1.0001 * scale, 1.0])
    back = unpack(pack(values, scale), 5, scale, values.dtype)
    assert_close(back, [0, scale, scale, NAN, NAN])

"""Packed spikes where JAX is set to add no axes and to mix no dtypes by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import SpikeConv1d, SpikeLinear, spike_matmul

SPIKES = np.random.default_rng(0).integers(0, 2, (3, 5, 40)).astype(np.float32)


@pytest.mark.parametrize(
    ("scale", "dtype"), [(None, "float32"), (0.5, "float32"), (jnp.float32(0.5), "bfloat16")]
)
def test_values_and_derivatives(scale, dtype):
    """By NumPy: the derivative of the sum of spikes @ weights is the spikes of each neuron."""
    spikes = SPIKES if scale is None else SPIKES * np.float32(scale)
    weights = jnp.ones((40, 2), dtype)
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        product = lambda w: spike_matmul(jnp.array(spikes, dtype), w, scale=scale)
        assert_close(product(weights), spikes @ np.ones((40, 2)))
        by_weights = jax.grad(lambda w: product(w).sum())(weights)
    expected = np.repeat(spikes.sum((0, 1))[:, None], 2, axis=1)
    assert_close(by_weights, expected)


def test_layers():
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        assert SpikeLinear(40, 2)(jnp.array(SPIKES)).shape == (3, 5, 2)
        assert SpikeConv1d((5, 40), 2, 3)(jnp.array(SPIKES)).shape == (3, 5, 2)

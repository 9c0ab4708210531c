"""The 8-bit code of a surrogate derivative."""

import jax.numpy as jnp
import numpy as np

from braintools_qps._surrogate import residuals

CODES = jnp.arange(256).astype(jnp.uint8)
VALUES = residuals._decode(CODES, jnp.float32)


def test_every_code_has_one_value():
    assert jnp.array_equal(residuals._encode(VALUES), CODES)
    assert bool(jnp.all(jnp.diff(VALUES[:255]) > 0))


def test_the_ends_are_exact():
    assert VALUES[0] == 0.0
    assert VALUES[254] == 1.0


def test_a_value_goes_to_a_code_beside_it():
    """To the nearer one, but where the step doubles between them."""
    exact = np.random.default_rng(0).random(10_000).astype(np.float32)
    codes = np.asarray(residuals._encode(jnp.asarray(exact)), np.int32)
    below = np.searchsorted(np.asarray(VALUES[:255]), exact) - 1
    assert set(np.unique(codes - below)) == {0, 1}
    error = np.abs(np.asarray(VALUES)[codes] - exact)
    other = np.abs(np.asarray(VALUES)[2 * below + 1 - codes] - exact)
    assert np.mean(error <= other) > 0.995


def test_what_rounding_made_of_one_is_one():
    assert residuals._encode(jnp.float32(1 + 2**-23)) == 254


def test_every_nan_is_nan():
    bits = np.array([0x7FC00000, 0xFFC00001, 0x7F800001, 0xFFFFFFFF], np.uint32)
    codes = residuals._encode(jnp.asarray(bits.view(np.float32)))
    assert bool(jnp.isnan(residuals._decode(codes, jnp.float32)).all())

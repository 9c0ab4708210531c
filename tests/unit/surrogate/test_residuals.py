"""The 8-bit codes of a surrogate gradient, without and with a sign."""

import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._surrogate import residuals
from braintools_qps._surrogate.residuals import SIGNED, UNSIGNED

CODES = jnp.arange(256).astype(jnp.uint8)
VALUES = UNSIGNED.decode(CODES, jnp.float32)
WITH_SIGN = SIGNED.decode(CODES, jnp.float32)
layouts = pytest.mark.parametrize("layout", [UNSIGNED, SIGNED], ids=["unsigned", "signed"])


@layouts
def test_every_code_has_one_value(layout):
    assert jnp.array_equal(layout.encode(layout.decode(CODES, jnp.float32)), CODES)


def test_codes_rise_with_their_values():
    assert bool(jnp.all(jnp.diff(VALUES[:255]) > 0))
    assert bool(jnp.all(jnp.diff(WITH_SIGN[:128]) > 0))
    assert jnp.array_equal(WITH_SIGN[129:], -WITH_SIGN[1:128])


def test_the_ends_are_exact():
    assert VALUES[0] == WITH_SIGN[0] == 0.0
    assert VALUES[254] == WITH_SIGN[127] == -WITH_SIGN[255] == 1.0


def test_a_value_goes_to_a_code_beside_it():
    """To the nearer one, but where the step doubles between them."""
    exact = np.random.default_rng(0).random(10_000).astype(np.float32)
    codes = np.asarray(UNSIGNED.encode(jnp.asarray(exact)), np.int32)
    below = np.searchsorted(np.asarray(VALUES[:255]), exact) - 1
    assert set(np.unique(codes - below)) == {0, 1}
    error = np.abs(np.asarray(VALUES)[codes] - exact)
    other = np.abs(np.asarray(VALUES)[2 * below + 1 - codes] - exact)
    assert np.mean(error <= other) > 0.995


def test_what_rounding_made_of_one_is_one():
    assert UNSIGNED.encode(jnp.float32(1 + 2**-23)) == 254


def test_a_negative_number_too_small_for_a_code_is_zero():
    assert SIGNED.decode(SIGNED.encode(jnp.float32(-1e-9)), jnp.float32) == 0.0


@layouts
def test_every_nan_is_nan(layout):
    bits = np.array([0x7FC00000, 0xFFC00001, 0x7F800001, 0xFFFFFFFF], np.uint32)
    codes = layout.encode(jnp.asarray(bits.view(np.float32)))
    assert bool(jnp.isnan(layout.decode(codes, jnp.float32)).all())


def test_a_nan_spoils_no_other_product():
    gradient = jnp.array([jnp.nan, 40.0, -10.0, 0.0])
    product = residuals.compact_product("uint8", gradient, jnp.full(4, 2.0), jnp.float32(40))
    np.testing.assert_allclose(product, [np.nan, 80.0, -20.0, 0.0], rtol=1 / 32)


def test_nothing_but_zeros():
    product = residuals.compact_product("uint8", jnp.zeros(3), jnp.ones(3), jnp.float32(1))
    np.testing.assert_array_equal(product, 0.0)

"""Where an 8-bit code must be exact; how well codes hold a gradient is in integration."""

import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._surrogate.residuals import SIGNED, UNSIGNED

ROUNDED_UP = 1 + 2**-23


@pytest.mark.parametrize(
    ("layout", "values"),
    [(UNSIGNED, [0.0, 1.0, ROUNDED_UP]), (SIGNED, [0.0, -1e-9, 1.0, -1.0, 5.0])],
    ids=["unsigned", "signed"],
)
def test_ends_and_what_rounding_makes_of_them_are_exact(layout, values):
    codes = layout.encode(jnp.float32(values))
    exact = [0.0 if abs(v) < 1e-3 else float(np.clip(v, -1, 1)) for v in values]
    np.testing.assert_array_equal(layout.decode(codes, jnp.float32), np.float32(exact))


@pytest.mark.parametrize("layout", [UNSIGNED, SIGNED], ids=["unsigned", "signed"])
def test_every_nan_is_nan(layout):
    bits = np.array([0x7FC00000, 0xFFC00001, 0x7F800001, 0xFFFFFFFF], np.uint32)
    codes = layout.encode(jnp.asarray(bits.view(np.float32)))
    assert bool(jnp.isnan(layout.decode(codes, jnp.float32)).all())

"""A comparison under settings of JAX that brainstate's layers and optax cannot take."""

import jax
import numpy as np
import pytest
from small_comparison import OPTIONS

from braintools_qps import compare

SETTINGS = {
    "strict": lambda: jax.numpy_dtype_promotion("strict"),
    "rank": lambda: jax.numpy_rank_promotion("raise"),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", SETTINGS)
def test_compare(name):
    usual = compare(["QPseudoSpike(1.7)"], **OPTIONS, progress=False)
    with SETTINGS[name]():
        found = compare(["QPseudoSpike(1.7)"], **OPTIONS, progress=False)
    assert np.all(np.isfinite(found.results[0].scores.test))
    assert found.results[0].curves == usual.results[0].curves

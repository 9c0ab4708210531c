"""A comparison under settings of JAX that brainstate's layers and optax cannot take."""

import jax
import numpy as np
import pytest
from small_comparison import OPTIONS

from braintools_qps import compare


@pytest.mark.thorough
def test_compare():
    usual = compare(["QPseudoSpike(1.7)"], **OPTIONS, progress=False)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        found = compare(["QPseudoSpike(1.7)"], **OPTIONS, progress=False)
    assert np.all(np.isfinite(found.results[0].scores.test))
    assert found.results[0].curves == usual.results[0].curves

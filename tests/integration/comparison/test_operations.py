"""The operations that compare counts, against those by hand from the spikes that it counts."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from comparison_models import millivolts, plain
from small_comparison import OPTIONS

from braintools_qps import QPseudoSpike, compare

STEPS, FEATURES, HIDDEN, CLASSES = 5, 2, 12, 2


def test_operations_are_those_of_the_trained_network():
    surrogate = QPseudoSpike(4.0, scale=10 * u.mV)
    scores = compare([surrogate], **OPTIONS | {"model": millivolts}).results[0].scores
    spikes = np.array(scores.spikes)
    assert np.all(spikes > 0)
    by_hand = STEPS * FEATURES * HIDDEN + spikes * CLASSES
    np.testing.assert_allclose(scores.operations, by_hand, rtol=1e-5)


@pytest.mark.thorough
def test_operations_are_unknown_where_spikes_are():
    options = {"model": plain, "loss": lambda outputs, y: jnp.nan * outputs.sum()}
    scores = compare(["QPseudoSpike"], **OPTIONS | options).results[0].scores
    assert np.isnan([scores.spikes, scores.operations]).all()

"""The operations that compare counts, against those by hand from the spikes that it counts."""

import brainunit as u
import numpy as np
from comparison_models import millivolts
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

"""The operations that compare counts, against those by hand from the spikes that it counts."""

import brainunit as u
import numpy as np
from comparison_models import millivolts

from braintools_qps import QPseudoSpike, compare

SAMPLES, STEPS, FEATURES, HIDDEN, CLASSES = 80, 5, 2, 12, 2


def test_operations_are_those_of_the_trained_network():
    y = np.arange(SAMPLES) % CLASSES
    X = 0.2 * np.random.default_rng(0).standard_normal((SAMPLES, STEPS, FEATURES))
    X[np.arange(SAMPLES), :, y] += 1
    surrogate = QPseudoSpike(4.0, scale=10 * u.mV)
    comparison = compare([surrogate], task=(X, y), model=millivolts, epochs=2, seeds=2, tune=None)
    scores = comparison.results[0].scores
    spikes = np.array(scores.spikes)
    assert np.all(spikes > 0)
    by_hand = STEPS * FEATURES * HIDDEN + spikes * CLASSES
    np.testing.assert_allclose(scores.operations, by_hand, rtol=1e-5)

"""A factory that compare calls may save memory itself."""

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, compare, save_memory, set_surrogate


class Network(brainstate.nn.Module):
    """A recurrent network whose spikes wait in a state, which says what they begin with."""

    def __init__(self, features, classes):
        super().__init__()
        self.input = brainstate.nn.Linear(features, 4)
        self.recurrent = brainstate.nn.Linear(4, 4)
        self.readout = brainstate.nn.Linear(4, classes)
        self.spk_fun = None

    def init_state(self, batch_size=None, **kwargs):
        self.V, self.spikes = (brainstate.HiddenState(jnp.zeros((batch_size, 4))) for _ in "ab")

    def update(self, x):
        current = self.input(x) + self.recurrent(self.spikes.value)
        self.V.value = 0.9 * self.V.value * (1 - self.spikes.value) + current
        self.spikes.value = self.spk_fun(self.V.value - 1)
        return self.readout(self.spikes.value)


@pytest.mark.thorough
def test_layers_that_spikes_feed_are_packed_also_where_compare_traces_the_factory():
    reports = []

    def make(features, classes, surrogate):
        network = Network(features, classes)
        set_surrogate(network, surrogate)
        reports.append(save_memory(network, jnp.zeros((1, 1, features))))
        return network

    rng, y = np.random.default_rng(0), np.arange(40) % 2
    task = rng.standard_normal((40, 3, 2)) + y[:, None, None], y
    found = compare([QPseudoSpike()], task=task, model=make, epochs=1, seeds=1, tune=None)
    assert np.isfinite(found.results[0].scores.test).all()
    assert reports
    for report in reports:
        assert {"Network", "recurrent", "readout"} == set(report.changed)

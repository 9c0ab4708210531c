"""Neurons whose attributes have other names: measured as under the usual ones."""

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import SURROGATE, gradient_flow, only
from helpers import linear

from braintools_qps import QPseudoSpike, save_memory, set_surrogate
from braintools_qps._models import find_neurons

STEPS, SAMPLES, FEATURES, N = 6, 4, 3, 5
INPUTS = jnp.asarray(2 * np.random.default_rng(0).random((STEPS, SAMPLES, FEATURES)))


class Neurons(brainstate.nn.Module):
    """A current beside the membrane, which the spikes reset after the step's own."""

    def __init__(self, spike="spk_fun", membrane="V"):
        super().__init__()
        self.names = spike, membrane
        setattr(self, spike, SURROGATE)

    def init_state(self, batch_size=None):
        for name in ("current", self.names[1]):
            setattr(self, name, brainstate.HiddenState(jnp.zeros((batch_size, N))))

    def update(self, x):
        spike, membrane = (getattr(self, name) for name in self.names)
        self.current.value = 0.5 * self.current.value + x
        V = 0.9 * membrane.value + self.current.value
        spikes = spike(V - 1)
        membrane.value = V - spikes
        return spikes


class ResetLater(Neurons):
    """The spikes of the last step reset it: nothing but the membrane meets the threshold."""

    def update(self, x):
        spike, membrane = (getattr(self, name) for name in self.names)
        before = spike(membrane.value - 1)
        self.current.value = 0.5 * self.current.value + x
        membrane.value = 0.9 * membrane.value + self.current.value - before
        return spike(membrane.value - 1)


class Compiled(Neurons):
    """Its step is kept as a program."""

    def __init__(self, **names):
        super().__init__(**names)
        self.update = brainstate.transform.jit(super().update)


class Network(brainstate.nn.Module):
    """It keeps the surrogate that it has given to its neurons."""

    def __init__(self, kind, **names):
        super().__init__()
        with brainstate.random.seed_context(0):
            self.input, self.readout = linear(FEATURES, N), linear(N, 2)
        self.surrogate = SURROGATE
        self.neurons = kind(**names)

    def update(self, x):
        return self.readout(self.neurons(self.input(x)))


@pytest.mark.parametrize("kind", [Neurons, ResetLater, Compiled])
def test_the_gradient_is_that_under_the_usual_names(kind):
    (expected,) = only(gradient_flow(Network(kind), INPUTS)).populations
    named = Network(kind, spike="surrogate", membrane="ut")  # as the network calls it, too
    (found,) = only(gradient_flow(named, INPUTS)).populations
    assert (found.name, found.activity) == ("neurons", expected.activity)
    moments, of_usual = (p.gradient.second_moments for p in (found, expected))
    np.testing.assert_allclose(moments, of_usual, rtol=1e-6)
    assert named.neurons.surrogate is SURROGATE


def test_a_surrogate_is_set_and_made_compact_under_its_name():
    network = Network(Neurons, spike="spike_fct")
    assert set_surrogate(network, "QPseudoSpike(alpha=3)") == 1
    assert network.neurons.spike_fct == QPseudoSpike(alpha=3.0)
    assert network.surrogate is SURROGATE
    assert save_memory(network, INPUTS).changed["neurons"] == repr(network.neurons.spike_fct)
    assert network.neurons.spike_fct.residual_dtype == "uint8"


class Projection(brainstate.nn.Module):
    """It holds the neurons that it projects to, as those of brainpy.state do."""

    def __init__(self, post):
        super().__init__()
        self.post = post


class Projected(Network):
    def __init__(self):
        super().__init__(Neurons)
        self.E = Projection(self.neurons)  # before neurons in the order of the alphabet


def test_neurons_that_a_projection_holds_go_by_the_shorter_path():
    assert [*find_neurons(Projected())] == ["neurons"]
    assert [*find_neurons(Projection(Projected()))] == ["post.neurons"]

"""set_surrogate on brainstate modules; the neurons of other libraries are in integration."""

import brainstate
import jax
import jax.numpy as jnp
import pytest
from braintools.surrogate import ReluGrad, Sigmoid
from helpers import untouched

from braintools_qps import QPseudoSpike, set_surrogate


class Neuron(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.spk_fun = ReluGrad()
        self.weight = brainstate.ParamState(jnp.array([2.0]))
        self.voltage = brainstate.HiddenState(jnp.zeros(1))

    def update(self, x):
        self.voltage.value = 0.5 * self.voltage.value + self.weight.value * x
        return self.spk_fun(self.voltage.value - 1.0)


class Recurrent(Neuron):
    pass


class Readout(brainstate.nn.Module):
    """Without a spike function."""


class Network(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Neuron()
        self.blocks = [Recurrent(), {"deep": brainstate.nn.Sequential(Neuron(), Readout())}]
        self.shared = self.first

    @property
    def spikes(self):
        neurons = self.first, self.blocks[0], self.blocks[1]["deep"].layers[0]
        return [neuron.spk_fun for neuron in neurons]


def test_every_neuron_at_any_depth_is_changed_once_and_nothing_else():
    network = Network()
    before = brainstate.graph.states(network)
    with untouched(network):
        assert set_surrogate(network, "QPseudoSpike(alpha=1.5)") == 3
    assert network.spikes == [QPseudoSpike(1.5)] * 3
    assert not hasattr(network.blocks[1]["deep"].layers[1], "spk_fun")
    after = brainstate.graph.states(network)
    assert all(after[path] is before[path] for path in before)


def test_a_single_neuron_and_a_collection_of_models_are_models():
    neuron = Neuron()
    assert set_surrogate(neuron, "QPseudoSpike") == 1
    assert set_surrogate([Network(), {"a": neuron}], "QPseudoSpike") == 4
    assert set_surrogate([Network(), {"a": neuron}], {1: "Sigmoid"}) == 1
    assert isinstance(neuron.spk_fun, Sigmoid)


@pytest.mark.parametrize(
    ("where", "changed"),
    [
        (Neuron, [True, True, True]),
        ((Recurrent, Readout), [False, True, False]),
        (lambda neuron: type(neuron) is Neuron, [True, False, True]),
    ],
)
def test_where_chooses_by_type_or_predicate(where, changed):
    network = Network()
    assert set_surrogate(network, "QPseudoSpike", where=where) == sum(changed)
    assert [spike == QPseudoSpike() for spike in network.spikes] == changed


def test_each_population_can_have_its_own_and_the_longer_key_wins():
    network = Network()
    kept = network.first.spk_fun
    assert set_surrogate(network, {"blocks": "Sigmoid", "blocks.1.deep": QPseudoSpike(3.0)}) == 2
    first, recurrent, deep = network.spikes
    assert first is kept
    assert type(recurrent) is Sigmoid
    assert deep == QPseudoSpike(3.0)


def test_the_gradient_is_that_of_the_new_surrogate_also_where_the_model_had_compiled_it():
    """At x = 2 * 0.25 - 1 = -0.5, where the derivative of x by the weight is 0.25."""
    neuron = Neuron()

    def slope():
        neuron.voltage.value = jnp.zeros(1)
        weights = {"weight": neuron.weight}
        return brainstate.transform.grad(lambda: neuron.update(0.25).sum(), weights)()["weight"]

    neuron.slope = brainstate.transform.jit(slope)
    compiled_by_the_user = jax.jit(lambda x: jax.grad(lambda x: neuron.spk_fun(x))(x))
    assert jnp.allclose(compiled_by_the_user(0.5), 0.3 * 0.5)
    assert jnp.allclose(neuron.slope(), 0.25 * 0.3 * (1 - 0.5))  # ReluGrad: 0.3 * (1 - |x|)
    set_surrogate([neuron], "QPseudoSpike(alpha=1)")
    assert jnp.allclose(neuron.slope(), 0.25 / 1.5)  # 1 / (1 + |x|)
    assert jnp.allclose(compiled_by_the_user(0.5), 0.3 * 0.5)  # keeps its own, as documented

"""The gain of one step split by path, against the algebra of a layer; the reset detached."""

import copy
import pickle

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import Layer, ResetLayer, only

from braintools_qps import QPseudoSpike, gradient_flow, set_surrogate

N, BATCH, STEPS, LEAK, GAIN = 64, 32, 4, 0.9, 1.2
SPIKE = QPseudoSpike(2.0)
slope = lambda V: (1 + 2 * np.abs(V - 1) / 3) ** -2.0


class Membranes(Layer):
    """The membranes are what goes out, so that the last adjoint does not depend on the slopes."""

    def update(self, x):
        spikes = self.spk_fun(self.V.value - 1)
        self.V.value = LEAK * (self.V.value - spikes) + spikes @ self.weights.value + x
        return self.V.value


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True), brainstate.environ.context(precision=64, dt=1 * u.ms):
        yield


def problem():
    first, second = jax.random.split(jax.random.key(0))
    weights = np.asarray(jax.random.normal(first, (N, N)) * GAIN / np.sqrt(N))
    return weights, np.asarray(0.5 * jax.random.normal(second, (2, BATCH, N)) + 0.4)


def measured(layer, inputs):
    (population,) = only(
        gradient_flow(layer, inputs, draws=64, target=None, paths=True)
    ).populations
    return population


def test_leak_reset_and_recurrence_are_those_of_the_equations():
    weights, inputs = problem()
    layer = Membranes(jnp.asarray(weights), SPIKE, shape=(BATCH, N))
    (population,) = only(
        gradient_flow(layer, inputs, draws=64, target=None, paths=True)
    ).populations
    found = population.paths
    G = slope(inputs[0])  # the membranes after the first step: all start at 0
    variance = np.sum(weights**2, axis=1)  # of a sum of W with a random adjoint
    assert found.leak == pytest.approx(LEAK)
    assert found.reset == pytest.approx(LEAK * np.sqrt(np.mean(G**2)), rel=0.01)
    assert found.recurrence == pytest.approx(np.sqrt(np.mean(G**2 * variance)), rel=0.01)
    assert found.feedforward == pytest.approx(0, abs=1e-12)
    whole = np.sqrt(np.mean((LEAK * (1 - G)) ** 2 + G**2 * variance))
    assert population.second_moments[1] / population.second_moments[0] == (
        pytest.approx(whole**2, rel=0.01)
    )
    assert found.without_reset == (
        pytest.approx(np.sqrt(LEAK**2 + np.mean(G**2 * variance)), rel=0.01)
    )


def test_spikes_that_wait_in_a_state_are_recurrence_all_the_same():
    """V -> spikes -> state -> V of the next step; the reset comes before V is stored."""
    weights, inputs = problem()

    class Stored(ResetLayer):
        def update(self, x):
            V = LEAK * self.V.value + self.spikes.value @ self.weights.value + x
            self.V.value = V
            self.spikes.value = self.spk_fun(V - 1.0)
            return self.V.value

    layer = Stored(jnp.asarray(weights), SPIKE, shape=(BATCH, N))
    layer.spikes.value = jnp.zeros((BATCH, N))
    found = (
        only(gradient_flow(layer, inputs, draws=64, target=None, paths=True)).populations[0].paths
    )
    G, variance = slope(inputs[0]), np.sum(weights**2, axis=1)
    assert (found.leak, found.reset) == (pytest.approx(LEAK), pytest.approx(0, abs=1e-12))
    assert found.recurrence == pytest.approx(np.sqrt(np.mean(G**2 * variance)), rel=0.01)


def test_what_comes_from_the_layer_above_is_feed_forward():
    class Two(brainstate.nn.Module):
        def __init__(self, weights):
            super().__init__()
            self.below, self.above = (Layer(0 * weights, SPIKE, shape=(BATCH, N)) for _ in range(2))
            self.between = brainstate.ParamState(weights)

        def update(self, x):
            return self.above(self.below(x) @ self.between.value)

    weights, inputs = problem()
    flow = only(gradient_flow(Two(jnp.asarray(weights)), inputs, target=None, paths=True))
    by_name = {population.name: population.paths for population in flow.populations}
    assert by_name["below"].feedforward > 0.1
    assert by_name["below"].recurrence == by_name["above"].recurrence == pytest.approx(0, abs=1e-12)
    assert by_name["below"].leak == pytest.approx(0.8)
    assert flow.populations[1].depth_growth > 0
    assert np.isnan(flow.populations[0].depth_growth)  # above comes last
    assert [p.name for p in flow.populations] == ["above", "below"]


class Lif(brainstate.nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.lif = brainpy.state.LIF(N, tau=10 * u.ms, spk_fun=SPIKE, **options)

    def update(self, x):
        self.lif(x * 20 * u.mA)
        return self.lif.V.value


def lif_gain(model):
    """The gain of one step, as measured and by hand with and without the reset."""
    _, inputs = problem()
    (population,) = only(gradient_flow(model, inputs, draws=16, target=None)).populations
    gain = np.sqrt(population.second_moments[1] / population.second_moments[0])
    decay = np.exp(-0.1)
    G = slope((1 - decay) * 20 * inputs[0])
    return gain, decay * np.sqrt(np.mean((1 - G) ** 2)), decay, population


def test_a_detached_reset_leaves_the_leak():
    model = Lif()
    gain, with_reset, _, _ = lif_gain(model)
    assert gain == pytest.approx(with_reset, rel=0.01)
    assert set_surrogate(model, SPIKE, detach_reset=True) == 1
    gain, _, leak, population = lif_gain(model)
    assert gain == pytest.approx(leak, rel=1e-9)
    assert population.growth == pytest.approx(leak, rel=1e-9)
    assert model.lif.spk_fun is SPIKE
    set_surrogate(model, SPIKE)  # takes the gradient through the reset again
    assert lif_gain(model)[0] == pytest.approx(with_reset, rel=0.01)


def test_a_detached_reset_changes_no_spike_and_no_gradient_of_the_spikes_that_go_out():
    _, inputs = problem()

    def spikes_and_gradient(detach, steps):
        lif = brainpy.state.LIF(N)
        set_surrogate(lif, SPIKE, detach_reset=detach)

        def run(x):
            lif.init_state(BATCH)
            spikes = jnp.stack([lif(x * 20 * u.mA) for _ in range(steps)])
            return jnp.sum(spikes * jnp.arange(1.0, N + 1)), spikes

        gradient, spikes = jax.grad(run, has_aux=True)(inputs[0])
        return spikes, gradient

    for steps, same in ((1, True), (4, False)):
        ours, theirs = spikes_and_gradient(True, steps), spikes_and_gradient(False, steps)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert np.allclose(ours[1], theirs[1]) == same


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_detaches_its_own_reset(copied):
    model = Lif()
    set_surrogate(model, SPIKE, detach_reset=True)
    other = copied(model)
    assert (type(other.lif).__name__, isinstance(other.lif, brainpy.state.LIF)) == ("LIF", True)
    assert lif_gain(other)[0] == pytest.approx(np.exp(-0.1), rel=1e-9)


def test_only_neurons_that_call_twice_can_be_detached():
    layer = Layer(jnp.eye(N), SPIKE)
    with pytest.raises(ValueError, match=r"brainpy.state, got Layer \(Layer\)\. In a"):
        set_surrogate(layer, "Sigmoid", detach_reset=True)
    assert layer.spk_fun is SPIKE


@pytest.mark.parametrize(
    "make",
    [
        getattr(brainpy.state, name)
        for name in ("ALIF", "LIFRef", "IF", "QuaIF", "AdExIF", "AdQuaIF")
    ],
)
def test_without_its_reset_a_neuron_passes_on_what_finite_differences_do(make):
    """Below the threshold, where the step is smooth once no surrogate is in it."""
    neuron = make(3, spk_fun=SPIKE)

    def after(shift):
        with brainstate.environ.context(t=1 * u.ms, i=10):
            brainstate.nn.init_all_states(neuron)
            neuron.V.value = neuron.V_th - (jnp.array([5.0, 1.0, 0.2]) - shift) * u.mV
            neuron.update()
        return jnp.sum(neuron.V.value / u.mV)

    passed = {}
    for detach in (False, True):
        set_surrogate(neuron, SPIKE, detach_reset=detach)
        passed[detach] = float(jax.grad(after)(0.0))
    expected = float(after(1e-5) - after(-1e-5)) / 2e-5
    assert passed[True] == pytest.approx(expected, rel=1e-6)
    assert abs(passed[False] / expected - 1) > 0.1


@pytest.mark.parametrize("make", [brainpy.state.HH, brainpy.state.MorrisLecar])
def test_a_neuron_that_does_not_reset_has_nothing_to_detach(make):
    """It calls spk_fun twice for its output; a stop at the first would cut what it teaches."""
    neuron = make(N, spk_fun=SPIKE)
    brainstate.nn.init_all_states(neuron)
    set_surrogate(neuron, SPIKE, detach_reset=True)
    with pytest.raises(ValueError, match=f"before it updates V; {make.__name__} does not"):
        neuron.update()
    assert neuron.spk_fun is SPIKE

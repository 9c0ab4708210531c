"""The gain of one step split by path, against the algebra of a layer."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import Layer, ResetLayer, only

from braintools_qps import QPseudoSpike, gradient_flow

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
    (population,) = only(gradient_flow(layer, inputs, draws=64, paths=True)).populations
    return population


def test_leak_reset_and_recurrence_are_those_of_the_equations():
    weights, inputs = problem()
    layer = Membranes(jnp.asarray(weights), SPIKE, shape=(BATCH, N))
    (population,) = only(gradient_flow(layer, inputs, draws=64, paths=True)).populations
    found = population.paths
    G = slope(inputs[0])  # the membranes after the first step: all start at 0
    variance = np.sum(weights**2, axis=1)  # of a sum of W with a random adjoint
    assert found.leak == pytest.approx(LEAK)
    assert found.reset == pytest.approx(LEAK * np.sqrt(np.mean(G**2)), rel=0.01)
    assert found.recurrence == pytest.approx(np.sqrt(np.mean(G**2 * variance)), rel=0.01)
    assert found.feedforward == pytest.approx(0, abs=1e-12)
    whole = np.sqrt(np.mean((LEAK * (1 - G)) ** 2 + G**2 * variance))
    assert population.gradient.second_moments[1] / population.gradient.second_moments[0] == (
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
    found = only(gradient_flow(layer, inputs, draws=64, paths=True)).populations[0].paths
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
    flow = only(gradient_flow(Two(jnp.asarray(weights)), inputs, paths=True))
    by_name = {population.name: population.paths for population in flow.populations}
    assert by_name["below"].feedforward > 0.1
    assert by_name["below"].recurrence == by_name["above"].recurrence == pytest.approx(0, abs=1e-12)
    assert by_name["below"].leak == pytest.approx(0.8)
    assert flow.populations[0].gradient.depth_growth > 0
    assert np.isnan(flow.populations[1].gradient.depth_growth)  # above comes last
    assert [p.name for p in flow.populations] == ["below", "above"]


@pytest.mark.thorough
@pytest.mark.parametrize("axis", [0, 1])
def test_a_population_under_vmap_has_the_paths_that_it_has_without(axis):
    """Vmap multiplies by what has an axis of length 1, and may transpose."""
    _, inputs = problem()
    spread = lambda x: 20 * (x if axis == 0 else x.T) * u.mA

    class Lif(brainstate.nn.Module):
        def __init__(self, mapped):
            super().__init__()
            lif = brainpy.state.LIF(N, tau=10 * u.ms, spk_fun=SPIKE)
            if mapped:
                brainstate.nn.vmap_init_all_states(lif, axis_size=BATCH, state_tag="mapped")
                lif = brainstate.nn.Vmap(lif, axis, axis, vmap_states="mapped")
            self.lif, self.spread = lif, spread if mapped else lambda x: 20 * x * u.mA

        def update(self, x):
            spikes = self.lif(self.spread(x))
            return spikes if spikes.shape == x.shape else spikes.T

    mapped, plain = (
        only(gradient_flow(Lif(mapped), inputs, paths=True)).populations[0].paths
        for mapped in (True, False)
    )
    assert plain.leak == pytest.approx(np.exp(-0.1))
    for field in ("leak", "reset", "recurrence", "feedforward", "without_reset"):
        assert getattr(mapped, field) == pytest.approx(getattr(plain, field), abs=1e-12)

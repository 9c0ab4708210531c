"""A spike is what leaves a population, however it is composed; a weight is what meets data."""

import brainstate
import braintools
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brainstate import nn
from flow_networks import Memoryless, gradient_flow, only
from small_stacks import BATCH, LOW, N, inputs

from braintools_qps import normalize_rates


class Neuron(nn.Module):
    """A leaky membrane, and spikes that are composed of two calls."""

    def __init__(self, compose):
        super().__init__()
        self.weights = brainstate.ParamState(4 * jnp.eye(N))
        self.spk_fun, self.compose = LOW, compose
        self.V = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        before = self.V.value
        self.V.value = 0.5 * before + (x - 0.5) @ self.weights.value
        return self.compose(self.spk_fun, before, self.V.value)


def membranes():
    V, history = np.zeros((BATCH, N)), []
    for x in np.asarray(inputs()):
        before, V = V, 0.5 * V + 4 * (x - 0.5)
        history.append((before, V))
    return history


CROSSING = lambda spike, before, V: spike(V - 1) * spike(1 - before)
TERNARY = lambda spike, before, V: spike(V - 1) - spike(-V - 1)


def reset_and_sent(spike, before, V):
    """One and the same difference, computed for a reset and once more for the output."""
    up, down = spike(V - 1), spike(-V - 1)
    reset = jax.lax.stop_gradient(up - down) * 1.0
    return (up - down) + 0 * reset @ jnp.eye(N)


@pytest.mark.parametrize(
    ("compose", "fires"),
    [
        (CROSSING, lambda before, V: (V >= 1) & (before <= 1)),  # as in braincell
        (TERNARY, lambda before, V: abs(V) >= 1),
        (reset_and_sent, lambda before, V: abs(V) >= 1),
    ],
)
def test_the_rate_is_that_of_the_composed_spikes(compose, fires):
    (population,) = only(gradient_flow(Neuron(compose), inputs())).populations
    expected = np.mean([fires(*pair) for pair in membranes()])
    assert 0.1 < expected < 0.9
    assert population.activity.firing_rate == pytest.approx(expected)
    (one,) = normalize_rates(Neuron(compose), inputs(), 0.2).populations
    assert one.before == pytest.approx(expected)


class Grouped(nn.Module):
    """Two groups of neurons share a factor each."""

    def __init__(self):
        super().__init__()
        self.weight = brainstate.ParamState({"speeds": jnp.asarray([2.0, 1.0])})

    def update(self, x):
        return x * self.weight.value["speeds"][jnp.asarray([0, 1] * (N // 2))]


BIAS = braintools.init.Constant(0.1)


@pytest.mark.parametrize(
    ("layers", "scaled", "kept"),
    [
        (lambda: (nn.Linear(N, N), nn.BatchNorm0d((N,))), (1, "scale"), (0, "weight")),
        (lambda: (nn.ScaledWSLinear(N, N),), (0, "gain"), None),
        (lambda: (nn.Linear(N, N), Grouped()), (0, "weight"), (1, "speeds")),
        (lambda: (nn.Linear(N, N, b_init=BIAS), nn.Linear(N, N)), (1, "weight"), (0, "bias")),
    ],
    ids=["batch norm", "weight norm", "no norm", "two in a row"],
)
def test_the_gain_of_a_norm_is_scaled_and_else_the_weights(layers, scaled, kept):
    brainstate.random.seed(0)
    network = nn.Sequential(*layers(), Memoryless((BATCH, N)))
    value = lambda place: np.asarray(network.layers[place[0]].weight.value[place[1]])
    before = value(scaled), kept and value(kept)
    with brainstate.environ.context(fit=True):
        (population,) = normalize_rates(network, inputs(), jnp.float32(0.1)).populations
    assert population.before != pytest.approx(0.1, rel=0.3)
    assert population.after == pytest.approx(0.1, rel=0.05)
    np.testing.assert_allclose(value(scaled), population.factor * before[0], rtol=1e-5)
    assert not kept or np.array_equal(value(kept), before[1])

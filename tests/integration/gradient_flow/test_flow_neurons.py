"""gradient_flow on brainpy.state's neurons, written out by hand from their equations."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, gradient_flow

N, STEPS, BATCH, DT, TAU, TAU_A, BETA = 5, 15, 2, 1.0, 5.0, 20.0, 0.3
SURROGATE = QPseudoSpike(2.0)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True), brainstate.environ.context(precision=64, dt=DT * u.ms):
        yield


class Recurrent(brainstate.nn.Module):
    """A layer whose spikes of the last step come back through weights."""

    def __init__(self, neuron, weights):
        super().__init__()
        self.neuron = neuron
        self.weights = brainstate.ParamState(weights)

    def init_state(self, batch_size=None):
        self.spikes = brainstate.HiddenState(jnp.zeros((batch_size, N)))

    def update(self, x):
        current = self.spikes.value @ self.weights.value + x
        self.spikes.value = self.neuron(current * u.mA)
        return self.spikes.value


def spike_by_hand(x):
    slope = jax.lax.stop_gradient((1 + 2 * jnp.abs(x) / 3) ** -2.0)
    return jnp.where(x >= 0, 1.0, 0.0) + slope * (x - jax.lax.stop_gradient(x))


def run_by_hand(weights, inputs, shifts, hard, beta):
    V, a, spikes = (jnp.zeros((BATCH, N)) for _ in range(3))
    outputs = []
    decay, decay_a = np.exp(-DT / TAU), np.exp(-DT / TAU_A)
    for x, shift in zip(inputs, shifts):
        current = spikes @ weights + x
        reset = spike_by_hand(V - 1 - beta * a)
        V = V - (jax.lax.stop_gradient(V) if hard else 1) * reset
        V = decay * V + (1 - decay) * current + shift
        a = decay_a * (a + reset)
        spikes = spike_by_hand(V - 1 - beta * a)
        outputs.append(spikes)
    return jnp.stack(outputs)


def problem():
    first, second = jax.random.split(jax.random.key(3))
    weights = 2 * jax.random.normal(first, (N, N)) / np.sqrt(N)
    return weights, 3 * jax.random.normal(second, (STEPS, BATCH, N)) + 2


def loss(outputs):
    return jnp.sum(outputs[-1] * jnp.cos(jnp.arange(BATCH * N)).reshape(BATCH, N))


NEURONS = {
    "LIF, hard reset": (
        lambda: brainpy.state.LIF(N, spk_fun=SURROGATE, spk_reset="hard"),
        True,
        0.0,
    ),
    "ALIF, soft reset": (
        lambda: brainpy.state.ALIF(N, tau_a=TAU_A * u.ms, beta=BETA * u.mV, spk_fun=SURROGATE),
        False,
        BETA,
    ),
}


@pytest.mark.parametrize(
    "name",
    ["LIF, hard reset", pytest.param("ALIF, soft reset", marks=pytest.mark.thorough)],
)
def test_second_moments_are_those_of_the_equations(name):
    make, hard, beta = NEURONS[name]
    weights, inputs = problem()
    flows = gradient_flow(Recurrent(make(), weights), inputs, objective=loss)
    (population,) = flows["model"].populations
    by_shift = jax.grad(lambda s: loss(run_by_hand(weights, inputs, s, hard, beta)))
    adjoints = jax.jit(by_shift)(jnp.zeros((STEPS, BATCH, N)))
    expected = np.mean(np.square(adjoints), axis=(1, 2))[::-1]
    assert np.all(expected > 0)
    np.testing.assert_allclose(population.gradient.second_moments, expected, rtol=1e-8)
    assert (population.name, population.unit, population.size) == ("neuron", "mV", N)

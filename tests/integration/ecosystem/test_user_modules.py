"""Modules that users write themselves: membranes in mV, thresholds that move, delays, precision."""

import brainstate
import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import QPseudoSpike

REST = -65.0 * u.mV
NEURONS, INPUTS, STEPS, DELAY = 5, 4, 40, 3


@pytest.fixture
def _float64():
    with jax.enable_x64(True), brainstate.environ.context(precision=64):
        yield


class Cell(brainstate.nn.Module):
    """Leaky membranes in mV with moving thresholds and delayed feedback of their own spikes."""

    def __init__(self, fire, threshold, kick=0.0 * u.mV, feedback=0.0 * u.mV):
        super().__init__()
        self.fire, self.threshold, self.kick, self.feedback = fire, threshold, kick, feedback

    def init_state(self, shape):
        self.V = brainstate.HiddenState(jnp.zeros(shape) * u.mV + REST)
        self.adaptation = brainstate.HiddenState(jnp.zeros(shape) * u.mV)
        self.on_the_way = brainstate.HiddenState(jnp.zeros((DELAY, *shape)))

    def update(self, drive):
        arriving = self.on_the_way.value[-1] * self.feedback
        threshold = self.threshold + self.adaptation.value
        V = REST + 0.9 * (self.V.value - REST) + drive + arriving
        spikes = self.fire(V - threshold)
        self.V.value = V - spikes * (threshold - REST)
        self.adaptation.value = 0.8 * self.adaptation.value + spikes * self.kick
        self.on_the_way.value = jnp.concatenate([spikes[None], self.on_the_way.value[:-1]])
        return spikes


def per_neuron(spread=10.0):
    return np.linspace(-55 - spread / 2, -55 + spread / 2, NEURONS) * u.mV


CELLS = {
    "a threshold per neuron that moves, delayed feedback": {
        "threshold": per_neuron(),
        "kick": 4.0 * u.mV,
        "feedback": 6.0 * u.mV,
    },
    # Rows: a soma and a dendrite with a threshold of its own.
    "compartments": {"threshold": np.array([[-55.0], [-40.0]]) * u.mV},
}


def spikes_and_gradient(fire, **cell):
    """Spikes of shape (steps, [compartments,] neurons), and a projection's slope by the weights."""
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.random((STEPS, INPUTS)) < 0.4, float)
    compartments = np.shape(cell["threshold"].mantissa)[:-1]
    readout = rng.normal(size=(STEPS, *compartments, NEURONS))
    weights = rng.normal(2.0, 3.0, size=(INPUTS, NEURONS)) * u.mV

    def loss(weights):
        model = Cell(fire, **cell)
        model.init_state((*compartments, NEURONS))
        spikes = brainstate.transform.for_loop(lambda row: model(row @ weights), inputs)
        return jnp.sum(spikes * readout), spikes

    gradient, spikes = u.autograd.grad(loss, has_aux=True)(weights)
    return spikes, gradient


@pytest.mark.thorough
@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_membranes_in_mV(cell):
    """braintools' class does the same once the user has divided by the scale."""
    scale = cell["threshold"] - REST
    builtin = braintools.surrogate.QPseudoSpike(alpha=2.0)
    spikes, ours = spikes_and_gradient(QPseudoSpike(2.0, scale=scale), **cell)
    expected, theirs = spikes_and_gradient(lambda distance: builtin(distance / scale), **cell)
    assert 0 < spikes.mean() < 0.9
    assert spikes.dtype == ours.dtype == jnp.float64
    assert jnp.array_equal(spikes, expected)
    assert u.get_unit(ours) == 1 / u.mV
    assert_close(ours, theirs, rtol=1e-10)


@pytest.mark.usefixtures("_float64")
def test_float64_against_a_backward_pass_by_hand():
    """v' = 0.9 v + i - s; lambda_t = r_t g'(x_t) + (0.9 - g'(x_t)) lambda_{t+1}, all in numpy."""
    rng = np.random.default_rng(0)
    currents, readout = rng.normal(0.3, 0.5, (2, STEPS, NEURONS))

    def loss(currents):
        def step(v, current):
            v = 0.9 * v + current
            spikes = QPseudoSpike(3.0)(v - 1.0)
            return v - spikes, spikes

        return jnp.sum(jax.lax.scan(step, jnp.zeros(NEURONS), currents)[1] * readout)

    v, slopes = np.zeros(NEURONS), []
    for current in currents:
        x = 0.9 * v + current - 1.0
        slopes.append((1 + np.abs(x) / 2) ** -3.0)
        v = x + 1.0 - (x >= 0)
    adjoint, expected = np.zeros(NEURONS), []
    for slope, weight in zip(slopes[::-1], readout[::-1]):
        adjoint = weight * slope + (1 - slope) * 0.9 * adjoint
        expected.append(adjoint)
    assert_close(jax.grad(loss)(jnp.asarray(currents)), np.stack(expected[::-1]), rtol=1e-12)

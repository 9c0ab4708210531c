"""set_surrogate with detach_reset: no gradient through the reset, and nothing else changed."""

import copy
import pickle

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import gradient_flow, only

from braintools_qps import QPseudoSpike, set_surrogate

N, BATCH = 64, 32
SPIKE = QPseudoSpike(2.0)
INPUTS = 0.5 * np.random.default_rng(0).standard_normal((2, BATCH, N)) + 0.4
slope = lambda V: (1 + 2 * np.abs(V - 1) / 3) ** -2.0


pytestmark = pytest.mark.usefixtures("double_precision")


class Lif(brainstate.nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.lif = brainpy.state.LIF(N, tau=10 * u.ms, spk_fun=SPIKE, **options)

    def update(self, x):
        self.lif(x * 20 * u.mA)
        return self.lif.V.value


def lif_gain(model):
    """The gain of one step, as measured and by hand with and without the reset."""
    (population,) = only(gradient_flow(model, INPUTS)).populations
    gain = np.sqrt(population.gradient.second_moments[1] / population.gradient.second_moments[0])
    decay = np.exp(-0.1)
    G = slope((1 - decay) * 20 * INPUTS[0])
    return gain, decay * np.sqrt(np.mean((1 - G) ** 2)), decay, population


def test_a_detached_reset_leaves_the_leak_in_a_copy_too():
    model = Lif()
    gain, with_reset, _, _ = lif_gain(model)
    assert gain == pytest.approx(with_reset, rel=0.03)
    assert set_surrogate(model, SPIKE, detach_reset=True) == 1
    gain, _, leak, population = lif_gain(model)
    assert gain == pytest.approx(leak, rel=1e-9)
    assert population.gradient.growth == pytest.approx(leak, rel=1e-9)
    assert model.lif.spk_fun is SPIKE
    set_surrogate(model, SPIKE)  # leaves the reset as it is
    other = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert (type(other.lif).__name__, isinstance(other.lif, brainpy.state.LIF)) == ("LIF", True)
    assert lif_gain(other)[0] == pytest.approx(leak, rel=1e-9)
    set_surrogate(model, SPIKE, detach_reset=False)
    assert lif_gain(model)[0] == pytest.approx(with_reset, rel=0.03)


def test_a_detached_reset_changes_no_spike_and_no_gradient_of_the_spikes_that_go_out():
    def spikes_and_gradient(detach, steps):
        lif = brainpy.state.LIF(N)
        set_surrogate(lif, SPIKE, detach_reset=detach)

        def run(x):
            lif.init_state(BATCH)
            spikes = jnp.stack([lif(x * 20 * u.mA) for _ in range(steps)])
            return jnp.sum(spikes * jnp.arange(1.0, N + 1)), spikes

        gradient, spikes = jax.jit(jax.grad(run, has_aux=True))(INPUTS[0])
        return spikes, gradient

    for steps, same in ((1, True), (4, False)):
        ours, theirs = spikes_and_gradient(True, steps), spikes_and_gradient(False, steps)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert np.allclose(ours[1], theirs[1]) == same


def test_without_its_reset_a_neuron_passes_on_what_finite_differences_do():
    """Below the threshold, where the step is smooth once no surrogate is in it."""
    neuron = brainpy.state.ALIF(3, spk_fun=SPIKE)

    def after(shift):
        with brainstate.environ.context(t=1 * u.ms, i=10):
            brainstate.nn.init_all_states(neuron)
            neuron.V.value = neuron.V_th - (np.array([5.0, 1.0, 0.2]) - shift) * u.mV
            neuron.update()
        return jnp.sum(neuron.V.value / u.mV)

    passed = {}
    for detach in (False, True):
        set_surrogate(neuron, SPIKE, detach_reset=detach)
        passed[detach] = float(jax.jit(jax.grad(after))(0.0))
    after = jax.jit(after)
    expected = float(after(1e-5) - after(-1e-5)) / 2e-5
    assert passed[True] == pytest.approx(expected, rel=1e-6)
    assert abs(passed[False] / expected - 1) > 0.1

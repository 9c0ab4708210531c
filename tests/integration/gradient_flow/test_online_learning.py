"""Online learning with braintrace: where the surrogate matters, and where it does not."""

import brainstate
import braintools.init
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, Scaled, set_surrogate

braintrace = pytest.importorskip("braintrace", reason="braintrace is not installed")
state = pytest.importorskip("brainpy.state", reason="brainpy is not installed")

pytestmark = [
    pytest.mark.usefixtures("one_millisecond"),
    pytest.mark.filterwarnings("ignore:core.Jaxpr is missing a DebugInfo:DeprecationWarning"),
]

STEPS, BATCH, INPUTS, NEURONS = 10, 2, 4, 6


class Layer(brainstate.nn.Module):
    """LIF neurons of which the spikes or the membranes are read."""

    def __init__(self, reads):
        super().__init__()
        with brainstate.random.seed_context(0):
            weights = braintools.init.KaimingNormal(scale=20.0)
            self.linear = braintrace.nn.Linear(INPUTS, NEURONS, w_init=weights)
        self.neurons = state.LIF(NEURONS, tau=5 * u.ms, V_th=1 * u.mV, spk_fun=QPseudoSpike())
        self.reads = reads

    def update(self, x):
        spikes = self.neurons(self.linear(x) * u.mA)
        return spikes if self.reads == "spikes" else self.neurons.V.value / u.mV


def online_gradient(layer):
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.random((STEPS, BATCH, INPUTS)) < 0.4, jnp.float32)
    readout = jnp.asarray(rng.normal(size=(STEPS, BATCH, NEURONS)), jnp.float32)
    learner = braintrace.compile(layer, "d_rtrl", inputs[0], batch_size=BATCH)
    loss = lambda x, weight: jnp.sum(learner(x) * weight)
    return learner.etrace_grad(inputs, readout, step_fn=loss, reduction="sum")


def test_the_surrogate_has_no_effect_where_none_passes_a_spike():
    """Membranes are read, and the reset is detached: any dampening gives the same weights."""
    layer, gradients = Layer("membranes"), []
    for dampening in (1e-6, 100.0):
        set_surrogate(layer, Scaled(QPseudoSpike(), dampening=dampening), detach_reset=True)
        gradients.append(online_gradient(layer))
    one, other = (list(map(u.get_mantissa, jax.tree.leaves(g))) for g in gradients)
    assert all(map(np.any, one))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_surrogate_decides_what_spikes_teach():
    layer, gradients = Layer("spikes"), []
    for dampening in (1.0, 2.0):
        set_surrogate(layer, Scaled(QPseudoSpike(), dampening=dampening), detach_reset=True)
        gradients.append(online_gradient(layer))
    for a, b in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_allclose(b, 2 * a, rtol=1e-6)  # a single spike on each way back

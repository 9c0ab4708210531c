"""gradient_sensitivity on online learning with braintrace: where the surrogate matters, and not."""

import brainstate
import braintools.init
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, Scaled, gradient_sensitivity, set_surrogate

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


def test_the_surrogate_decides_what_spikes_teach():
    layer = Layer("spikes")
    found = gradient_sensitivity(layer, lambda: online_gradient(layer))
    assert found.largest > 0.1
    assert found.advice[0].startswith("The surrogate decides the gradient of ")


def test_the_surrogate_is_found_to_have_no_effect_where_none_passes_a_spike():
    """Membranes are read, and the reset is detached: any dampening gives the same weights."""
    layer = Layer("membranes")
    set_surrogate(layer, QPseudoSpike(), detach_reset=True)
    found = gradient_sensitivity(layer, lambda: online_gradient(layer))
    assert found.largest == 0
    assert all(p.size > 0 for p in found.parameters)
    assert found.advice[0].startswith("The surrogate has no effect on these gradients")
    gradients = []
    for dampening in (1e-6, 100.0):
        set_surrogate(layer, Scaled(QPseudoSpike(), dampening=dampening), detach_reset=True)
        gradients.append(online_gradient(layer))
    for one, other in zip(*(list(g.values()) for g in gradients)):
        for key in one:
            np.testing.assert_array_equal(u.get_mantissa(one[key]), u.get_mantissa(other[key]))

"""Online learning of a LIF layer with braintrace, through our surrogate."""

import brainstate
import braintools.init
import braintools.surrogate
import braintrace
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brainpy import state
from helpers import assert_agree, thorough_but

from braintools_qps import QPseudoSpike, Scaled, set_surrogate

pytestmark = [
    pytest.mark.usefixtures("one_millisecond"),
    pytest.mark.filterwarnings("ignore:core.Jaxpr is missing a DebugInfo:DeprecationWarning"),
]

STEPS, BATCH, INPUTS, NEURONS = 15, 2, 4, 6
OURS, THEIRS = QPseudoSpike(alpha=2.0), braintools.surrogate.QPseudoSpike(alpha=2.0)
OPTIONS = {
    "d_rtrl": {},
    "es_d_rtrl": {"decay_or_rank": 0.9},
    "pp_prop": {"decay_or_rank": 5},
    "eprop": {},
    "ostl_recurrent": {},
    "ostl_feedforward": {},
    "uoro": {},
}


class Layer(brainstate.nn.Module):
    """LIF neurons that may see their own spikes of the step before."""

    def __init__(self, spike, recurrent):
        super().__init__()
        self.recurrent = recurrent
        sources = INPUTS + NEURONS * recurrent
        with brainstate.random.seed_context(0):
            weights = braintools.init.KaimingNormal(scale=20.0)
            self.linear = braintrace.nn.Linear(sources, NEURONS, w_init=weights)
        self.neurons = state.LIF(NEURONS, tau=5 * u.ms, V_th=1 * u.mV, spk_fun=spike)

    def update(self, x):
        if self.recurrent:
            x = jnp.concatenate([x, self.neurons.get_spike()], axis=-1)
        return self.neurons(self.linear(x) * u.mA)


def make_data():
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.random((STEPS, BATCH, INPUTS)) < 0.4, jnp.float32)
    return inputs, jnp.asarray(rng.normal(size=(STEPS, BATCH, NEURONS)), jnp.float32)


def gradient_of(layer, algorithm):
    inputs, readout = make_data()
    with brainstate.random.seed_context(0):
        learner = braintrace.compile(
            layer, algorithm, inputs[0], batch_size=BATCH, **OPTIONS[algorithm]
        )
        loss = lambda x, weight: jnp.sum(learner(x) * weight)
        return learner.etrace_grad(inputs, readout, step_fn=loss, reduction="sum")


@pytest.mark.parametrize("algorithm", thorough_but(["eprop"], OPTIONS))
def test_every_algorithm_learns_as_with_braintools(algorithm):
    ours, theirs = (gradient_of(Layer(each, recurrent=True), algorithm) for each in (OURS, THEIRS))
    assert_agree(ours, theirs)


def test_the_surrogate_decides_what_spikes_teach():
    layer, gradients = Layer(OURS, recurrent=False), []
    for dampening in (1.0, 2.0):
        set_surrogate(layer, Scaled(OURS, dampening=dampening), detach_reset=True)
        gradients.append(map(u.get_mantissa, jax.tree.leaves(gradient_of(layer, "d_rtrl"))))
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(other, 2 * one, rtol=1e-6)  # a single spike on each way back

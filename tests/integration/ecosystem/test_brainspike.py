"""brainspikes (module brainspike): its kernel models learn through our spikes."""

import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_agree, thorough_but

from braintools_qps import QPseudoSpike

pytest.importorskip("brainspike", reason="brainspikes needs Python 3.12")
from brainspike._kernel.learn import BPTT, ExternalInput
from brainspike._kernel.models import LIF, iaf_psc_alpha
from brainspike._kernel.network import Network

DT = 0.1 * u.ms
STEPS, INPUTS, NEURONS = 60, 6, 8
# Model, its port, weights of the input and of the recurrence, and its membrane.
MODELS = {
    "LIF": (LIF, "delta", 0.35 * u.mV, 0.15 * u.mV, {"tau": 8.0 * u.ms}),
    "iaf_psc_alpha": (iaf_psc_alpha, "ex", 300.0 * u.pA, 120.0 * u.pA, {"I_e": 300.0 * u.pA}),
}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def learner(model, surrogate):
    """A recurrent layer's gradient, through its reset; the loss is a projection of its spikes."""
    neuron, port, into, recurrent, parameters = MODELS[model]
    network = Network(dt=DT, seed=0)
    inputs = network.add(ExternalInput, INPUTS, name="inputs")
    layer = network.add(neuron, NEURONS, params=parameters, name="layer", surrogate=surrogate)
    spread = lambda weight, size: np.linspace(0.5, 1.5, size) * weight
    edges = {"port": port, "trainable": True, "storage": "dense", "delay": DT}
    network.connect(inputs, layer, weight=spread(into, INPUTS * NEURONS), name="in", **edges)
    network.connect(layer, layer, weight=spread(recurrent, NEURONS**2), name="rec", **edges)
    network.observe(layer, "spike", name="spikes")
    readout = np.random.default_rng(1).normal(size=(STEPS, NEURONS))
    loss = lambda recorded, _: jnp.sum(recorded["spikes"]["spike"] * readout)
    return BPTT(network.compile(precision="float64").program(), loss, detach_reset=False)


def stimulus():
    return {"inputs": jnp.asarray(np.random.default_rng(0).random((STEPS, INPUTS)) < 0.3, float)}


def spikes_of(bptt):
    return bptt.record(None, stimulus())["spikes"]["spike"]


@pytest.mark.parametrize("model", thorough_but(["LIF"], MODELS))
def test_hard_spikes_as_with_braintools(model):
    """Backpropagation through the reset and the recurrence."""
    ours, theirs = (
        learner(model, surrogate)
        for surrogate in (QPseudoSpike(2.0), braintools.surrogate.QPseudoSpike(2.0))
    )
    spikes = spikes_of(ours)
    assert 0 < spikes.mean() < 1
    assert jnp.array_equal(spikes, spikes_of(theirs))
    (_, gradient), (_, expected) = (bptt.grad(None, stimulus(), 0.0) for bptt in (ours, theirs))
    assert gradient.keys() == expected.keys() == {"weights/in/0", "weights/rec/0"}
    assert_agree(gradient, expected)

"""brainspikes (module brainspike): its kernel models, hard and relaxed."""

import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

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


def learner(model, surrogate, **options):
    """A recurrent layer's gradient; the loss is a fixed projection of its spikes."""
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
    return BPTT(network.compile(precision="float64").program(), loss, **options)


def stimulus():
    return {"inputs": jnp.asarray(np.random.default_rng(0).random((STEPS, INPUTS)) < 0.3, float)}


def spikes_of(bptt):
    return bptt.record(None, stimulus())["spikes"]["spike"]


@pytest.mark.parametrize("model", MODELS)
def test_hard_spikes_as_with_braintools(model):
    """Backpropagation through the reset and the recurrence."""
    ours, theirs = (
        learner(model, surrogate, detach_reset=False)
        for surrogate in (QPseudoSpike(2.0), braintools.surrogate.QPseudoSpike(2.0))
    )
    spikes = spikes_of(ours)
    assert 0 < spikes.mean() < 1
    assert jnp.array_equal(spikes, spikes_of(theirs))
    (_, gradient), (_, expected) = (bptt.grad(None, stimulus(), 0.0) for bptt in (ours, theirs))
    assert gradient.keys() == expected.keys() == {"weights/in/0", "weights/rec/0"}
    for name in expected:
        assert float(jnp.abs(u.get_mantissa(expected[name])).max()) > 0
        assert_close(gradient[name], expected[name], rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "surrogate"),
    [
        ("LIF", QPseudoSpike(1.0)),
        ("LIF", QPseudoSpike.from_q(np.inf)),
        ("iaf_psc_alpha", QPseudoSpike(2.0)),
    ],
)
def test_relaxed_gradients_against_finite_differences(model, surrogate):
    """A relaxed network emits surrogate_fun and is smooth: a difference is the judge."""
    bptt = learner(model, surrogate, spikes="relaxed", detach_reset=False)
    _, gradient = bptt.grad(None, stimulus(), 0.0)
    for name, parameter in bptt.params.items():
        weights = parameter.value
        unit, at = u.get_unit(weights), u.get_mantissa(weights)
        direction = np.random.default_rng(2).normal(size=at.shape) * np.abs(at)
        sides = []
        for step in (1e-5, -1e-5):
            parameter.value = (at + step * direction) * unit
            sides.append(float(bptt.loss(None, stimulus(), 0.0)))
        parameter.value = weights
        difference = (sides[0] - sides[1]) / 2e-5
        slope = float(jnp.sum(u.get_mantissa(gradient[name]) * direction))
        np.testing.assert_allclose(slope, difference, rtol=1e-5)

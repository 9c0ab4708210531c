"""Weights with which each layer passes the spikes of the layer before it on."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from helpers import thorough
from lif_networks import BATCH, STEPS, N, Network, inputs

from braintools_qps import relay_weights

MARGIN = 1.2


def weights(model, layer):
    return np.asarray(model.linear[layer].weight.value["weight"])


def spikes(model):
    """Spikes of each population, of shape (time, batch, neurons)."""
    brainstate.nn.init_all_states(model, BATCH)
    sent = []
    for x in inputs():
        sent.append([])
        for layer, lif in zip(model.linear, model.lif):
            x = lif(model.gain * layer(x) * u.mA)
            sent[-1].append(np.asarray(x))
    return [np.stack(each) for each in zip(*sent)]


pytestmark = pytest.mark.usefixtures("one_millisecond")


@pytest.mark.parametrize(
    ("factor", "options"),
    [
        thorough(1.0, {}),
        (0.25, {}),
        (1.0, {"tau": 3 * u.ms}),
        thorough(1.0, {"R": 5 * u.ohm}),
        (2.0, {"V_th": 20 * u.mV, "V_reset": -5 * u.mV}),
    ],
)
def test_the_weight_lifts_a_neuron_from_rest_to_threshold_in_one_step(factor, options):
    model = Network(gain=factor, **options)
    done = relay_weights(model, inputs())
    neuron = model.lif[1]
    distance = (neuron.V_th - neuron.V_rest) / u.mV
    in_one_step = -np.expm1(-1 / float(neuron.tau / u.ms)) * float(neuron.R / u.ohm)
    expected = MARGIN * distance / (factor * in_one_step)
    assert done.populations[1].weight == pytest.approx(float(expected), rel=1e-5)
    assert done.populations[1].source == "lif.0"
    np.testing.assert_allclose(weights(model, 1), expected * np.eye(N), rtol=1e-5)


@pytest.mark.thorough
def test_other_widths():
    """From half a layer each neuron is heard twice; in half a layer, every other one is not."""
    model = Network((N, N // 2, N))
    done = relay_weights(model, inputs(), rate=0.05)
    half = np.eye(N // 2)
    assert np.array_equal(weights(model, 1) != 0, np.concatenate([half, 0 * half]))
    assert np.array_equal(weights(model, 2) != 0, np.concatenate([half, half], axis=1))
    first, second, third = spikes(model)
    assert np.array_equal(second, first[..., : N // 2])
    assert np.array_equal(third, np.concatenate([second, second], axis=-1))
    assert done.populations[2].after == pytest.approx(done.populations[1].after)


@pytest.mark.parametrize(  # an even one has no middle, and must not move the image
    "size", [thorough(3), 4]
)
def test_a_kernel_has_its_weights_in_the_middle(size):
    options = {"V_th": 1 * u.mV, "tau": 10 * u.ms, "spk_reset": "hard"}
    lif = lambda: brainpy.state.LIF((4, 4, 2), **options)
    convolutions = [brainstate.nn.Conv2d((4, 4, 2), 2, size) for _ in range(4)]
    layers = [part for conv in convolutions for part in (conv, lambda x: x * u.mA, lif())]
    currents = 20 * jax.random.uniform(jax.random.key(0), (STEPS, BATCH, 4, 4, 2)) * u.mA
    done = relay_weights(brainstate.nn.Sequential(lif(), *layers), currents)
    kernel = np.asarray(convolutions[-1].weight.value["weight"])
    assert np.count_nonzero(kernel) == np.count_nonzero(kernel[1, 1]) == 2
    assert kernel.max() == pytest.approx(MARGIN / -np.expm1(-0.1), rel=1e-5)
    first, *others = (population.after for population in done.populations)
    assert others == [first] * 4

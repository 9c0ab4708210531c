"""Weights with which each layer passes the spikes of the layer before it on."""

import itertools

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, relay_weights
from braintools_qps.records import RelayedWeights

STEPS, BATCH, N, MARGIN = 20, 8, 12, 1.2


class Scaled(brainstate.nn.Module):
    """A linear layer whose output is a current, times a factor."""

    def __init__(self, n, m, factor=1.0):
        super().__init__()
        self.linear, self.factor = brainstate.nn.Linear(n, m), factor

    def update(self, x):
        return self.factor * self.linear(x) * u.mA


def lif(n=N, **options):
    return brainpy.state.LIF(n, **{"V_th": 1 * u.mV, "tau": 10 * u.ms} | options)


def stack(widths, factor=1.0, **options):
    brainstate.random.seed(0)
    layers = []
    for n, m in itertools.pairwise(widths):
        layers += [Scaled(n, m, factor), lif(m, **options)]
    return brainstate.nn.Sequential(*layers)


def inputs(features=N):
    return jax.random.uniform(jax.random.key(0), (STEPS, BATCH, features))


def weights(model, layer):
    return np.asarray(model.layers[layer].linear.weight.value["weight"])


def spikes(model):
    """Spikes of each population, of shape (time, batch, neurons)."""
    brainstate.nn.init_all_states(model, BATCH)
    populations = [[] for layer in model.layers if isinstance(layer, brainpy.state.LIF)]
    for x in inputs():
        for layer in model.layers:
            x = layer(x)
            if isinstance(layer, brainpy.state.LIF):
                populations[model.layers.index(layer) // 2].append(np.asarray(x))
    return [np.stack(each) for each in populations]


pytestmark = pytest.mark.usefixtures("one_millisecond")


@pytest.mark.parametrize(
    ("factor", "options"),
    [
        (1.0, {}),
        (0.25, {}),
        (1.0, {"tau": 3 * u.ms}),
        (1.0, {"R": 5 * u.ohm}),
        (2.0, {"V_th": 20 * u.mV, "V_reset": -5 * u.mV}),
    ],
)
def test_the_weight_lifts_a_neuron_from_rest_to_threshold_in_one_step(factor, options):
    model = stack([N, N, N], factor, **options)
    done = relay_weights(model, inputs())
    neuron = model.layers[3]
    distance = (neuron.V_th - neuron.V_rest) / u.mV
    in_one_step = -np.expm1(-1 / float(neuron.tau / u.ms)) * float(neuron.R / u.ohm)
    expected = MARGIN * distance / (factor * in_one_step)
    assert done.populations[1].weight == pytest.approx(float(expected), rel=1e-5)
    assert done.populations[1].source == "layers.1"
    np.testing.assert_allclose(weights(model, 2), expected * np.eye(N), rtol=1e-5)


def test_the_last_layer_spikes_as_the_first():
    model = stack([N] * 5)
    done = relay_weights(model, inputs(), rate=0.1)
    first, *others = spikes(model)
    assert first.mean() == pytest.approx(0.1, rel=0.15)
    assert all(np.array_equal(other, first) for other in others)
    assert [p.after for p in done.populations] == pytest.approx([first.mean()] * 4)
    assert RelayedWeights.from_json(done.to_json()) == done


def test_other_widths():
    """From half a layer each neuron is heard twice; in half a layer, every other one is not."""
    model = stack([N, N, N // 2, N])
    done = relay_weights(model, inputs(), rate=0.05)
    half = np.eye(N // 2)
    assert np.array_equal(weights(model, 2) != 0, np.concatenate([half, 0 * half]))
    assert np.array_equal(weights(model, 4) != 0, np.concatenate([half, half], axis=1))
    first, second, third = spikes(model)
    assert np.array_equal(second, first[..., : N // 2])
    assert np.array_equal(third, np.concatenate([second, second], axis=-1))
    assert done.populations[2].after == pytest.approx(done.populations[1].after)


def test_a_kernel_has_its_weights_in_the_middle():
    conv = brainstate.nn.Conv2d((4, 4, 2), 2, 3)
    model = brainstate.nn.Sequential(lif((4, 4, 2)), conv, lambda x: x * u.mA, lif((4, 4, 2)))
    currents = 20 * jax.random.uniform(jax.random.key(0), (STEPS, BATCH, 4, 4, 2)) * u.mA
    relay_weights(model, currents)
    kernel = np.asarray(conv.weight.value["weight"])
    assert np.count_nonzero(kernel) == np.count_nonzero(kernel[1, 1]) == 2
    assert kernel.max() == pytest.approx(MARGIN / -np.expm1(-0.1), rel=1e-5)


class Branches(brainstate.nn.Module):
    """The second layer hears the inputs, too."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = Scaled(N, N), Scaled(N, N), Scaled(N, N)
        self.first, self.second = lif(), lif()

    def update(self, x):
        return self.second(self.b(self.first(self.a(x))) + self.c(x))


class Shared(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.lifs = Scaled(N, N), [lif(), lif()]

    def update(self, x):
        for each in self.lifs:
            x = each(self.linear(x))
        return x


class Restless(brainstate.nn.Module):
    """Spikes where a current plus 2 reaches 1."""

    def __init__(self):
        super().__init__()
        self.spk_fun = QPseudoSpike()
        self.V = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        self.V.value = u.get_mantissa(x) + 2.0
        return self.spk_fun(self.V.value - 1)


def restless():
    return brainstate.nn.Sequential(Scaled(N, N), Restless(), Scaled(N, N), Restless())


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (Branches, "that exactly one other feeds"),
        (Shared, "that exactly one other feeds"),
        (lambda: stack([N, N]), "that exactly one other feeds"),
        (restless, "fires at rest"),
    ],
)
def test_a_model_without_such_weights_is_left_as_it_was(make, rule):
    model = make()
    before = {path: state.value for path, state in model.states().items()}
    with pytest.raises(ValueError, match=rule):
        relay_weights(model, inputs())
    after = {path: state.value for path, state in model.states().items() if path in before}
    assert all(value is before[path] for path, value in after.items())

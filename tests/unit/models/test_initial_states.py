"""Initial states of models that make them for one sample: those of one that makes them for all."""

from functools import cache

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import SURROGATE, gradient_flow, only
from helpers import linear, thorough_but

from braintools_qps import compare, load_task, save_memory

STEPS, SAMPLES, FEATURES, N = 5, 4, 3, 6
INPUTS = jnp.asarray(3 * np.random.default_rng(0).normal(size=(STEPS, SAMPLES, FEATURES)))


class Neurons(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.spk_fun = SURROGATE

    def init_state(self):
        self.V = brainstate.HiddenState(jnp.zeros(N))
        self.low = brainstate.HiddenState(jnp.zeros(N))

    def update(self, x):
        # Has no batch after a step until V has one before it.
        self.low.value = 0.5 * self.low.value + self.V.value
        self.V.value = 0.9 * self.V.value + x
        return self.spk_fun(self.V.value - 1 - 0.1 * self.low.value)


class Batched(Neurons):
    """All states are made for the batch."""

    def init_state(self, batch_size=None):
        shape = (N,) if batch_size is None else (batch_size, N)
        self.V, self.low = (brainstate.HiddenState(jnp.zeros(shape)) for _ in range(2))


class Network(brainstate.nn.Module):
    def __init__(self, neurons, features=FEATURES, outputs=2):
        super().__init__()
        self.input = linear(features, N)
        self.readout = linear(N, outputs)
        self.neurons = neurons()

    def update(self, x):
        return self.readout(self.neurons(self.input(x)))


def held_by_vmap(samples):
    def make(**sizes):
        inner = Network(Neurons, **sizes)
        brainstate.nn.vmap_init_all_states(inner, axis_size=samples, state_tag="new")
        return brainstate.nn.Vmap(inner, vmap_states="new")

    return make


def held_by_map(**sizes):
    return brainstate.nn.Map(Network(Neurons, **sizes), init_map_size=9)


def used_map(**sizes):
    model = held_by_map(**sizes)
    model.init_all_states()
    return model


def batched(**sizes):
    return Network(Batched, **sizes)


FORMS = {
    "made for one sample": lambda **sizes: Network(Neurons, **sizes),
    "under Vmap, for other samples": held_by_vmap(9),
    "under Map, none yet": held_by_map,
    "under Map, for other samples": used_map,
}


def made(make):
    with brainstate.random.seed_context(0):
        return make()


@pytest.fixture(scope="module")
def of_batch():
    """What is measured of states for the batch, and how their memory is saved."""
    return only(gradient_flow(made(batched), INPUTS)), save_memory(batched(), INPUTS)


OFTEN = {"made for one sample", "under Vmap, for other samples", "under Map, none yet"}


@pytest.mark.parametrize("form", thorough_but(OFTEN, FORMS))
def test_the_gradient_and_what_is_stored_in_bits_are_those_of_a_batch(form, of_batch):
    expected, saved = of_batch
    found = only(gradient_flow(made(FORMS[form]), INPUTS))
    for one, other in zip(found.populations, expected.populations, strict=True):
        moments, of_batch = (p.gradient.second_moments for p in (one, other))
        np.testing.assert_allclose(moments, of_batch, rtol=1e-5)
    assert found.operations == expected.operations
    assert save_memory(FORMS[form](), INPUTS) == saved
    assert saved.changed["readout"] == "Linear, spikes in one bit"


@cache
def trained(make):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, STEPS, FEATURES)).astype(np.float32)
    task = load_task((x, (x.sum((1, 2)) > 0).astype(int)))
    model = lambda features, outputs: make(features=features, outputs=outputs)
    options = {"tune": None, "seeds": 2, "epochs": 2, "batch_size": 8, "progress": False}
    return compare(["QPseudoSpike"], task=task, model=model, **options).results[0]


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
def test_compare_trains_the_same_network(form):
    found, expected = trained(FORMS[form]), trained(batched)
    assert expected.scores.operations[0] > expected.scores.spikes[0] > 0
    np.testing.assert_allclose(found.curves.loss, expected.curves.loss, rtol=1e-4)
    for name in ("test", "firing_rate", "spikes", "operations"):
        one, other = (getattr(candidate.scores, name) for candidate in (found, expected))
        np.testing.assert_allclose(one, other, rtol=1e-4)

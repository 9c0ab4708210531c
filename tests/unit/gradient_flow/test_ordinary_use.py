"""Mistakes that people meet first: what gradient_flow and prepare say of them."""

import re

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import only
from helpers import thorough
from small_stacks import BATCH, STEPS, Changed, Layer, N, Stack, inputs

from braintools_qps import gradient_flow


def joined(result):
    return " ".join(repr(result).replace("# ", "").split())


def classes(samples, seed=0):
    """Samples of four classes, each with two features that are larger than the others."""
    draws, labels = np.random.default_rng(seed), np.arange(samples) % 4
    prototypes = 0.2 + 0.8 * np.repeat(np.eye(4), 2, axis=1)
    features = prototypes[labels] * draws.uniform(0.7, 1.3, (samples, N))
    return jnp.broadcast_to(jnp.asarray(features, jnp.float32), (STEPS, samples, N)), labels


class Wide(Stack):
    """A stack with an output for each of four classes, for batches of any size."""

    def __init__(self):
        super().__init__(Layer(1.0))
        self.out = brainstate.ParamState(jax.random.normal(jax.random.key(1), (N, 4)))
        self.layers[0].V.value = jnp.zeros(N)  # repeated for each batch


OTHERS = r"; on (\d+) others (\d+)% are right \(chance: (\d+)%\)\."


@pytest.mark.parametrize("samples", [100, thorough(512)])
def test_samples_that_it_was_not_trained_on_are_scored(samples):
    x, labels = classes(samples)
    flow = only(gradient_flow(Wide(), x, labels=labels))
    count, right, chance = map(int, re.search(OTHERS, flow.diagnosis.text).groups())
    assert count == min(samples - 64, 256)
    assert 25 <= chance < 30
    assert right > 60
    assert not flow.further


def test_shuffled_labels_are_at_chance():
    """Random features of 64 samples are learned by heart; those of others say nothing."""
    x, labels = jax.random.uniform(jax.random.key(3), (320, N)), np.arange(320) % 2
    labels = np.random.default_rng(1).permutation(labels)
    model = Wide()
    model.layers[0].weights.value = 4 * jax.random.normal(jax.random.key(0), (N, 64))
    model.layers[0].V.value = jnp.zeros(64)
    model.out.value = jax.random.normal(jax.random.key(1), (64, 2))
    flow = only(gradient_flow(model, jnp.broadcast_to(x, (STEPS, 320, N)), labels=labels))
    assert flow.diagnosis.cause == "none"
    assert "That is chance level. Usually the labels belong to other samples" in flow.diagnosis.text


def test_a_silent_layer_in_a_network_that_learns_is_named():
    weights = jnp.eye(N).at[2:].set(0.0)
    quiet = Changed(lambda V, x, w: 0.9 * V + x @ w)
    quiet.weights.value = weights
    model = Stack(Layer(1.0), quiet)
    printed = joined(only(gradient_flow(model, inputs(), labels=np.arange(BATCH) % 2)))
    assert "layers.1 is mostly silent (75% of its neurons)." in printed.split("population")[0]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1] * 4, "8 features, with your labels"),
        # Half of them are 5 below the mean of 100, half 5 above.
        (jnp.array([95, 105] * 4, jnp.bfloat16), "numbers of mean 100, standard deviation 5"),
        (np.eye(2)[[0, 1] * 4], "deviation 0.5 (one-hot? then pass labels.argmax(axis=-1))"),
    ],
)
def test_labels_that_are_taken_for_numbers_are_described(labels, said):
    flow = only(gradient_flow(Stack(Layer(1.0)), inputs(), labels=labels, trial=False))
    assert flow.read.endswith(said)


def test_of_several_outputs_the_first_counts_and_that_is_said():
    model = Stack(Layer(1.0))
    model.update = lambda x, update=model.update: (update(x), x)
    flow = only(gradient_flow(model, inputs(), labels=[0, 1] * 4, trial=False))
    assert flow.read.endswith(", with your labels, for the first of 2 outputs")

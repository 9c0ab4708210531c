"""The yardstick of an objective: its loss with the best constant answer."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import entropy
from small_stacks import BATCH, Layer, Stack, inputs

from braintools_qps._gradient_flow.loss import of_objective, some_of_each
from braintools_qps._gradient_flow.tracing import trace

CLASSES = 4
LABELS = np.arange(BATCH) // 3  # 0, 1 and 2, the last one seldom
OUTPUTS = jax.random.normal(jax.random.key(0), (5, BATCH, CLASSES))  # steps, samples, features
SPIKES = (OUTPUTS > 1).astype(float)


@cache
def step():
    return trace(Stack(Layer(1.0)), inputs())


def loss_of(objective, outputs=OUTPUTS):
    return of_objective(step(), [outputs], objective, float(objective(outputs)), BATCH)


def cross_entropy(outputs):
    logits = outputs.mean(axis=0)
    return optax.softmax_cross_entropy_with_integer_labels(logits, LABELS).mean()


ENTROPY = entropy(np.bincount(LABELS))


@pytest.mark.parametrize(
    ("labels", "shares"),
    [
        (np.arange(128) % 2, [0.5, 0.5]),  # of evenly spread ones, 63 would be of one class
        (np.arange(640) % 160 == 3, [63 / 64, 1 / 64]),
        (np.array(["b", "a", "a", "a"] * 100), [0.75, 0.25]),
        (np.repeat([[0.5, 1.0], [2.5, 1.0]], 100, axis=0), [0.5, 0.5]),
    ],
)
def test_of_each_class_as_many_samples_count_as_it_has_of_all_one_at_least(labels, shares):
    chosen = some_of_each(labels)
    assert len(np.unique(chosen)) == 64
    found = np.unique(labels[chosen], axis=0, return_counts=True)[1] / 64
    np.testing.assert_allclose(found, shares)


def test_of_numbers_that_all_differ_some_count_at_random():
    numbers = np.linspace(0, 1, 640)[:, None]
    assert np.var(numbers[some_of_each(numbers)]) == pytest.approx(1 / 12, rel=0.2)


def test_the_best_constant_answer_to_classes_is_their_shares():
    found = loss_of(lambda outputs: 1e-5 * cross_entropy(outputs))
    assert found.constant == pytest.approx(1e-5 * ENTROPY, rel=1e-3)


@pytest.mark.parametrize(("low", "high"), [(-69.0, -61.0), (-30.0, 50.0)])
def test_the_best_constant_answer_to_far_numbers_is_their_mean(low, high):
    numbers = jnp.linspace(low, high, BATCH)[:, None]
    found = loss_of(lambda outputs: jnp.mean((outputs - numbers) ** 2))
    assert found.constant == pytest.approx(float(np.var(numbers)), rel=1e-4)


def test_where_a_constant_answer_is_perfect_the_loss_at_the_start_counts():
    calm = lambda outputs: jnp.mean((outputs - 0.5) ** 2)
    assert loss_of(calm).constant == float(calm(OUTPUTS))


def test_a_constant_answer_of_spikes_is_from_0_to_1():
    assert loss_of(lambda spikes: (spikes.mean() + 1) ** 2, SPIKES).constant == pytest.approx(1)


@pytest.mark.float16
def test_the_search_ends_where_half_precision_has_no_slope():
    half = lambda outputs: 1e-8 * cross_entropy(outputs.astype("float16")).astype(float)
    assert np.isfinite(loss_of(half).constant)

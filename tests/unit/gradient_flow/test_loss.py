"""The yardsticks of an objective: its loss with the best constant answer, and with the best."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import thorough
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


@pytest.mark.parametrize("factor", [1e-5, thorough(1e-3), thorough(1e5)])
def test_the_best_constant_answer_to_classes_is_their_shares(factor):
    found = loss_of(lambda outputs: factor * cross_entropy(outputs))
    assert found.constant == pytest.approx(factor * ENTROPY, rel=1e-3)
    assert found.least == 0


@pytest.mark.parametrize("more", [3.0, 99.0, -0.2, -0.95])
def test_a_number_that_an_objective_adds_is_its_least_value(more):
    found = loss_of(lambda outputs: cross_entropy(outputs) + more)
    assert found.constant == pytest.approx(ENTROPY + more, abs=1e-3)
    assert found.least == pytest.approx(more, abs=0.01)


@pytest.mark.parametrize(("low", "high"), [(-69.0, -61.0), (-30.0, 50.0)])
def test_the_best_constant_answer_to_far_numbers_is_their_mean(low, high):
    numbers = jnp.linspace(low, high, BATCH)[:, None]
    found = loss_of(lambda outputs: jnp.mean((outputs - numbers) ** 2))
    assert found.constant == pytest.approx(float(np.var(numbers)), rel=1e-4)
    moved = OUTPUTS.mean(axis=(0, 1)) + found.offsets[0]
    np.testing.assert_allclose(moved, np.full((1, 1, CLASSES), (low + high) / 2), rtol=1e-3)


def test_where_a_constant_answer_is_perfect_the_loss_at_the_start_counts():
    calm = lambda outputs: jnp.mean((outputs - 0.5) ** 2)
    assert loss_of(calm).constant == float(calm(OUTPUTS))


def test_the_best_answers_of_spikes_are_spikes():
    """At best none costs anything, and the right one of four raises its logit by 1."""
    cost = lambda spikes: (spikes.mean() + 1) ** 2
    assert loss_of(cost, SPIKES).constant == pytest.approx(1)
    assert loss_of(cross_entropy, SPIKES).least == pytest.approx(np.log(3 + np.e) - 1, rel=1e-4)


def test_a_least_value_that_is_slow_to_search_is_found():
    """A sum of squares above 1, whose curvature differs ten thousandfold between directions."""
    best = np.random.default_rng(0).normal(size=OUTPUTS.size)
    rough = lambda x: 1 + (jnp.diff(x, n=2) ** 2).mean() + 1e-3 * (x**2).mean()
    found = loss_of(lambda outputs: rough(outputs.reshape(-1) - best))
    assert found.least == pytest.approx(1, abs=1e-3)


@pytest.mark.float16
def test_an_objective_without_a_slope_has_no_least_value():
    """In half precision the slopes of this loss are 0; the search for the best answers ends."""
    half = lambda outputs: 1e-8 * cross_entropy(outputs.astype("float16")).astype(float)
    found = loss_of(half)
    assert found.least == 0
    assert not found.is_blind

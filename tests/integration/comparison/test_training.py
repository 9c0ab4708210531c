"""Training: what candidates share, and that a grid is nothing but many separate runs."""

import braintools
import jax
import numpy as np
import pytest

from braintools_qps import QPseudoSpike
from braintools_qps._comparison.network import initial_weights, neuron_class
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.training import Settings, can_share, program, train

SETTINGS = Settings(epochs=2, hidden=12, batch_size=8)


@pytest.fixture(scope="module")
def task():
    """Which of two features is on: easy, so that a few epochs show that something is learnt."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = 0.2 * rng.standard_normal((80, 5, 2))
    X[np.arange(80), :, y] += 1
    return task_from_arrays(X, y)


def test_candidates_share_weights_and_batches(task):
    # The two have the same derivative, 1/(1 + |x|), from two libraries and in two programs, so
    # whatever differs in their curves would come from other weights or other batches.
    ours = train(program([QPseudoSpike(1.0)]), task, SETTINGS, [0, 1])
    theirs = train(
        program([braintools.surrogate.NonzeroSignLog(alpha=1.0)]), task, SETTINGS, [0, 1]
    )
    np.testing.assert_allclose(ours.curves.loss, theirs.curves.loss, rtol=1e-4)
    assert not np.allclose(ours.curves.loss[:, 0], ours.curves.loss[:, 1])


def test_a_grid_equals_separate_training(task):
    alphas, seeds = [0.5, 2.0, 8.0], [0, 3]
    grid = train(program([QPseudoSpike(a) for a in alphas]), task, SETTINGS, seeds)
    for row, column in ((0, 1), (2, 0)):
        alone = train(program([QPseudoSpike(alphas[row])]), task, SETTINGS, [seeds[column]])
        np.testing.assert_allclose(
            grid.curves.loss[row, column], alone.curves.loss[0, 0], rtol=1e-4
        )
        for name, weights in grid.weights.items():
            np.testing.assert_allclose(
                weights[row, column], alone.weights[name][0, 0], atol=1e-4, err_msg=name
            )
    assert not np.allclose(grid.curves.loss[0], grid.curves.loss[2], rtol=1e-3)


def test_a_grid_may_range_over_scale_and_dampening(task):
    surrogates = [
        QPseudoSpike(2.0, scale=0.5, dampening=0.5),
        QPseudoSpike(2.0, scale=2.0, dampening=1.0),
    ]
    grid = train(program(surrogates), task, SETTINGS, [0])
    for row, surrogate in enumerate(surrogates):
        alone = train(program([surrogate]), task, SETTINGS, [0])
        np.testing.assert_allclose(grid.curves.loss[row], alone.curves.loss[0], rtol=1e-4)


def test_training_learns(task):
    trained = train(
        program([QPseudoSpike(4.0)]), task, Settings(epochs=20, hidden=12, batch_size=8), [0]
    )
    assert trained.test_accuracy[0, 0] > 0.9  # chance is 0.5
    assert trained.curves.loss[0, 0, -1] < 0.5 * trained.curves.loss[0, 0, 0]
    assert 0 < trained.firing_rate[0, 0] < 1


def test_what_can_share_a_program():
    one = QPseudoSpike(2.0)
    assert can_share(one, QPseudoSpike(float("inf"), dampening=0.5))
    for other in (
        QPseudoSpike(2.0, scale=1.0),
        QPseudoSpike(2.0, residual_dtype="uint8"),
        QPseudoSpike(np.ones(3)),
        braintools.surrogate.Sigmoid(),
    ):
        assert not can_share(one, other)


def test_initial_weights_come_from_the_key_alone():
    key = jax.random.key(5)
    first, again = (initial_weights(key, 3, 400, 2) for _ in range(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, first, again))
    assert np.std(first["recurrent"]) == pytest.approx(1, rel=0.02)
    assert not np.array_equal(
        first["recurrent"], initial_weights(jax.random.key(6), 3, 400, 2)["recurrent"]
    )


@pytest.mark.parametrize("neuron", ["ALIF", "LIFRef", "IF"])
def test_other_neurons_train(neuron, task):
    settings = Settings(epochs=1, hidden=8, batch_size=8, neuron=neuron, reset="hard")
    trained = train(program([QPseudoSpike(4.0)]), task, settings, [0])
    assert np.isfinite(trained.curves.loss).all()
    assert 0 < trained.firing_rate[0, 0] < 1


def test_neurons_that_do_not_fit():
    with pytest.raises(LookupError, match=r"brainpy.state, such as LIF or ALIF, got 'Lif'"):
        neuron_class("Lif")
    with pytest.raises(ValueError, match=r"brainpy.state.HH has no R, tau. Take LIF or ALIF"):
        neuron_class("HH")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"epochs": 0}, "epochs must be 1 or more, got 0"), ({"reset": "none"}, "'soft' or 'hard'")],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        Settings(**options)

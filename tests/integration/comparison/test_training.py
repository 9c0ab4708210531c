"""Training: what candidates share, and that many runs at once are nothing but separate runs."""

from functools import partial

import braintools
import brainunit as u
import jax
import numpy as np
import pytest

from braintools_qps import QPseudoSpike
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.network import demonstration, neuron_class
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.programs import Job, Programs
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.training import Bench, initial_weights
from braintools_qps._surrogate import traceable

SETTINGS = Settings(epochs=2, batch_size=8)


@pytest.fixture(scope="module")
def bench():
    """Which of two features is on: easy, so that a few epochs show that something is learnt."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = 0.2 * rng.standard_normal((80, 5, 2))
    X[np.arange(80), :, y] += 1
    task = task_from_arrays(X, y)
    factory = Factory(partial(demonstration, hidden=12))
    return Bench(factory, task, SETTINGS, objective(task))


def train(bench, *jobs, epochs=2):
    programs = Programs(bench, len(jobs))
    return programs.train(jobs, epochs, lambda *_: None, test=True), programs


def test_candidates_share_weights_and_batches(bench):
    # The two have the same derivative, 1/(1 + |x|), from two libraries and in two programs, so
    # whatever differs in their curves would come from other weights or other batches.
    ours, _ = train(bench, *(Job(QPseudoSpike(1.0), {}, seed) for seed in (0, 1)))
    log = braintools.surrogate.NonzeroSignLog(alpha=1.0)
    theirs, _ = train(bench, *(Job(log, {}, seed) for seed in (0, 1)))
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one.curves.loss, other.curves.loss, rtol=1e-4)
    assert not np.allclose(ours[0].curves.loss, ours[1].curves.loss)


@pytest.mark.thorough
def test_runs_at_once_equal_separate_training(bench):
    jobs = [
        Job(QPseudoSpike(0.5), {"learning_rate": 0.3}, 0),
        Job(QPseudoSpike(2.0), {"dampening": 0.25, "clip": None}, 3),
        Job(QPseudoSpike(8.0, dampening=0.5), {"scale": 0.5}, 3),
        Job(QPseudoSpike(8.0), {"alpha": 2.0}, 3),
    ]
    together, programs = train(bench, *jobs)
    assert len(programs._trainers) == 2  # with a scale and without
    for job, found in zip(jobs[1:3], together[1:3]):
        (alone,), _ = train(bench, job)
        np.testing.assert_allclose(found.curves.loss, alone.curves.loss, rtol=1e-4)
        assert found.tested.score == pytest.approx(alone.tested.score)
    assert not np.allclose(together[1].curves.loss, together[3].curves.loss, rtol=1e-3)


def test_training_learns(bench):
    (run,), _ = train(bench, Job(QPseudoSpike(4.0), {}, 0), epochs=12)
    assert run.tested.score > 0.9  # chance is 0.5
    assert run.curves.loss[-1] < 0.5 * run.curves.loss[0]
    assert 0 < run.tested.firing_rate < 1
    # 12 neurons for 5 steps.
    assert run.tested.spikes == pytest.approx(run.tested.firing_rate * 60, rel=1e-5)


def test_what_shares_a_program():
    sigmoid = braintools.surrogate.Sigmoid()
    identity = lambda surrogate: traceable(surrogate).key
    assert identity(QPseudoSpike(2.0)) == identity(QPseudoSpike(float("inf"), dampening=0.5))
    assert identity(sigmoid) == identity(braintools.surrogate.Sigmoid())
    others = [
        QPseudoSpike(2.0, scale=1.0), QPseudoSpike(2.0, scale=10 * u.mV), sigmoid,
        QPseudoSpike(2.0, residual_dtype="uint8"), QPseudoSpike(np.ones(3)),
        braintools.surrogate.Sigmoid(alpha=2.0),
    ]  # fmt: skip
    kinds = [identity(other) for other in (QPseudoSpike(2.0), *others)]
    assert all(kinds.count(kind) == 1 for kind in kinds)


def test_initial_weights_come_from_the_seed_alone(bench):
    first, again = (initial_weights(bench, QPseudoSpike(), 5).trained for _ in range(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, first, again))
    other = initial_weights(bench, QPseudoSpike(), 6).trained
    recurrent = lambda weights: weights["recurrent.weight"]["weight"]
    assert not np.array_equal(recurrent(first), recurrent(other))
    assert np.std(recurrent(first)) == pytest.approx(1, rel=0.2)


@pytest.mark.thorough
@pytest.mark.parametrize("neuron", ["ALIF", "IF"])
def test_other_neurons_train(neuron, bench):
    job = Job(QPseudoSpike(4.0), {"neuron": neuron, "reset": "hard"}, 0)
    (run,), _ = train(bench, job, epochs=1)
    assert np.isfinite(run.curves.loss).all()
    assert 0 < run.tested.firing_rate < 1


def test_neurons_that_do_not_fit():
    with pytest.raises(LookupError, match=r"brainpy.state, such as LIF or ALIF, got 'Lif'"):
        neuron_class("Lif")
    with pytest.raises(ValueError, match=r"brainpy.state.HH has no R, tau. Take LIF or ALIF"):
        neuron_class("HH")


def test_options_out_of_range(bench):
    with pytest.raises(ValueError, match="'soft' or 'hard', got 'none'"):
        demonstration(2, 2, 5, reset="none")
    with pytest.raises(ValueError, match="hidden must be 1 or more, got 0"):
        demonstration(2, 2, 5, hidden=0)

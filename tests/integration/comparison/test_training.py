"""Training: what candidates share, and that many runs at once are nothing but separate runs."""

import dataclasses
import itertools
from functools import partial

import braintools
import brainunit as u
import jax
import numpy as np
import pytest

from braintools_qps import QPseudoSpike
from braintools_qps._comparison import devices
from braintools_qps._comparison.devices import Devices, present_devices
from braintools_qps._comparison.experiment import Experiment
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.network import demonstration, neuron_class
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.plan import Candidate, Run
from braintools_qps._comparison.run import initial_weights
from braintools_qps._comparison.runs import Runs
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.train import Trainer, groups_of
from braintools_qps._surrogate import traceable


@pytest.fixture(scope="module")
def experiment():
    """Which of two features is on: easy, so that a few epochs show that something is learnt."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = 0.2 * rng.standard_normal((80, 5, 2))
    X[np.arange(80), :, y] += 1
    task = task_from_arrays(X, y)
    factory = Factory(partial(demonstration, hidden=12))
    return Experiment(factory, task, objective(task), None, 8, 0.1)


def train(experiment, surrogate, *runs, epochs=2):
    """Runs of one surrogate, each a setting and a seed, as many at once as there is room for."""
    experiment = dataclasses.replace(experiment, epochs=epochs)
    candidate, trainer = Candidate("one", surrogate, {}), Trainer(experiment, len(runs))
    runs = [Run(candidate, *run, key=str(number)) for number, run in enumerate(runs)]
    outcomes = {}
    for group in groups_of(runs, experiment, Runs()):
        outcomes |= zip((run.key for run in group), trainer.train(group))
    return [outcomes[run.key] for run in runs]


def test_candidates_share_weights_and_batches(experiment):
    # The two have the same derivative, 1/(1 + |x|), from two libraries and in two programs, so
    # whatever differs in their curves would come from other weights or other batches.
    runs = ({}, 0), ({}, 1)
    ours = train(experiment, QPseudoSpike(1.0), *runs)
    theirs = train(experiment, braintools.surrogate.NonzeroSignLog(alpha=1.0), *runs)
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one.curves.loss, other.curves.loss, rtol=1e-4)
    assert not np.allclose(ours[0].curves.loss, ours[1].curves.loss)


@pytest.mark.thorough
def test_runs_at_once_equal_separate_training(experiment):
    runs = [
        ({"learning_rate": 0.3}, 0),
        ({"dampening": 0.25}, 3),
        ({"clip": None}, 3),
        ({"scale_factor": 0.5}, 3),
        ({"alpha": 2.0}, 3),
    ]
    surrogate = QPseudoSpike(8.0, dampening=0.5)
    together = train(experiment, surrogate, *runs)
    for run, found in zip(runs, together):
        (alone,) = train(experiment, surrogate, run)
        np.testing.assert_allclose(found.curves.loss, alone.curves.loss, rtol=1e-4)
        assert found.tested.score == pytest.approx(alone.tested.score)
    for one, other in itertools.combinations(together[1:], 2):
        assert not np.allclose(one.curves.loss, other.curves.loss, rtol=1e-3)


@pytest.mark.thorough
def test_training_learns(experiment):
    (run,) = train(experiment, QPseudoSpike(4.0), ({}, 0), epochs=12)
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


def test_initial_weights_come_from_the_seed_alone(experiment):
    first, again = (initial_weights(experiment, QPseudoSpike(), 5).trained for _ in range(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, first, again))
    other = initial_weights(experiment, QPseudoSpike(), 6).trained
    recurrent = lambda weights: weights["recurrent.weight"]["weight"]
    assert not np.array_equal(recurrent(first), recurrent(other))
    assert np.std(recurrent(first)) == pytest.approx(1, rel=0.2)


@pytest.mark.thorough
def test_other_neurons_train(experiment):
    run = {"neuron": "IF", "reset": "hard"}, 0
    (run,) = train(experiment, QPseudoSpike(4.0), run, epochs=1)
    assert np.isfinite(run.curves.loss).all()
    assert 0 < run.tested.firing_rate < 1


def test_neurons_that_do_not_fit():
    with pytest.raises(LookupError, match=r"of brainpy.state, got 'Lif'. Take LIF or ALIF"):
        neuron_class("Lif")
    with pytest.raises(ValueError, match=r"brainpy.state.HH has no R, tau. Take LIF or ALIF"):
        neuron_class("HH")


def test_options_out_of_range(experiment):
    with pytest.raises(ValueError, match="'soft' or 'hard', got 'none'"):
        demonstration(2, 2, 5, reset="none")
    with pytest.raises(ValueError, match="hidden must be 1 or more, got 0"):
        demonstration(2, 2, 5, hidden=0)


@pytest.fixture
def memory(monkeypatch):
    """Lets a device be full whenever more runs than so many are trained at once."""
    asked = []

    def limit(runs):
        compiled = Trainer._compile

        def full(self, function, share):
            asked.append(len(jax.tree.leaves(share)[0]))
            if asked[-1] > runs:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
            return compiled(self, function, share)

        monkeypatch.setattr(Trainer, "_compile", full)
        monkeypatch.setattr(Devices, "width", lambda self, runs: runs)  # as on an accelerator
        return asked

    return limit


@pytest.mark.thorough
def test_where_memory_is_full_half_of_the_runs_are_trained_at_once(experiment, memory):
    runs = [({}, seed) for seed in range(5)]
    expected = train(experiment, QPseudoSpike(), *runs)
    asked = memory(1)
    found = train(experiment, QPseudoSpike(), *runs)
    assert asked == [5, 2, 1, 1]  # for training, then for the test
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one.curves.loss, other.curves.loss, rtol=1e-4)
    memory(0)
    with pytest.raises(jax.errors.JaxRuntimeError, match="RESOURCE_EXHAUSTED"):
        train(experiment, QPseudoSpike(), *runs)


@pytest.mark.thorough
def test_a_cpu_trains_no_more_at_once_than_half_its_memory_holds(experiment, monkeypatch):
    runs = [({}, seed) for seed in range(3)]
    widest, one = (train(experiment, QPseudoSpike(), *runs[:n])[0].bytes for n in (3, 1))
    assert one < widest
    monkeypatch.setattr(Devices, "memory", property(lambda self: 1.2 * one))
    found = train(experiment, QPseudoSpike(), *runs)
    assert {run.bytes for run in found} == {one}


@pytest.mark.parametrize(("runs", "width"), [(2, 2), (10, 3), (15, 4)])
def test_runs_are_shared_out_so_that_no_core_waits_for_long(monkeypatch, runs, width):
    # On two cores 15 runs in threes take three turns of 3, in fours two turns of 4.
    monkeypatch.setattr(devices, "cores", lambda: 2)
    monkeypatch.setattr(Devices, "__len__", lambda self: 1)
    assert present_devices().width(runs) == width

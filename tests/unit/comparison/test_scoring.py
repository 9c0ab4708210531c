"""What is read of the outputs, what went wrong in training, and the rate of each step."""

import dataclasses

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison.optimizers import adamw
from braintools_qps._comparison.result import flags
from braintools_qps._comparison.runs import History
from braintools_qps._comparison.scoring import guess, scoring
from braintools_qps._comparison.tasks import load_task

TASK = load_task((np.random.default_rng(0).standard_normal((40, 3, 2)), np.arange(40) % 2))
OUTPUTS = np.arange(24.0).reshape(3, 4, 2)  # steps, samples, features


@pytest.mark.parametrize(
    ("readout", "expected"),
    [
        ("last", OUTPUTS[2]), ("mean", OUTPUTS[1]),  # numbers in a row
        (np.int64(2), (OUTPUTS[1] + OUTPUTS[2]) / 2), ("all", OUTPUTS.transpose(1, 0, 2)),
    ],
)  # fmt: skip
def test_each_array_of_the_outputs_is_read(readout, expected):
    rule = lambda outputs, y: 0.0
    outputs = {"spikes": jnp.asarray(OUTPUTS), "V": jnp.asarray(OUTPUTS) * u.mV}
    found = scoring(dataclasses.replace(TASK, readout=readout), rule, rule).read(outputs)
    np.testing.assert_array_equal(found["spikes"], expected)
    np.testing.assert_array_equal(found["V"].to_decimal(u.mV), expected)


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_one_target_is_compared_with_the_output_of_every_step(shape):
    rng = np.random.default_rng(0)
    y = rng.standard_normal((40, *shape))
    task = load_task((rng.standard_normal((40, 5, 2)), y), readout="all")
    outputs = rng.standard_normal((5, 40, y[0].size))  # flat, as linear layers return them
    found = scoring(task)
    expected = np.mean([(step.reshape(y.shape) - y) ** 2 for step in outputs])
    read = found.read(jnp.asarray(outputs))
    assert found.loss(read, y) == pytest.approx(expected, rel=1e-6)
    assert found.score(read, y) == pytest.approx(-expected, rel=1e-6)


def test_a_score_of_ones_own_is_not_taken_for_the_usual_one_by_its_name():
    def accuracy(outputs, y):
        return 100.0  # in percent already

    assert scoring(TASK).score_name == "accuracy"  # shown in percent
    assert scoring(TASK, None, accuracy).score_name == "own accuracy"
    assert scoring(TASK, None, lambda outputs, y: 0.0).score_name == "score"


X = np.random.default_rng(0).standard_normal((40, 3, 2))
EACH_STEP = np.resize([0, 0, 1], (40, 3))
TARGETS = np.random.default_rng(1).standard_normal((40, 3))


def scored(outputs, y):
    return 7.0 * (y == outputs.argmax(-1).T).mean()


ONE_IN_FOUR, HALF = np.arange(40) % 4 == 0, np.arange(40) % 2


@pytest.mark.parametrize(
    ("y", "options", "expected"),
    [
        (ONE_IN_FOUR, {}, 0.75), (EACH_STEP, {}, 2 / 3),  # the commonest class
        (ONE_IN_FOUR, {"score": scored}, 5.25),
        (HALF, {"score": scored, "loss": scored}, None),  # of any outputs
        (HALF, {"score": lambda outputs, y: outputs["V"]}, None),
        (HALF, {"score": lambda outputs, y: jnp.nan * outputs.mean()}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("readout", [None, "all"])
def test_guessing_is_the_best_constant_answer(y, options, expected, readout):
    task = load_task((X, y.astype(int)), readout=readout)
    options = {"loss": None, "score": None} | options
    assert guess(task, scoring(task, **options)) == (expected and pytest.approx(expected, rel=0.1))


@pytest.mark.parametrize("size", [1.0, 1e-6])
@pytest.mark.parametrize("readout", ["mean", "all"])
def test_guessing_of_numbers_leaves_their_variance(readout, size):
    task = load_task((X, size * TARGETS), readout=readout)
    tested = task.part("test").labels
    axis = (0, 1) if task.is_answered_at_each_step and readout == "all" else 0
    expected = -np.mean((tested - tested.mean(axis=axis)) ** 2)
    assert guess(task, scoring(task)) == pytest.approx(expected, rel=1e-5, abs=0)


def test_the_learning_rate_falls_to_0_as_a_cosine():
    gradient = [jnp.array([1.0])]
    optimizer = adamw(0.1, 4, None)
    memory, steps = optimizer.init(gradient), []
    for _ in range(4):
        changes, memory = optimizer.update(gradient, memory, [jnp.array([0.0])])
        steps.append(float(changes[0][0]))
    # Adam's step is the learning rate for a gradient that stays the same.
    np.testing.assert_allclose(steps, [-0.1, -0.0853553, -0.05, -0.0146447], rtol=1e-4)


@pytest.mark.parametrize(
    ("score", "rate", "loss", "expected"),
    [
        ([0.1, 0.62, 0.6], 0.1, 1.0, []), ([0.1, np.nan], 0.1, 1.0, ["nan"]),
        ([0.1, 0.2], 0.1, np.inf, ["nan"]), ([0.1, 0.9], 1e-5, 1.0, ["silent"]),
    ],
)  # fmt: skip
def test_flags_count_runs(score, rate, loss, expected):
    sound = History(np.ones(2), np.array([0.1, 0.9]), np.array([0.1, 0.1]))
    run = History(np.full(len(score), loss), np.array(score), np.array([0.2, rate]))
    assert flags([sound, run, run]) == dict.fromkeys(expected, 2)

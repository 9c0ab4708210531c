"""What is said to have gone wrong in training, and which setting a seed chooses."""

import types

import numpy as np
import pytest

from braintools_qps._comparison.result import choices, flags
from braintools_qps._comparison.runs import MEASURED, History, Outcome


def run(score, rate=(0.1, 0.1), loss=1.0):
    return History(np.full(len(score), loss), np.array(score), np.array(rate))


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (run([0.1, 0.62, 0.6]), []),
        (run([0.1, np.nan]), ["nan"]),
        (run([0.1, 0.2], loss=np.inf), ["nan"]),
        (run([0.1, 0.9], rate=(0.2, 1e-5)), ["silent"]),
    ],
)
def test_flags_count_runs(curves, expected):
    assert flags([run([0.1, 0.9]), curves, curves]) == dict.fromkeys(expected, 2)


def test_each_seed_chooses_by_the_validation_score_and_not_by_the_test_score():
    settings = [{"learning_rate": 0.1}, {"learning_rate": 0.03}]
    experiment = types.SimpleNamespace(settings=settings, tune={"learning_rate": (0.1, 0.03)})
    runs = [types.SimpleNamespace(setting=setting) for _ in range(2) for setting in settings]
    # By seed and setting; in both seeds the test score says the other.
    scores = [(0.9, 0.1), (0.8, 0.7), (0.5, 0.95), (0.6, 0.2)]
    outcomes = [
        Outcome(run([0.99, validation]), dict.fromkeys(MEASURED, test), 1, 0.1, None, {}, "", 2, {})
        for validation, test in scores
    ]
    rows, tuning = choices(runs, outcomes, experiment)
    assert rows == [0, 3]
    assert tuning.chosen == (0, 1)
    assert [trial.test for trial in tuning.trials] == [(0.1, 0.95), (0.7, 0.2)]

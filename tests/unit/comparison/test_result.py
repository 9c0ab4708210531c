"""What is said to have gone wrong in training."""

import numpy as np
import pytest

from braintools_qps._comparison.result import flags
from braintools_qps._comparison.runs import History


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

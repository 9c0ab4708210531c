"""What is said to have gone wrong in training."""

import numpy as np
import pytest

from braintools_qps._comparison.result import flags, noise_of_accuracy
from braintools_qps._comparison.runs import History


def run(score, rate=(0.1, 0.1), loss=1.0):
    return History(np.full(len(score), loss), np.array(score), np.array(rate))


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (run([0.1, 0.62, 0.6]), []),
        (run([0.1, 0.62, 0.39]), ["collapse"]),  # 0.23 of the 0.52 that were learnt
        (run([0.1, 0.16, 0.12]), []),  # noise of what has learnt nothing
        (run([0.1, np.nan]), ["nan"]),
        (run([0.1, 0.2], loss=np.inf), ["nan"]),
        (run([0.1, 0.9], rate=(0.2, 1e-5)), ["silent"]),
    ],
)
def test_flags_count_runs(curves, expected):
    noise = noise_of_accuracy(225)  # three standard errors of one half: 3 * 0.5 / 15
    assert noise == pytest.approx(0.1)
    assert flags([run([0.1, 0.9]), curves, curves], noise) == dict.fromkeys(expected, 2)


@pytest.mark.parametrize(
    ("score", "collapsed"),
    [
        ([-0.61, -0.62], False),  # the best epoch is the first: what was learnt in it is not known
        ([-0.61, -0.8], True),  # more than a quarter worse than then
        ([-1.0, -0.01, -0.02], False),  # twice as bad, of which next to nothing was lost
        ([-1.0, -0.01, -0.3], True),
    ],
)
def test_a_score_of_unknown_noise_collapses_by_its_size(score, collapsed):
    assert ("collapse" in flags([run(score)], noise=None)) is collapsed

"""What is said to have gone wrong in training."""

import numpy as np
import pytest

from braintools_qps._comparison.result import flags, noise_of_accuracy
from braintools_qps._comparison.run import Curves


def run(score, rate=(0.1, 0.1), loss=1.0):
    return Curves(np.full(len(score), loss), np.array(score), np.array(rate))


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (run([0.1, 0.62, 0.6]), {}),
        (run([0.1, 0.62, 0.39]), {"collapse": 1}),  # 0.23 of the 0.52 that were learnt
        (run([0.1, 0.16, 0.12]), {}),  # noise of what has learnt nothing
        (run([0.1, np.nan]), {"nan": 1}),
        (run([0.1, 0.2], loss=np.inf), {"nan": 1}),
        (run([0.1, 0.9], rate=(0.2, 0.8)), {"runaway": 1}),
        (run([0.1, 0.9], rate=(0.6, 0.7)), {}),  # it began like that
        (run([0.1, 0.9], rate=(0.96, 0.97)), {"runaway": 1}),  # within the first epoch
        (run([0.1, 0.9], rate=(0.2, 1e-5)), {"silent": 1}),
    ],
)
def test_flags(curves, expected):
    assert flags([curves], noise=0.1) == expected


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


def test_flags_count_seeds():
    sound, silent = run([0.1, 0.9]), run([0.1, 0.9], rate=(0.2, 0.0))
    assert flags([sound, silent, silent], noise=0.0) == {"silent": 2}


def test_noise_of_an_accuracy():
    # Three standard errors of a share of one half among 225: 3 * 0.5 / 15.
    assert noise_of_accuracy(225) == pytest.approx(0.1)

"""Which setting a seed chooses."""

import itertools
import math

import pytest

from braintools_qps.records import choose

RATES = (0.1, 0.03, 0.01)


@pytest.mark.parametrize(
    ("scores", "index"),
    [
        ((0.9, 0.8, 0.7), 0),
        ((0.9, 0.9, 0.7), 1),  # of equals, the middle of the range
        ((0.7, 0.9, 0.9), 1),
        ((0.9, 0.7, 0.9), 0),  # both are at an edge
        ((0.1, math.nan, math.nan), 0),
        ((math.nan,) * 3, 1),
    ],
)
def test_a_seed_chooses_the_highest_score_and_the_middle_among_equals(scores, index):
    assert choose([{"learning_rate": rate} for rate in RATES], scores) == index


def test_the_middle_is_that_of_all_names_but_not_of_a_dampening_that_follows():
    grid = [
        {"learning_rate": rate, "mean_slope": slope, "dampening": rate + slope, "neuron": "LIF"}
        for rate, slope in itertools.product(RATES, (0.05, 0.1, 0.2))
    ]
    assert choose(grid, [0.5] * 9) == 4
    assert choose(grid[1:], [0.5] * 8) == 3

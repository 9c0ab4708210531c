"""Which setting a seed chooses, and when a value beyond those tried may be better."""

import itertools
import math

import pytest

from braintools_qps.records import Trial, Tuning, choose

RATES = (0.1, 0.03, 0.01)


@pytest.mark.parametrize(
    ("scores", "index"),
    [
        ((0.9, 0.8, 0.7), 0),
        ((0.7, 0.8, 0.9), 2),
        ((0.9, 0.9, 0.7), 1),  # of equals, the middle of the range
        ((0.7, 0.9, 0.9), 1),
        ((0.9, 0.9, 0.9), 1),
        ((0.9, 0.7, 0.9), 0),  # both are at an edge
        ((math.nan, 0.1, math.nan), 1),
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


def tuning(*validation, values=RATES, name="learning_rate", chosen=0):
    trials = tuple(Trial({name: v}, tuple(scores)) for v, scores in zip(values, validation))
    return Tuning(trials, (chosen,) * len(validation[0]))


CLEAR, LOW, NOISY = (0.92, 0.93, 0.91, 0.92, 0.93), (0.9,) * 5, (0.99, 0.8, 0.97, 0.81, 0.96)


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (tuning(CLEAR, LOW, LOW), ("learning_rate",)),
        (tuning(LOW, LOW, CLEAR, chosen=2), ("learning_rate",)),
        (tuning(LOW, CLEAR, LOW, chosen=1), ()),  # not at an edge
        (tuning(CLEAR, CLEAR, LOW), ()),  # a tie
        (tuning(NOISY, LOW, LOW), ()),  # noise
        (tuning(CLEAR[:4], LOW[:4], LOW[:4]), ()),  # too few seeds to tell
        (tuning((math.nan,) * 5, LOW, LOW), ()),
        (tuning(CLEAR, LOW, values=(math.inf, 8.0), name="alpha"), ()),  # nothing lies beyond
        (tuning(CLEAR, LOW, values=(0, 0.1), name="weight_decay"), ()),
        (tuning(CLEAR, LOW, values=(1, 2), name="layers"), ()),
        (tuning(CLEAR, LOW, values=(1.0, 2.0), name="alpha"), ("alpha",)),
        (tuning(CLEAR, LOW, values=("LIF", "ALIF"), name="neuron"), ()),
        (tuning(CLEAR, values=(0.1,)), ()),
    ],
)
def test_an_edge_counts_where_it_is_better_than_the_next_value_beyond_noise(made, names):
    assert made.at_edge == names


@pytest.mark.parametrize(
    ("values", "chosen", "beyond"),
    [
        (RATES, 0, 0.3),
        (RATES, 2, 0.003),
        ((64, 128), 1, 256),
        ((1.0, 0.5, 0.25), 2, 0.125),
        ((0.1, 0.09), 0, 0.11),  # with one digit it would be 0.1 again
        ((0.012, 0.011), 1, 0.01),
        ((1, 1.5), 0, 0.7),  # as a whole number it would be 1 again
    ],
)
def test_the_next_value_is_as_far_as_the_one_before(values, chosen, beyond):
    scores = [CLEAR if n == chosen else LOW for n in range(len(values))]
    assert tuning(*scores, values=values, chosen=chosen).beyond("learning_rate") == beyond


def test_a_q_stays_above_1():
    assert tuning(CLEAR, LOW, values=(1.2, 2.0), name="q").beyond("q") == pytest.approx(1.04)

"""The search for a setting: what is in it, who stays, what it costs."""

import math

import numpy as np
import pytest

from braintools_qps._comparison.tuning import (
    DEFAULT_TUNE,
    at_edge,
    grid,
    rounds,
    search,
    searched,
    survivors,
    tuning_seeds,
)  # fmt: skip
from braintools_qps.records.comparison import Rung, Trial


def test_every_combination_is_in_the_search():
    assert len(grid(DEFAULT_TUNE)) == 20
    assert grid({"a": (1, 2), "b": ("x",)}) == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert grid(searched(None)) == grid({}) == [{}]
    assert searched({"a": [1, 2]}) == {"a": (1, 2)}


@pytest.mark.parametrize(
    ("tune", "error", "message"),
    [
        ({"dampening": 0.5}, TypeError, "a sequence of values for dampening, got 0.5"),
        ({"neuron": "LIF"}, TypeError, "a sequence of values for neuron, got 'LIF'"),
        ({"learning_rate": (0.1, math.nan)}, ValueError, "learning_rate must be finite.* got nan"),
        ({"alpha": (1, math.inf), "clip": (None, True)}, TypeError, "clip must be a number, got T"),
        (["dampening"], TypeError, "tune must be a mapping of names to values"),
    ],
)
def test_what_cannot_be_searched(tune, error, message):
    with pytest.raises(error, match=message):
        searched(tune)


def test_the_search_costs_five_percent_of_the_grid():
    # 20 settings for 2 epochs, 3 for 20: 100 epochs of runs, where the grid with the five seeds
    # that are reported has 20 settings for 20 epochs.
    assert rounds(20, 20) == [(20, 2), (3, 20)]
    assert (20 * 2 + 3 * 20) / (20 * 20 * 5) <= 0.05


def test_the_last_round_is_as_long_as_what_is_reported():
    assert rounds(40, 100) == [(40, 10), (6, 100)]
    assert rounds(4, 3) == [(4, 1), (3, 3)]
    assert rounds(3, 20) == [(3, 20)]  # too few to be thinned out by a short round
    assert rounds(1, 20) == []


def test_the_best_survive_and_what_diverged_comes_last():
    trials = [(1, (0.5, 0.7)), (2, (math.nan, 1.0)), (3, (0.9, 0.9)), (4, (0.6, 0.6))]
    rung = Rung(1, tuple(Trial({"x": name}, scores) for name, scores in trials))
    # Of 1 and 4, which have the same mean, the first named is before the other.
    assert [setting["x"] for setting in survivors(rung, 4)] == [3, 1, 4, 2]


def test_a_search_finds_the_best_of_a_smooth_landscape():
    tried = []

    def train(settings, epochs):
        tried.append((len(settings), epochs))
        score = lambda s: (
            -(np.log(s["learning_rate"] / 0.03) ** 2) - np.log(s["dampening"] * 4) ** 2
        )
        return [Trial(setting, (score(setting),)) for setting in settings]

    rungs = search(grid(DEFAULT_TUNE), 20, train)
    assert tried == rounds(20, 20)
    assert survivors(rungs[-1], 1) == [{"learning_rate": 0.03, "dampening": 0.25}]


def test_the_edge_of_what_was_searched():
    tune = {"learning_rate": (0.3, 0.1, 0.01), "neuron": ("LIF", "ALIF"), "dampening": (1.0,)}
    inside = {"learning_rate": 0.1, "neuron": "LIF", "dampening": 1.0}
    assert at_edge(inside, tune) == ()
    assert at_edge(inside | {"learning_rate": 0.3}, tune) == ("learning_rate",)
    assert at_edge(inside | {"learning_rate": 0.01}, tune) == ("learning_rate",)


def test_tuning_has_seeds_of_its_own():
    first, second = tuning_seeds(2, range(5))
    assert tuning_seeds(2, (first,)) == (second, second + 1)
    assert not {first, second} & set(range(5))


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_a_setting_is_tried_with_one_seed_or_more(count, error):
    with pytest.raises(error, match="tuning_runs must be"):
        tuning_seeds(count, (0,))

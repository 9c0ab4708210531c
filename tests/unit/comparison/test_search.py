"""The search for a setting: what is in it, who stays, what it costs."""

import math

import numpy as np
import pytest

from braintools_qps._comparison.search import (
    at_edge,
    finalists,
    grid,
    rounds,
    searched,
    tried,
    winner,
)  # fmt: skip
from braintools_qps._defaults import TUNE
from braintools_qps.records import Rung, Trial


def test_every_combination_is_in_the_search():
    assert len(grid(TUNE)) == 20
    assert grid({"a": (1, 2), "b": ("x",)}) == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert grid(searched(None)) == grid({}) == [{}]
    assert searched({"a": [1, 2], "b": np.array([0.5, 2.0])}) == {"a": (1, 2), "b": (0.5, 2.0)}


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


def test_what_the_search_of_the_default_settings_costs():
    # 20 settings for two epochs and 2 for 20, where six dampenings, five rates and three scales
    # for 20 epochs, as in the study, take 1800.
    assert rounds(20, 20) == [(20, 2), (2, 20)]
    assert (20 * 2 + 2 * 20) / 1800 <= 0.05


@pytest.mark.parametrize("alphas", [6, 7, 12, 24])
def test_a_large_search_costs_five_percent_of_its_grid(alphas):
    tune = {"alpha": tuple(range(1, alphas + 1))} | TUNE
    cost = sum(count * epochs for count, epochs in rounds(len(tried(tune)), 20))
    assert 0.045 <= cost / (len(grid(tune)) * 20) <= 0.05


def test_of_a_large_grid_a_sample_is_tried_at_all_learning_rates():
    tune = {"alpha": (0.5, 1, 2, 4, 16, math.inf)} | TUNE
    found = tried(tune)
    assert found == [setting for setting in grid(tune) if setting in found]  # in its order
    assert len(found) == 40
    assert len({(s["alpha"], s["dampening"]) for s in found}) == 10
    assert tried(tune) == found  # the same for each candidate


@pytest.mark.parametrize(
    "tune",
    [
        TUNE,
        {"alpha": (1, 2)} | TUNE,
        {"learning_rate": tuple(range(1, 80))},
        {"sizes": ([8], [8, 8])},  # any values: no order, no hash
        {},
    ],
)
def test_all_of_a_small_grid_is_tried(tune):
    assert tried(tune) == grid(tune)


def test_without_a_learning_rate_any_setting_may_be_in_the_sample():
    tune = {"alpha": tuple(range(1, 21)), "dampening": (1, 0.5, 0.25, 0.125)}
    found = tried(tune)
    assert len(found) == 40
    assert len({setting["alpha"] for setting in found}) > 10  # 2 settings in 4 of 20, at random


def test_the_last_round_is_as_long_as_what_is_reported():
    assert rounds(40, 100) == [(40, 10), (2, 100)]
    assert rounds(5, 4) == [(5, 2), (2, 4)]  # one epoch is too short to tell settings apart
    assert rounds(5, 3) == [(5, 3)]  # a short round would take longer than it saves
    assert rounds(20, 2) == [(20, 2)]
    assert rounds(4, 20) == [(4, 20)]  # too few to be thinned out by a short round
    assert rounds(1, 20) == []


def short_round(tune, *losses):
    """Of the settings in the order of the grid, a loss for each."""
    return Rung(1, tuple(Trial(s, (0.5,), (x,)) for s, x in zip(grid(tune), losses, strict=True)))


def test_a_fast_learning_rate_is_no_reason_to_keep_a_setting():
    tune = {"learning_rate": (0.1, 0.3), "dampening": (1.0, 0.5, 0.25)}
    rung = short_round(tune, *(2.0, 1.8, 1.5), *(1.0, 1.2, 1.1))
    # At a rate of 0.1 the dampenings get 0, 1 and 2 points, at 0.3 they get 2, 0 and 1: means of
    # 1, 0.5 and 1.5. Both rates of 0.25 go on, then the lower loss at a dampening of 1.
    kept = [(0.1, 0.25), (0.3, 1.0), (0.3, 0.25)]
    names = "learning_rate", "dampening"
    assert finalists(rung, 3) == [dict(zip(names, values)) for values in kept]
    assert finalists(rung, 2) == [dict(zip(names, values)) for values in (kept[0], kept[2])]


def kept_alphas(count, *losses):
    """Of three alphas at two learning rates, those of the settings that go on."""
    rung = short_round({"learning_rate": (0.1, 0.3), "alpha": (1, 2, 4)}, *losses)
    return [setting["alpha"] for setting in finalists(rung, count)]


def test_one_learning_rate_at_which_a_value_fails_does_not_outweigh_two():
    tune = {"learning_rate": (0.01, 0.1, 0.3), "alpha": (1, 2)}
    rung = short_round(tune, 2.9, 3.0, 1.9, 2.0, 9.0, 1.0)
    # Over all pairs alpha 2 would be ahead, 9 points to 6.
    assert [setting["alpha"] for setting in finalists(rung, 3)] == [1, 1, 1]


def test_where_two_values_tie_the_first_goes_on_at_all_learning_rates():
    # 2, 1 and 0 points, then 1, 2 and 0. By losses, 0.8 and 0.9, no rate of 0.1 would go on.
    assert kept_alphas(2, 1.0, 2.0, 3.0, 0.9, 0.8, 1.0) == [1, 1]


def test_an_equal_loss_is_half_a_point():
    # 0, 1.5 and 1.5 points, then 2, 0 and 1.
    assert kept_alphas(2, 2.0, 1.0, 1.0, 1.0, 3.0, 2.0) == [4, 4]


@pytest.mark.parametrize("diverged", [math.nan, math.inf])
def test_to_diverge_is_to_lose_no_more_and_no_less(diverged):
    # 1, 0 and 2 points, then 1, 2 and 0.
    assert kept_alphas(2, 2.0, diverged, 1.0, 2.0, 1.0, 3.0) == [1, 1]
    assert kept_alphas(2, 2.0, diverged, 1.0, 2.0, 2.5, 1.0) == [4, 4]
    assert len(kept_alphas(3, *[diverged] * 6)) == 3


def test_without_a_learning_rate_or_with_nothing_else_the_lowest_losses_go_on():
    models = {"neuron": ("LIF", "ALIF"), "sizes": ([8], [8, 8])}  # any values: no order, no hash
    kept = [{"neuron": "LIF", "sizes": [8, 8]}, {"neuron": "ALIF", "sizes": [8]}]
    assert finalists(short_round(models, 3.0, 1.0, 0.5, 2.0), 2) == kept
    rates = {"learning_rate": (0.1, 0.03, 0.3)}
    kept = [{"learning_rate": 0.1}, {"learning_rate": 0.3}]
    assert finalists(short_round(rates, 2.0, 3.0, 1.0), 2) == kept


def test_losses_are_means_over_tuning_seeds():
    losses = {0.5: (1.0, 4.0), 1.0: (2.0, 2.0), 2.0: (0.0, math.nan)}
    rung = Rung(1, tuple(Trial({"scale": s}, (0.5, 0.5), two) for s, two in losses.items()))
    assert finalists(rung, 1) == [{"scale": 1.0}]


def test_the_winner_has_the_highest_mean_score_and_is_the_first_of_equals():
    trials = [(1, (0.5, 0.75)), (2, (math.nan, 1.0)), (3, (0.875, 0.875)), (4, (0.75, 1.0))]
    assert winner(Rung(1, tuple(Trial({"x": x}, scores) for x, scores in trials))) == {"x": 3}
    assert winner(Rung(1, (Trial({"x": 2}, (math.nan,)), Trial({"x": 5}, (-1e9,))))) == {"x": 5}


def test_the_edge_of_what_was_searched():
    tune = {"learning_rate": (0.3, 0.1, 0.01), "neuron": ("LIF", "ALIF"), "dampening": (1.0,)}
    inside = {"learning_rate": 0.1, "neuron": "LIF", "dampening": 1.0}
    assert at_edge(inside, tune) == ()
    assert at_edge(inside | {"learning_rate": 0.3}, tune) == ("learning_rate",)
    assert at_edge(inside | {"learning_rate": 0.01}, tune) == ("learning_rate",)

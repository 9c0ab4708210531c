"""What is tuned: all settings, and which of them each seed chooses."""

import math

import numpy as np
import pytest

from braintools_qps._comparison.search import Plan, at_edge, searched


def test_every_combination_of_the_values_is_a_setting():
    settings = Plan({"a": (1, 2), "b": ("x",)}, seeds=(0, 1, 2), epochs=4).settings
    assert settings == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert Plan({"a": (1, 2)}, seeds=(0, 1, 2), epochs=4).runs == 6
    assert Plan(searched(None), seeds=(0,), epochs=4).settings == [{}]
    assert searched({"a": [1, 2], "b": np.array([0.5, 2.0])}) == {"a": (1, 2), "b": (0.5, 2.0)}


@pytest.mark.parametrize(
    ("tune", "error", "message"),
    [
        ({"dampening": 0.5}, TypeError, "a sequence of values for dampening, got 0.5"),
        ({"neuron": "LIF"}, TypeError, "a sequence of values for neuron, got 'LIF'"),
        ({"learning_rate": (0.1, math.nan)}, ValueError, "learning_rate must be finite.* got nan"),
        ({"mean_slope": (0.0,)}, ValueError, "mean_slope must be finite and above 0, got 0.0"),
        ({"alpha": (1, math.inf), "clip": (None, True)}, TypeError, "clip must be a number, got T"),
        (["dampening"], TypeError, "tune must be a mapping of names to values"),
    ],
)
def test_values_that_cannot_be_tried_are_refused(tune, error, message):
    with pytest.raises(error, match=message):
        searched(tune)


def test_the_edge_of_what_was_searched():
    tune = {"learning_rate": (0.3, 0.1, 0.01), "neuron": ("LIF", "ALIF"), "dampening": (1.0,)}
    inside = {"learning_rate": 0.1, "neuron": "LIF", "dampening": 1.0}
    assert at_edge(inside, tune) == ()
    assert at_edge(inside | {"learning_rate": 0.3}, tune) == ("learning_rate",)
    assert at_edge(inside | {"learning_rate": 0.01}, tune) == ("learning_rate",)

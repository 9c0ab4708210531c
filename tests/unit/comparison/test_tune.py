"""What is tuned: all settings, and which of their values are at an edge."""

import dataclasses

import numpy as np
from small_comparison import SMALL, X, Y

from braintools_qps import load_task
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.run import Experiment
from braintools_qps._comparison.search import at_edge
from braintools_qps._comparison.tune import tuned


def test_every_combination_of_the_values_is_a_setting():
    task = load_task((X, Y))
    untuned = Experiment(Factory(SMALL), task, objective(task), None, 8, 0.1, seeds=(0, 1, 2))
    tune = tuned({"hidden": [8, 6], "alpha": np.array([0.5, 2.0])}, SMALL, None)
    experiment = dataclasses.replace(untuned, tune=tune)
    assert experiment.settings == [
        {"hidden": hidden, "alpha": alpha} for hidden in (8, 6) for alpha in (0.5, 2.0)
    ]
    assert experiment.runs == 12
    assert untuned.settings == [{}]
    assert tuned(None, SMALL, None) == {}


def test_the_edge_of_what_was_searched():
    tune = {"learning_rate": (0.3, 0.1, 0.01), "neuron": ("LIF", "ALIF"), "dampening": (1.0,)}
    inside = {"learning_rate": 0.1, "neuron": "LIF", "dampening": 1.0}
    assert at_edge(inside, tune) == ()
    assert at_edge(inside | {"learning_rate": 0.3}, tune) == ("learning_rate",)
    assert at_edge(inside | {"learning_rate": 0.01}, tune) == ("learning_rate",)

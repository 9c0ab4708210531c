"""What is tuned: all settings, each value once, whatever their order."""

import dataclasses

import numpy as np
from small_comparison import SMALL, X, Y

from braintools_qps import load_task
from braintools_qps._comparison.experiment import Experiment
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.tune import tuned


def test_every_combination_of_the_values_is_a_setting():
    task = load_task((X, Y))
    untuned = Experiment(Factory(SMALL), task, objective(task), None, 8, 0.1)
    tune = tuned({"hidden": [8, 6], "alpha": np.array([0.5, 2.0])}, SMALL, None)
    experiment = dataclasses.replace(untuned, tune=tune)
    assert experiment.settings == [
        {"hidden": hidden, "alpha": alpha} for hidden in (8, 6) for alpha in (0.5, 2.0)
    ]
    assert untuned.settings == [{}]
    assert tuned(None, SMALL, None) == {}

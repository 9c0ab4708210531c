"""A comparison as small as can be: which of two features is on, 8 neurons, 5 steps."""

import dataclasses
from functools import partial

import numpy as np

from braintools_qps._comparison import RecurrentNetwork

rng = np.random.default_rng(0)
Y = np.arange(80) % 2
X = 0.2 * rng.standard_normal((80, 5, 2))
X[np.arange(80), :, Y] += 1

SMALL = partial(RecurrentNetwork, hidden=8)
OPTIONS = {"task": (X, Y), "model": SMALL, "epochs": 2, "seeds": [0, 4], "tune": None}


def without_times(comparison):
    """Results without what depends on how fast, and where, they were trained."""
    return [
        dataclasses.replace(
            result,
            cost=None,
            workers=(),
        )
        for result in comparison.results
    ]


def press_ctrl_c_at(epoch):
    """A callback, once all runs together have had so many epochs."""

    def press(event):
        if event.epochs_done >= epoch and event.result is None:
            raise KeyboardInterrupt

    return press

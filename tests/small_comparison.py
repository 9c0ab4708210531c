"""A comparison as small as can be: which of two features is on, 8 neurons, 5 steps."""

import dataclasses
from functools import partial

import numpy as np

from braintools_qps import compare
from braintools_qps._comparison import RecurrentNetwork

rng = np.random.default_rng(0)
Y = np.arange(80) % 2
X = 0.2 * rng.standard_normal((80, 5, 2))
X[np.arange(80), :, Y] += 1

SMALL = partial(RecurrentNetwork, hidden=8)
OPTIONS = {"task": (X, Y), "model": SMALL, "epochs": 2, "seeds": [0, 4], "tune": None}
NAMES = ["Sigmoid", "QPseudoSpike(alpha=2)"]
TUNED = OPTIONS | {"seeds": [4], "tune": {"learning_rate": (0.1, 0.03)}, "progress": False}


def without_times(comparison):
    """Results without what depends on how fast, and where, they were trained."""
    return [dataclasses.replace(r, cost=None, workers=()) for r in comparison.results]


def press_ctrl_c_at(epoch):
    """A callback, once all runs together have had so many epochs."""

    def press(event):
        if event.epochs_done >= epoch and event.result is None:
            raise KeyboardInterrupt

    return press


def trained(surrogates=NAMES[:1], callback=lambda event: None, **options):
    """A comparison, and how many runs it has trained."""
    events = []

    def watch(event):
        events.append(event)
        callback(event)

    comparison = compare(surrogates, callback=watch, **TUNED | options)
    return comparison, events[-1].runs


def files(out):
    """Names of the files of runs."""
    return sorted(path.name for path in (out / "runs").iterdir())

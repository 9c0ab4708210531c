"""A comparison as small as can be: which of two features is on, 8 neurons, 5 steps."""

import dataclasses
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

from braintools_qps import compare
from braintools_qps._comparison import RecurrentNetwork
from braintools_qps._comparison.progress import Progress

rng = np.random.default_rng(0)
Y = np.arange(80) % 2
X = 0.2 * rng.standard_normal((80, 5, 2))
X[np.arange(80), :, Y] += 1

SMALL = partial(RecurrentNetwork, hidden=8)
OPTIONS = {"task": (X, Y), "model": SMALL, "epochs": 2, "seeds": [0, 4], "tune": None}
NAMES = ["Sigmoid", "QPseudoSpike(alpha=2)"]
TUNED = OPTIONS | {"seeds": [4], "tune": {"learning_rate": (0.1, 0.03)}, "progress": False}


def without_times(comparison):
    """Results without what depends on how fast they were trained."""
    return [dataclasses.replace(r, cost=None) for r in comparison.results]


def assert_same(results, expected):
    """Results with equal settings, and scores and curves within rounding."""
    for one, other in zip(results, expected, strict=True):
        assert one.setting == other.setting
        np.testing.assert_allclose(one.scores.test, other.scores.test, rtol=1e-5)
        np.testing.assert_allclose(one.curves.loss, other.curves.loss, rtol=1e-5)
        np.testing.assert_allclose(one.curves.validation, other.curves.validation, rtol=1e-5)


def press_ctrl_c_at(epoch):
    """What to do as epochs are counted: end once all runs together have had so many."""

    def press(progress):
        if progress.epochs_done >= epoch:
            raise KeyboardInterrupt

    return press


@contextmanager
def counted(on_epochs=lambda progress: None):
    """The `Progress` of comparisons in a list, each of which ``on_epochs`` gets as it counts."""
    seen, begin, advance = [], Progress.begin, Progress.advance

    def watched_begin(self, runs):
        seen.append(self)
        begin(self, runs)

    def watched_advance(self, *epochs):
        advance(self, *epochs)
        on_epochs(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "begin", watched_begin)
        patch.setattr(Progress, "advance", watched_advance)
        yield seen


def trained(surrogates=NAMES[:1], on_epochs=lambda progress: None, **options):
    """A comparison, and how many runs it has trained."""
    with counted(on_epochs) as seen:
        comparison = compare(surrogates, **TUNED | options)
    return comparison, seen[-1].runs


def files(out):
    """Names of the files of runs."""
    return sorted(path.name for path in (out / "runs").iterdir())

"""What the search of `compare` loses where it has the tail to find as well, in a large grid."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from braintools_qps._comparison.search import Setting, finalists, rounds, tried, winner
from braintools_qps._comparison.search import grid as combinations
from braintools_qps._defaults import TUNE as DEFAULT_TUNE
from braintools_qps.records import Rung, Trial

from . import picks
from .data import Problem
from .design import EPOCHS, JOINT, SHORT, SPREAD
from .intervals import Effect, over_both
from .store import Store

TUNE = {"candidate": SPREAD, **DEFAULT_TUNE}
SETTINGS, TRIED = len(combinations(TUNE)), len(tried(TUNE))
SAMPLES = 50  # of the grid, each of which is searched


class Lost(NamedTuple):
    """Over samples and tuning seeds, in points."""

    mean: Effect
    high: float  # 90th percentile
    unsampled: float  # where the short round has the whole grid
    anew: bool  # whether settings are tested in a training other than the one that chose


class Known(NamedTuple):
    """What came of each candidate's settings with one tuning seed."""

    ended: dict[str, picks.Known]
    test: dict[str, dict[tuple[float, float], float]]  # percent

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        wanted = {picks.place(one) for one in combinations(DEFAULT_TUNE)}
        return all(
            wanted <= of_one.get(epochs, {}).keys()
            for of_one in self.ended.values()
            for epochs in (SHORT, EPOCHS)
        )

    def train(self, settings: list[Setting], epochs: int) -> list[Trial]:
        """What `search` takes for training."""
        ends = [self.ended[one["candidate"]][epochs][picks.place(one)] for one in settings]
        return [Trial(one, (end.validation,), (end.loss,)) for one, end in zip(settings, ends)]

    def tested(self, setting: Setting) -> float:
        """Percent of the test samples."""
        return self.test[setting["candidate"]][picks.place(setting)]


def cost() -> float:
    """Epochs of the search, as a share of those of the grid."""
    planned = rounds(TRIED, EPOCHS)
    return sum(count * epochs for count, epochs in planned) / (SETTINGS * EPOCHS)


@cache
def lost(store: Store) -> dict[str, Lost]:
    """By problem, where all trainings are there; of a store to which nothing is added."""
    found = {(problem := Problem(*one)).label: _of(store, problem) for one in JOINT}
    return {label: one for label, one in found.items() if one is not None}


def _of(store: Store, problem: Problem) -> Lost | None:
    """Test accuracy at the grid's best by validation, less that at the choice of the search.

    Both are chosen with one tuning seed and tested in a training with the other; where only one was
    trained, in the training that chose.
    """
    found = [_known(store, problem, seed) for seed in (0, 1)]
    whole = [one for one in found if one.is_whole]
    if not whole:
        return None
    every = np.array([losses(one, other) for one, other in zip(whole, reversed(whole))])
    sampled, unsampled = every[:, :-1], float(every[:, -1].mean())
    high = float(np.percentile(sampled, 90))
    return Lost(over_both([*sampled]), high, unsampled, len(whole) == len(found))


def _known(store: Store, problem: Problem, seed: int) -> Known:
    names = problem.task, problem.network
    ended = {c: picks.ended(store, names[0], c, names[1], seed) for c in SPREAD}
    tables = {c: picks.table(store, names[0], c, names[1], seed) for c in SPREAD}
    return Known(
        ended,
        {
            c: {
                picks.place(one.setting): 100 * one.test
                for one in rows
                if one.setting["scale"] == 1
            }
            for c, rows in tables.items()
        },
    )


def losses(tuned: Known, other: Known) -> np.ndarray:
    """Points lost by sample, and last without one: chosen by one training, tested in the other."""
    every = combinations(TUNE)
    best = other.tested(winner(Rung(EPOCHS, tuple(tuned.train(every, EPOCHS)))))
    samples = [*(tried(TUNE, seed) for seed in range(SAMPLES)), every]
    chosen = (winner(search(sample, tuned)) for sample in samples)
    return np.array([best - other.tested(one) for one in chosen])


def search(settings: list[Setting], tuned: Known) -> Rung:
    """The last round of the search of `compare`."""
    rung = None
    for count, epochs in rounds(len(settings), EPOCHS):
        alive = settings if rung is None else finalists(rung, count)
        rung = Rung(epochs, tuple(tuned.train(alive, epochs)))
    assert rung is not None
    return rung

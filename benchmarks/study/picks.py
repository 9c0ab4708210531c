"""Settings that are chosen from what was trained, by validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from braintools_qps._comparison.tuning import DEFAULT_TUNE, rounds, survivors
from braintools_qps._comparison.tuning import grid as combinations
from braintools_qps.records.comparison import Rung, Trial

from .design import EPOCHS, LAYER, TUNING_SEEDS, Cell, grids, shorts
from .store import Store

Setting = dict[str, float]

# Of settings that do alike the first wins, as in `compare`.
ORDER: dict[str, tuple[float, ...]] = {
    "scale": (1.0, 0.5, 2.0),
    "dampening": (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 2.0),
    "learning_rate": (0.1, 0.03, 0.3, 0.01, 1.0),
}
AS_IT_IS: Setting = {"scale": 1.0, "dampening": 1.0, "learning_rate": 0.1}
FREEDOMS = {  # what a candidate has of its own; the rest is as it is
    "nothing": (),
    "learning rate": ("learning_rate",),
    "dampening": ("dampening",),
    "both": ("learning_rate", "dampening"),
    "all three": ("learning_rate", "dampening", "scale"),
}


SEARCHED = int(np.prod([len(values) for values in DEFAULT_TUNE.values()]))
NOW = rounds(SEARCHED, EPOCHS)
NO_FULL_ROUND = [(20, 2), (7, 4), (3, 8)]  # what `compare` did before, at about the same cost
ONE_EPOCH = [(20, 1), (3, 20)]  # cheaper; tried and lost
SCHEDULES = {"now": NOW, "before": NO_FULL_ROUND, "one epoch": ONE_EPOCH}


class Trained(NamedTuple):
    """A setting and what came of it with the tuning seed."""

    setting: Setting
    validation: float
    peak: float
    test: float
    firing_rate: float


def table(
    store: Store, task: str, candidate: str, network: str = LAYER, seed: int = 0
) -> list[Trained]:
    """Every setting of a candidate that has been trained in full, the preferred ones first."""
    wanted = task, network, candidate, (TUNING_SEEDS[seed],)
    found = {
        tuple(one.setting.items()): one
        for cell in grids()
        if (cell.task, cell.network, cell.candidate, cell.seeds) == wanted
        for one in _rows(cell, store.get(cell))
    }
    place = lambda one: [ORDER[name].index(one.setting[name]) for name in ORDER]
    return sorted(found.values(), key=place)


def _rows(cell: Cell, kept: dict[str, Any] | None) -> list[Trained]:
    if kept is None:
        return []
    columns = [np.ravel(kept[name]).tolist() for name in Trained._fields[1:]]
    return [Trained(setting, *row) for setting, row in zip(cell.runs, zip(*columns))]


def best(rows: list[Trained], free: tuple[str, ...] = tuple(ORDER)) -> Trained | None:
    """The highest validation score where only some names are free."""
    held = {name: value for name, value in AS_IT_IS.items() if name not in free}
    left = [one for one in rows if all(one.setting[n] == value for n, value in held.items())]
    return max(left, key=lambda one: one.validation) if left else None


def best_of_seeds(tables: Sequence[list[Trained]]) -> Trained | None:
    """The highest mean validation score over tuning seeds, of settings that all of them have."""
    first, *others = ({tuple(one.setting.items()): one for one in rows} for rows in tables)
    scores = {
        key: np.mean([one.validation, *(other[key].validation for other in others)])
        for key, one in first.items()
        if all(key in other for other in others)
    }
    return first[max(scores, key=lambda key: scores[key])] if scores else None


def short_scores(store: Store, task: str, candidate: str) -> dict[int, list[tuple[Setting, float]]]:
    """Validation scores of trainings by their epochs, those of full length among them."""
    found: dict[int, list[tuple[Setting, float]]] = {}
    for cell in shorts():
        kept = store.get(cell)
        if (cell.task, cell.candidate) == (task, candidate) and kept:
            found.setdefault(cell.epochs, []).extend(
                zip(cell.runs, np.ravel(kept["validation"]).tolist())
            )
    rows = table(store, task, candidate)
    found[EPOCHS] = [(one.setting, one.validation) for one in rows]
    return found


def searched(
    scores: dict[int, list[tuple[Setting, float]]], schedule: Sequence[tuple[int, int]] = NOW
) -> Setting | None:
    """What the search of `compare` chooses, replayed; None where a training is missing.

    A schedule says how many settings are in each round, and for how many epochs.
    """
    known = {
        (epochs, one["dampening"], one["learning_rate"]): score
        for epochs, of_length in scores.items()
        for one, score in of_length
        if one["scale"] == 1
    }
    alive = combinations(DEFAULT_TUNE)
    for count, epochs in schedule:
        alive = alive[:count]
        keys = [(epochs, one["dampening"], one["learning_rate"]) for one in alive]
        if any(key not in known for key in keys):
            return None
        trials = tuple(Trial(s, (known[key],)) for s, key in zip(alive, keys))
        alive = survivors(Rung(epochs, trials), len(alive))
    return AS_IT_IS | alive[0]

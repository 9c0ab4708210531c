"""Settings that are chosen from what was trained, by validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from braintools_qps._comparison.search import finalists, rounds, winner
from braintools_qps._comparison.search import grid as combinations
from braintools_qps._defaults import TUNE as DEFAULT_TUNE
from braintools_qps.records import Rung, Trial

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


class Search(NamedTuple):
    """How many settings are in each round, for how many epochs, and which go on to the next."""

    rounds: tuple[tuple[int, int], ...]
    keep: Callable[[Rung, int], list[Setting]]


def highest(rung: Rung, count: int) -> list[Setting]:
    """Those with the highest scores, as in plain successive halving."""
    ordered = sorted(rung.trials, key=lambda trial: -trial.scores[0])
    return [dict(trial.setting) for trial in ordered[:count]]


SEARCHED = int(np.prod([len(values) for values in DEFAULT_TUNE.values()]))
NOW = Search(tuple(rounds(SEARCHED, EPOCHS)), finalists)
BY_ACCURACY = Search(((SEARCHED, 2), (3, EPOCHS)), highest)  # plain halving
SEARCHES: Mapping[str, Search] = {"now": NOW, "by accuracy": BY_ACCURACY}


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
    cells = _full_cells().get((task, network, candidate, (TUNING_SEEDS[seed],)), [])
    found = {
        tuple(one.setting.items()): one for cell in cells for one in _rows(cell, store.get(cell))
    }
    order = lambda one: [ORDER[name].index(one.setting[name]) for name in ORDER]
    return sorted(found.values(), key=order)


@cache
def _full_cells() -> Mapping[tuple[Any, ...], list[Cell]]:
    """All of the grids by task, network, candidate and seeds."""
    found: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in grids():
        found.setdefault((cell.task, cell.network, cell.candidate, cell.seeds), []).append(cell)
    return found


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


def best_setting(rows: list[Trained]) -> Setting | None:
    """That of the highest validation score."""
    found = best(rows)
    return None if found is None else found.setting


def best_of_seeds(tables: Sequence[list[Trained]]) -> Trained | None:
    """The highest mean validation score over tuning seeds, of settings that all of them have."""
    first, *others = ({tuple(one.setting.items()): one for one in rows} for rows in tables)
    scores = {
        key: np.mean([one.validation, *(other[key].validation for other in others)])
        for key, one in first.items()
        if all(key in other for other in others)
    }
    return first[max(scores, key=lambda key: scores[key])] if scores else None


class Ended(NamedTuple):
    """How a training ended, with the tuning seed."""

    validation: float
    loss: float = math.nan  # in training; not kept where the length is full


Known = Mapping[int, Mapping[tuple[float, float], Ended]]


def ended(store: Store, task: str, candidate: str, network: str = LAYER, seed: int = 0) -> Known:
    """By epochs, and by dampening and learning rate at a scale of 1."""
    found: dict[int, dict[tuple[float, float], Ended]] = {}
    wanted = task, candidate, network, (TUNING_SEEDS[seed],)
    for cell in shorts():
        kept = store.get(cell)
        if (cell.task, cell.candidate, cell.network, cell.seeds) == wanted and kept:
            columns = [np.ravel(kept[name]).tolist() for name in Ended._fields]
            ends = [Ended(*row) for row in zip(*columns)]
            found.setdefault(cell.epochs, {}).update(zip(map(place, cell.runs), ends))
    rows = table(store, task, candidate, network, seed)
    rows = [one for one in rows if one.setting["scale"] == 1]
    found[EPOCHS] = {place(one.setting): Ended(one.validation) for one in rows}
    return found


def searched(known: Known, search: Search = NOW) -> Setting | None:
    """What a search chooses, replayed; None where a training is missing."""
    alive = combinations(DEFAULT_TUNE)
    rung: Rung | None = None
    for count, epochs in search.rounds:
        alive = alive if rung is None else search.keep(rung, count)
        ends = [known.get(epochs, {}).get(place(setting)) for setting in alive]
        if any(end is None for end in ends):
            return None
        trials = [Trial(s, (end.validation,), (end.loss,)) for s, end in zip(alive, ends) if end]
        rung = Rung(epochs, tuple(trials))
    return None if rung is None else AS_IT_IS | winner(rung)


def place(setting: Mapping[str, float]) -> tuple[float, float]:
    """What tells settings of one candidate and scale apart."""
    return setting["dampening"], setting["learning_rate"]

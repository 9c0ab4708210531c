"""The outcome of a run, and what a file keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .model import Values
from .packing import Saved, as_tree, from_tree
from .run import Curves, Tested


class Outcome(NamedTuple):
    """One run: its curves by epoch, its scores, its time and memory, and the trained weights."""

    curves: Curves
    tested: Tested
    best_epoch: int
    seconds: float  # per epoch: an equal share of the time of runs that train together
    bytes: int | None  # of the program that trains some runs at once
    one_by_one: str | None  # why the model could not be vmapped
    worker: Mapping[str, Any]  # where it was trained
    weights: Values  # after the last epoch, and all other states that outlive a batch


def saved(outcome: Outcome) -> Saved:
    """An outcome as a file keeps it."""
    arrays = {name: np.asarray(curve) for name, curve in outcome.curves._asdict().items()}
    about = outcome._asdict() | {
        "tested": {name: float(number) for name, number in outcome.tested._asdict().items()},
        "weights": as_tree(outcome.weights, arrays),
    }
    del about["curves"]
    return Saved(about, arrays)


def outcome_of(run: Saved) -> Outcome:
    """The inverse of `saved`, without the weights."""
    fields = {name: run.about[name] for name in Outcome._fields[2:-1]}
    curves: Any = (run.arrays[name] for name in Curves._fields)
    return Outcome(Curves(*curves), Tested(**run.about["tested"]), **fields, weights={})


def weights_of(run: Saved) -> Values:
    """The trained weights in a file: values of states by their paths in the model."""
    return from_tree(run.about["weights"], run.arrays)

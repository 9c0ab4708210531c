"""Runs on disk: each is one file under its key, whole or absent, and so is the checkpoint of one
in training.

Nothing is locked: processes that share a folder write the same facts, and each file is replaced in
one step. A file holds its key. One that is damaged, or of another key or form, counts as absent.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from jax import Array

from .._files import TEMPORARY, write_file
from ..records import Scores
from .packing import NamedArrays, Saved, as_tree, from_tree, packed, unpacked
from .typing import Plain, Values

Tested: TypeAlias = dict[str, Any]  # numbers on the test part, named as in `Scores`
MEASURED = {field.name for field in dataclasses.fields(Scores)} - {"validation"}
FOLDER = "runs"
CHECKPOINT = ".state"  # ends the name of its file
PROBE_BYTES = 1 << 16
SECONDS_TO_WRITE = 3600.0  # a file, at most
SECONDS_BETWEEN = 10.0  # the checkpoints of a run in training
MOST_OF_THE_TIME = 0.01  # goes into writing them

Form = TypeVar("Form")


class History(NamedTuple):
    """Numbers by epoch; NaN for those that are still to come."""

    loss: Array  # mean over the batches
    score: Array  # on the validation part; NaN once outputs are not finite
    firing_rate: Array  # spikes per neuron and step, there


class Outcome(NamedTuple):
    """One run: its history, its scores, its time and memory, and the trained weights."""

    history: History
    tested: Tested
    seconds: float  # per epoch: an equal share of the time of runs that train together
    bytes: int | None  # of the program that trains some runs at once
    machine: str  # numbers are rounded alike on the same machine with the same width
    width: int  # how many runs the program trained at once
    weights: Values  # after the last epoch, and all other states that outlive a batch
    call: str = ""  # names the call of `compare` that trained it
    notes: Sequence[str] = ()  # on its model


class Runs:
    """Finished runs and checkpoints of those in training, in a directory; without one, in memory.

    A full disk costs no results: what it does not take is kept in memory, and one warning says so.
    """

    def __init__(self, directory: str | os.PathLike | None = None) -> None:
        self.directory = None if directory is None else Path(directory).absolute()
        self._memory: dict[str, bytes] = {}
        self._is_full = False
        self._written, self._cost = time.monotonic(), 0.0

    def make_directory(self) -> None:
        """Make the directory, and remove what processes left there that were killed while writing.

        Raises
        ------
        OSError
            If it cannot be written to.
        """
        if self.directory is not None:
            probe = self.directory / FOLDER / f".{secrets.token_hex(4)}"
            probe.parent.mkdir(parents=True, exist_ok=True)
            try:
                probe.write_bytes(bytes(PROBE_BYTES))  # a full disk still takes an empty file
            finally:
                probe.unlink(missing_ok=True)
            for path in probe.parent.glob(TEMPORARY):
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > SECONDS_TO_WRITE:
                        path.unlink()

    def outcome(self, key: str) -> Outcome | None:
        """The outcome of a run that has finished; None if there is none."""
        return self._read(key, _outcome)

    def checkpoint(self, key: str) -> Saved | None:
        """The checkpoint of a run in training; None if there is none."""
        has_its_fields = lambda saved: saved if "epochs" in saved.about else None
        return self._read(key + CHECKPOINT, has_its_fields)

    def _read(self, name: str, form: Callable[[Saved], Form | None]) -> Form | None:
        """What a file holds; None if it cannot be read as what its name says."""
        with suppress(Exception):  # whatever it is that another program wrote
            content = self._memory.get(name)
            if content is None and self.directory is not None:
                content = (self.directory / FOLDER / name).read_bytes()
            saved = None if content is None else unpacked(content)
            return form(saved) if saved and saved.about["name"] == name else None
        return None

    def keep(self, key: str, outcome: Outcome) -> None:
        """Keep a run; its checkpoint is no longer needed."""
        arrays = {name: np.asarray(curve) for name, curve in outcome.history._asdict().items()}
        fields = outcome._asdict() | {
            "tested": {name: float(number) for name, number in outcome.tested.items()},
            "weights": as_tree(outcome.weights, arrays),
        }
        del fields["history"]
        self._write(key, {"outcome": fields}, arrays)
        self.forget(key)

    def forget(self, key: str) -> None:
        """Remove the checkpoint of a run."""
        if self.directory is not None:
            with suppress(OSError):
                (self.directory / FOLDER / f"{key}{CHECKPOINT}").unlink(missing_ok=True)

    def is_due(self) -> bool:
        """Whether enough time has passed since checkpoints were written, or since the start."""
        if self.directory is None:
            return False
        since = time.monotonic() - self._written
        return since >= max(SECONDS_BETWEEN, self._cost / MOST_OF_THE_TIME)

    def write_checkpoints(self, checkpoints: Mapping[str, Saved]) -> None:
        """Keep the checkpoints of runs in training, by their keys."""
        start = time.monotonic()
        for key, checkpoint in checkpoints.items():
            self._write(key + CHECKPOINT, *checkpoint)
        self._written = time.monotonic()
        self._cost = self._written - start

    def write_beside(self, name: str, text: str) -> None:
        """Write a file into the directory, beside the folder of the runs."""
        if self.directory is not None:
            self._put(self.directory / name, text.encode())

    def _write(self, name: str, about: Plain, arrays: NamedArrays) -> None:
        content = packed({"name": name, **about}, arrays)
        is_kept = self.directory is not None and self._put(self.directory / FOLDER / name, content)
        if not is_kept and not name.endswith(CHECKPOINT):
            self._memory[name] = content

    def _put(self, path: Path, content: bytes) -> bool:
        """Write a file and return True, or warn once that it cannot be written."""
        try:
            write_file(path, content)
            return True
        except OSError as error:
            if not self._is_full:
                warnings.warn(
                    f"{path} could not be written ({error}). Training goes on. Files that cannot "
                    "be written are in the Comparison alone: write its to_json() elsewhere",
                    stacklevel=4,
                )
            self._is_full = True
            return False


def _outcome(saved: Saved) -> Outcome:
    """The outcome in a file, if it has its fields and no others."""
    fields, arrays = dict(saved.about["outcome"]), saved.arrays
    curves: Any = {name: arrays[name] for name in History._fields}
    history, tested = History(**curves), fields.pop("tested")
    if tested.keys() != MEASURED:
        raise ValueError("kept by a version that measured other numbers")
    if {curve.ndim for curve in history} != {1} or len({*map(len, history)}) != 1:
        raise ValueError("curves of another form")
    return Outcome(history, tested, weights=from_tree(fields.pop("weights"), arrays), **fields)

"""Runs on disk: each is one file under its key, whole or absent, and so is the checkpoint of one
in training.

Nothing is locked: processes that share a folder write the same facts, and each file is replaced in
one step. A file holds its key. One that is damaged, or of another key or form, counts as absent.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
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
# Names of files: of the key, and of the probe, which those of earlier versions lack
RUN = re.compile("[0-9a-f]{40}(-[0-9a-f]{8})?")
PROBED = "first loss", "first score", "norm of the first gradient", "norm of the first update"
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
    weights: Values  # after the last epoch, and all other states that outlive a batch
    name: str = ""  # of its file
    about: Plain = MappingProxyType({})  # what its key is made of
    probe: Sequence[float] = ()  # numbers of the first batch, those that are `PROBED`
    machine: str = ""  # that computed the probe
    notes: Sequence[str] = ()  # on its model


class Runs:
    """Finished runs and checkpoints of those in training, in a directory, if there is one.

    A full disk costs no results: there is one warning.
    """

    def __init__(self, directory: str | os.PathLike | None = None) -> None:
        self.place = "" if directory is None else str(directory)
        self.directory = None if directory is None else Path(directory).expanduser().absolute()
        self._folder = None if self.directory is None else self.directory / FOLDER
        self._is_full = False
        self._written, self._cost = time.monotonic(), 0.0

    def make_directory(self) -> None:
        """Make the directory, and remove what processes left there that were killed while writing.

        Raises
        ------
        OSError
            If it cannot be written to.
        """
        if self._folder is not None:
            probe = self._folder / f".{secrets.token_hex(4)}"
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                probe.write_bytes(bytes(PROBE_BYTES))  # a full disk still takes an empty file
            except OSError as error:
                raise _with_path(error, self._folder) from error
            finally:
                with suppress(OSError):
                    probe.unlink(missing_ok=True)
            for path in self._folder.glob(TEMPORARY):
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > SECONDS_TO_WRITE:
                        path.unlink()

    def names(self) -> list[str]:
        """Names of the files of runs that have finished, which may be damaged."""
        if self._folder is not None:
            with suppress(FileNotFoundError, NotADirectoryError):
                return sorted(filter(RUN.fullmatch, os.listdir(self._folder)))
        return []

    def about(self, name: str) -> Plain | None:
        """What the key of a run is made of; None if the file does not say it."""
        return self._read(name, lambda saved: saved.about["outcome"]["about"], ())

    def outcome(self, name: str) -> Outcome | None:
        """The outcome of a run that has finished; None if there is none."""
        return self._read(name, _outcome)

    def checkpoint(self, key: str) -> Saved | None:
        """The checkpoint of a run in training; None if there is none."""
        return self._read(key + CHECKPOINT, lambda saved: saved)

    def has_checkpoint(self, key: str) -> bool:
        """Whether a run in training has a checkpoint that can be read."""
        return self._read(key + CHECKPOINT, lambda saved: True, ()) is not None

    def _read(
        self,
        name: str,
        form: Callable[[Saved], Form | None],
        arrays: Sequence[str] | None = None,
    ) -> Form | None:
        """What a file holds; None if it cannot be read as what its name says.

        Of the arrays, those that are named, or all.
        """
        if self._folder is not None:
            # Whatever it is that another program wrote; NumPy leaves a path that is damaged open
            with suppress(Exception), open(self._folder / name, "rb") as file:
                saved = unpacked(file, arrays)
                return form(saved) if saved.about["name"] == name else None
        return None

    def keep(self, outcome: Outcome) -> bool:
        """Save a run under its name, if that is possible; its checkpoint is no longer needed."""
        arrays = {name: np.asarray(curve) for name, curve in outcome.history._asdict().items()}
        fields = outcome._asdict() | {
            "tested": {name: float(number) for name, number in outcome.tested.items()},
            "weights": as_tree(outcome.weights, arrays),
        }
        del fields["history"], fields["name"]
        self.forget(outcome.name)
        return self._write(outcome.name, {"outcome": fields}, arrays)

    def forget(self, key: str) -> None:
        """Remove the checkpoint of a run."""
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / f"{key}{CHECKPOINT}").unlink(missing_ok=True)

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

    def _write(self, name: str, about: Plain, arrays: NamedArrays) -> bool:
        content = packed({"name": name, **about}, arrays)
        return self._folder is not None and self._put(self._folder / name, content)

    def _put(self, path: Path, content: bytes) -> bool:
        """Write a file and return True, or warn once that it cannot be written."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)  # it may have been deleted
            write_file(path, content)
            return True
        except OSError as error:
            if not self._is_full:
                warnings.warn(
                    f"{path} cannot be written ({error.strerror}). What is not on the disk is in "
                    "the Comparison alone: write its to_json() elsewhere",
                    stacklevel=4,
                )
            self._is_full = True
            return False


def _with_path(error: OSError, folder: Path) -> OSError:
    """The error, with the path and what is wrong with it."""
    for path in (*reversed(folder.parents), folder):
        if path.is_symlink() and not path.exists():
            return type(error)(error.errno, "out is a link to a folder that is missing", str(path))
        if path.exists() and not path.is_dir():
            return type(error)(error.errno, "a file is where out needs a folder", str(path))
    return type(error)(error.errno, f"out cannot be written: {error.strerror}", str(folder))


def _outcome(saved: Saved) -> Outcome:
    """The outcome in a file, if it has its fields and no others."""
    fields, arrays = dict(saved.about["outcome"]), saved.arrays
    curves: Any = {name: arrays[name] for name in History._fields}
    history, tested = History(**curves), fields.pop("tested")
    if tested.keys() != MEASURED or len(fields["probe"]) != len(PROBED):
        raise ValueError("kept by a version that measured other numbers")
    weights = from_tree(fields.pop("weights"), arrays)
    return Outcome(history, tested, weights=weights, name=saved.about["name"], **fields)

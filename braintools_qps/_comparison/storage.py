"""The files of a comparison: results as JSON and CSV, and the state of its training."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from braintools.file import InvalidCheckpointPath, msgpack_load, msgpack_save
from filelock import FileLock, Timeout

from .._defaults import CSV_ROWS, FILES, JSON_NAME, RUNNING_NAME
from ..records import Comparison

LOCK_NAME = ".comparison.lock"
PROBE_BYTES = 1 << 16
BESIDE = re.compile(rf"\.comparison\..+\.[0-9a-f]{{8}}|{re.escape(RUNNING_NAME)}\.tmp-.+")
SECONDS_BETWEEN = 10.0  # checkpoints
MOST_OF_THE_TIME = 0.01  # goes into writing them


class Store:
    """A directory of results that one comparison at a time may use.

    Beside the results is a file with finished groups of runs and a recent state of the group in
    training; it is removed when all is done. A failure to save never ends a comparison: results
    then go into a temporary directory, which a warning names. Without a directory nothing is saved.
    """

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self.place = directory  # where results really are
        self._fresh = True  # files that are there belong to another comparison
        self._blank: Comparison | None = None
        self._running: dict[str, Any] = {"finished": {}, "states": {}}
        self._written, self._cost = time.monotonic(), 0.0

    def load(self) -> Comparison | None:
        """Return the saved comparison, to go on from; `save` will replace it.

        Raises
        ------
        ValueError
            If the file there is not a comparison of this version, or there is no directory.
        """
        if self.directory is None:
            raise ValueError("resume=True needs out=, the directory of the results to go on from")
        saved = load(self.directory)
        self._fresh = saved is None
        if saved is not None:
            self._running |= _read(self.directory / RUNNING_NAME)
        return saved

    def begin(self, comparison: Comparison) -> None:
        """Remember a comparison to save together with the first finished runs or states."""
        self._blank = comparison

    def save(self, comparison: Comparison) -> None:
        """Write JSON and CSV, whole or not at all.

        The first time, files of an earlier comparison are renamed once the new ones are on the
        disk.
        """
        self._blank = None
        if self.directory is None:
            return
        texts = {JSON_NAME: comparison.to_json(indent=1) + "\n"}
        texts |= {name: comparison.to_csv(rows) for name, rows in CSV_ROWS.items()}
        files = {name: text.encode() for name, text in texts.items()}
        try:
            write_files(self.directory, files, keep_earlier=self._fresh)
            self.place, self._fresh = self.directory, False
        except OSError as error:
            trouble = f"results could not be written to {self.directory} ({error})"
            warnings.warn(f"{trouble}, {self._saved_elsewhere(files)}", stacklevel=2)

    def _saved_elsewhere(self, files: Mapping[str, bytes]) -> str:
        """Write the files to a temporary directory; return the end of a sentence that names it."""
        try:
            if self.place is None or self.place == self.directory:
                self.place = Path(tempfile.mkdtemp(prefix="comparison-"))
            write_files(self.place, files)
        except OSError as error:
            return (
                f"nor elsewhere ({error}). They are in the Comparison that compare returns: write "
                "its to_json() to a file"
            )
        return f"but are saved in {self.place}. Copy them from there"

    def finished(self, key: str) -> str | None:
        """What was kept of a finished group."""
        return self._running["finished"].get(key)

    def keep(self, key: str, text: str) -> None:
        """Keep the outcomes of a group of runs."""
        self._running["finished"][key] = text
        self._running["states"] = {}
        self._write()

    def states_of(self, key: str, form: Any) -> tuple[Any, list[Any]] | None:
        """States and curves of a group in training, if any were kept.

        ``form`` is a run's states without their values.
        """
        saved = self._running["states"]
        if saved.get("key") != key or saved.get("form") != str(form):
            return None
        leaves, structure = jax.tree.flatten(form)
        read = [_as_key(saved["leaves"][str(n)], leaf) for n, leaf in enumerate(leaves)]
        curves = [saved["curves"][str(n)] for n in range(len(saved["curves"]))]
        return jax.tree.unflatten(structure, read), curves

    def keep_states(self, key: str, states: Any, curves: Sequence[Any]) -> None:
        """Keep the states of all runs of the group in training, and their curves so far."""
        form = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), states)
        by_number = lambda values: {str(n): value for n, value in enumerate(values)}
        self._running["states"] = {
            "key": key,
            "form": str(form),
            "leaves": by_number(map(_numbers, jax.tree.leaves(states))),
            "curves": by_number(curves),
        }
        self._write()

    def is_due(self) -> bool:
        """Whether enough time has passed since the last writing, or the start."""
        if self.directory is None:
            return False
        since = time.monotonic() - self._written
        return since >= max(SECONDS_BETWEEN, self._cost / MOST_OF_THE_TIME)

    def close(self) -> None:
        """Remove the file of runs and states: all of it is in the results."""
        if self.directory is not None:
            _remove(self.directory / RUNNING_NAME)

    def _write(self) -> None:
        """Write runs and states; if the disk is full, only these are lost."""
        if self.directory is None:
            return
        start = time.monotonic()
        if self._blank is not None:
            self.save(self._blank)
        with suppress(OSError):
            msgpack_save(self.directory / RUNNING_NAME, self._running)
        self._written = time.monotonic()
        self._cost = self._written - start


@contextmanager
def opened(directory: str | os.PathLike | None) -> Iterator[Store]:
    """Make the directory if needed, check that it can be written to, and lock it.

    If it was made and nothing is saved, it is removed again. None is a store that saves nothing.

    Raises
    ------
    FileExistsError
        If another comparison has locked it.
    OSError
        If it cannot be written to.
    """
    if directory is None:
        yield Store(None)
        return
    path = Path(directory)
    missing = [one for one in (path, *path.parents) if not one.exists()]
    try:
        _probe(path)
        with _locked(path):
            _clear(path)
            yield Store(path)
    finally:
        with suppress(OSError):  # one holds something, or was never made
            for one in missing:
                one.rmdir()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Lock a directory; the system releases it when the process ends, however it ends."""
    path = directory / LOCK_NAME
    try:
        with FileLock(path, timeout=0):
            try:
                yield
            finally:
                _remove(
                    path
                )  # still locked: another process that has opened it sees that it is gone
    except Timeout:
        raise FileExistsError(
            f"only one comparison at a time can write its results to {directory}, and another one "
            "is writing there. Wait for it, or give another directory as out"
        ) from None


def numbered(directory: str | os.PathLike) -> dict[Path, Path]:
    """New names for the files of an earlier comparison, with the first number that is free."""
    paths = [Path(directory) / name for name in FILES]
    for number in count(1):
        new = {path: path.with_stem(f"{path.stem}-{number}") for path in paths}
        if not any(name.exists() for name in new.values()):
            break
    return {path: name for path, name in new.items() if path.exists()}


def load(directory: str | os.PathLike) -> Comparison | None:
    """The comparison that is saved in a directory; None if there is none.

    Raises
    ------
    ValueError
        If the file there is not a comparison of this version.
    """
    path = Path(directory) / JSON_NAME
    if not path.exists():
        return None
    try:
        return Comparison.from_json(path.read_text(encoding="utf-8"))
    except (AttributeError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not a comparison that this version can read: {error}. Give another "
            "directory, or leave out resume, which renames the file and keeps it"
        ) from error


def write_files(directory: Path, files: Mapping[str, bytes], *, keep_earlier: bool = False) -> None:
    """Replace files only when all of the new ones are on the disk.

    A reader sees either the old file or the new one, at any time. With ``keep_earlier``, files of
    an earlier comparison are renamed first.

    Raises
    ------
    OSError
        If one cannot be written; then all stay as they were.
    """
    directory.mkdir(parents=True, exist_ok=True)
    beside: dict[Path, Path] = {}
    try:
        for name, content in files.items():
            beside[directory / name] = _written_beside(directory / name, content)
        if keep_earlier:
            for path, other in numbered(directory).items():
                path.rename(other)
        for path, new in beside.items():
            new.replace(path)
    finally:
        for new in beside.values():
            new.unlink(missing_ok=True)


def _written_beside(path: Path, content: bytes) -> Path:
    """Write the content to a new file with a unique name, and wait until it is on the disk."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(beside, "xb") as file:  # follows no symlink
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            beside.unlink()
            raise
    return beside


def _probe(directory: Path) -> None:
    """Try to write a small result, because a full disk still takes an empty file."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _written_beside(directory / JSON_NAME, bytes(PROBE_BYTES)).unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            f"out must be a directory that can be written to, got {directory}: {error}. Give "
            "another one"
        ) from error


def _clear(directory: Path) -> None:
    """Remove files that a killed process left half-written."""
    for path in directory.iterdir():
        if BESIDE.fullmatch(path.name):
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a file that is no longer needed; ignore errors, which must not cost results."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    """The saved runs and states; empty if they cannot be read."""
    try:
        saved = msgpack_load(path)
        return {name: saved[name] for name in ("finished", "states")}
    except (InvalidCheckpointPath, OSError, ValueError, KeyError, TypeError):
        return {}


def _numbers(leaf: Any) -> np.ndarray:
    """A state as an array; random keys as their numbers."""
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def _as_key(values: np.ndarray, like: jax.ShapeDtypeStruct) -> Any:
    """The inverse of `_numbers`."""
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(values))
    return values

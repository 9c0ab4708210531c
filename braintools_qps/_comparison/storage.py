"""The files of a comparison: JSON to go on from, CSV for other programs."""

from __future__ import annotations

import csv
import os
import re
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from itertools import count
from pathlib import Path

from .._defaults import CSV_NAME, FIGURE_NAME, JSON_NAME, REPORT_NAME
from ..records import Comparison
from .locks import locked, remove

PROBE_BYTES = 1 << 16
BESIDE = re.compile(r"\.comparison\..+\.[0-9a-f]{8}")  # names of `_written_beside`


class Store:
    """A directory that results go into, and that one comparison at a time has to itself.

    Saving never ends a comparison: what cannot be written where it should be goes into a temporary
    directory, with a warning that says where.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.fresh = True  # what may be there is another comparison's
        self._substitute: Path | None = None
        self._blank = False

    def begin(self, comparison: Comparison) -> None:
        """Save a comparison that has no results yet, for what is in training to go on from."""
        if self.fresh:
            self.save(comparison)
            self._blank = True

    def forget(self) -> None:
        """Remove what was begun, if nothing has come of it."""
        if self._blank:
            for name in (JSON_NAME, CSV_NAME):
                remove(self.directory / name)

    def load(self) -> Comparison | None:
        """Return what is there, to go on from: `save` will replace it.

        Raises
        ------
        ValueError
            If the file there is not a comparison of this version.
        """
        saved = load(self.directory)
        self.fresh = saved is None
        return saved

    def save(self, comparison: Comparison) -> None:
        """Write the JSON and the CSV, whole or not at all.

        The first time, what an earlier comparison has left there is renamed, once the new files are
        on the disk.
        """
        self._blank = False
        texts = {JSON_NAME: comparison.to_json(indent=1) + "\n", CSV_NAME: _csv(comparison)}
        files = {name: text.encode() for name, text in texts.items()}
        try:
            write_files(self.directory, files, keep_earlier=self.fresh)
            self.fresh = False
        except OSError as error:
            self._save_elsewhere(files, error)

    def _save_elsewhere(self, files: Mapping[str, bytes], reason: OSError) -> None:
        trouble = f"results could not be written to {self.directory} ({reason})"
        try:
            self._substitute = self._substitute or Path(tempfile.mkdtemp(prefix="comparison-"))
            write_files(self._substitute, files)
        except OSError as error:
            where = f"nor elsewhere ({error}). They are in the Comparison that compare returns: "
            where += "write its to_json() to a file"
        else:
            where = f"and are in {self._substitute}. Copy them from there"
        warnings.warn(f"{trouble}, {where}", stacklevel=2)


@contextmanager
def opened(directory: str | os.PathLike) -> Iterator[Store]:
    """Make the directory if need be, see that it can be written to, and hold it.

    If it was made and nothing is saved, it is removed again.

    Raises
    ------
    FileExistsError
        If another comparison holds it.
    OSError
        If it cannot be written to.
    """
    path = Path(directory)
    discard = discarding(path)
    try:
        _probe(path)
        with locked(path):
            _clear(path)
            yield Store(path)
    finally:
        discard()


def discarding(directory: str | os.PathLike) -> Callable[[], None]:
    """What removes those directories on the way there that do not exist yet, if they stay empty."""
    path = Path(directory)
    missing = [one for one in (path, *path.parents) if not one.exists()]

    def discard() -> None:
        with suppress(OSError):  # one holds something, or was never made
            for one in missing:
                one.rmdir()

    return discard


def numbered(directory: str | os.PathLike) -> dict[Path, Path]:
    """New names, with the first number that is free, for the files that a comparison has left."""
    paths = [Path(directory) / name for name in (JSON_NAME, CSV_NAME, FIGURE_NAME, REPORT_NAME)]
    for number in count(1):
        names = {path: path.with_stem(f"{path.stem}-{number}") for path in paths}
        if not any(name.exists() for name in names.values()):
            break
    return {path: name for path, name in names.items() if path.exists()}


def load(directory: str | os.PathLike) -> Comparison | None:
    """What was saved in a directory, if anything was.

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
            f"{path} is not a comparison that this version has saved: {error}. Give another "
            "directory, or go on without resume; the file will be kept"
        ) from error


def _probe(directory: Path) -> None:
    """Write as much as a small result takes: to a full disk an empty file can still be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _written_beside(directory / JSON_NAME, bytes(PROBE_BYTES)).unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            f"results must go into a directory that can be written to, got {directory}: {error}. "
            "Give another one as out"
        ) from error


def _clear(directory: Path) -> None:
    """Remove what a process that was killed had not written to the end."""
    for path in directory.iterdir():
        if BESIDE.fullmatch(path.name):
            remove(path)


def write_files(directory: Path, files: Mapping[str, bytes], *, keep_earlier: bool = False) -> None:
    """Replace files only when all of the new ones are on the disk.

    Whoever reads one, at whatever time, reads the old file or the new one. With ``keep_earlier``
    what a comparison has left there is renamed first.

    Raises
    ------
    OSError
        If one cannot be written: all of them are then as they were.
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
    """A new file of a name that no one else has, with the content on the disk."""
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


def _csv(comparison: Comparison) -> str:
    """One line for each candidate and seed, and one for each candidate that failed."""
    each = ("test", "test_at_best_epoch", "validation", "firing_rate", "spikes")
    shared = ("seconds_per_epoch", "peak_bytes", "error")
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["surrogate", "task", "seed", *each, "final_loss", *shared])
    for result in comparison.results:
        head = [result.label, comparison.task["name"]]
        cost = result.cost
        costs = [None, None] if cost is None else [cost.seconds_per_epoch, cost.peak_bytes]
        tail = [*costs, result.error]
        if not result.scores.test:
            writer.writerow([*head, "", *[""] * (len(each) + 1), *tail])
            continue
        for row, seed in enumerate(comparison.seeds):
            numbers = [getattr(result.scores, name)[row] for name in each]
            writer.writerow([*head, seed, *numbers, result.curves.loss[row][-1], *tail])
    return text.getvalue()

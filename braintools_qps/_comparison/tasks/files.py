"""Tasks from files: numpy's .npz archives, and HDF5 with spike times.

Spike times are as the Spiking Heidelberg Digits and Speech Commands have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np

from ..._checks import checked_count
from ..._defaults import BINS
from .arrays import task_from_arrays
from .task import Task, aligned, in_pieces

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
SAMPLES_AT_ONCE = 256
Part = tuple[np.ndarray, np.ndarray]  # inputs and labels
Member = tuple[str | PathLike, str]  # an archive, and the name of an array in it

LAYOUT = ("spikes/times", "spikes/units", "labels")


def read_file(
    path: str | PathLike, *, test: str | PathLike | None = None, bins: int | None = None
) -> Task:
    """Read a task from an .npz archive or an HDF5 file, whichever the first bytes show.

    Raises
    ------
    ValueError
        If a file is neither, is broken, lacks an array, or cannot be trained on.
    OSError, MemoryError
        If it cannot be read, or does not fit into memory.
    ImportError
        If it is HDF5 and h5py is missing.
    """
    paths = [path] if test is None else [path, test]
    kinds = [_kind(one) for one in paths]
    if len(set(kinds)) > 1:
        raise ValueError(
            "the training file and the test file must have the same format, got "
            f"{' and '.join(map(str, paths))}. Use two .npz files or two HDF5 files"
        )
    if kinds[0] == "npz" and bins is not None:
        raise ValueError(
            f"bins are for spike times in HDF5, got {path} with arrays. Leave bins out"
        )
    bins = checked_count("bins", BINS if bins is None else bins)
    try:
        whole, parts = _counted(paths, bins) if kinds[0] == "hdf5" else _arrays(paths)
        (X, y), *tested = parts
        other = tested[0] if tested else None
        return task_from_arrays(X, y, test=other, name=str(path), whole=whole)
    except MemoryError as error:
        fix = "Take fewer bins, or" if kinds[0] == "hdf5" else "Store X as uint8 or float16, or"
        raise MemoryError(
            f"the data in {path} must fit into memory: {error}. {fix} fewer samples"
        ) from error


def _kind(path: str | PathLike) -> str:
    with open(path, "rb") as file:
        if file.read(len(HDF5_MAGIC)) == HDF5_MAGIC:
            return "hdf5"
        if is_zipfile(file):
            return "npz"
        file.seek(0)
        start = file.read(2)
    got = "an archive that is cut off" if start == b"PK" else "another format"
    raise ValueError(
        f"{path} must be an npz archive or an HDF5 file, got {got if start else 'an empty file'}. "
        f"{_fix(path)}"
    )


def _fix(path: str | PathLike) -> str:
    return f"Write it with numpy.savez({str(Path(path).with_suffix('.npz'))!r}, X=X, y=y)"


def _arrays(paths: Sequence[str | PathLike]) -> tuple[np.ndarray | None, list[Part]]:
    """The inputs of all archives in one array, and ``(X, y)`` of each part, slices of it.

    The array is None if the inputs are not of one form. A single archive may also have a test part.
    """
    names = [_names(path) for path in paths]
    parts = [(path, "X", "y") for path in paths]
    if len(paths) == 1 and (inside := [n for n in ("X_test", "y_test") if n in names[0]]):
        if len(inside) == 1:
            raise ValueError(
                f"X_test and y_test must be given together, got only {inside[0]}. Save both"
            )
        parts.append((paths[0], "X_test", "y_test"))
    labels = [_read(path, y) for path, _, y in parts]
    whole, inputs = _read_together([(path, X) for path, X, _ in parts])
    return whole, list(zip(inputs, labels))


def _names(path: str | PathLike) -> list[str]:
    with _readable(path), np.load(path) as archive:
        names = archive.files
    if not {"X", "y"} <= {*names}:
        raise ValueError(
            f"{path} must hold arrays X and y, got {sorted(names) or 'none'}. {_fix(path)}"
        )
    return names


def _read(path: str | PathLike, name: str) -> np.ndarray:
    with _readable(path), np.load(path, allow_pickle=False) as archive:
        return archive[name]


def _read_together(members: Sequence[Member]) -> tuple[np.ndarray | None, list[np.ndarray]]:
    """Arrays of archives as slices of one, so that they are in memory once, if they are alike."""
    forms = []
    for member in members:
        with _opened_member(member) as (form, _):
            forms.append(form)
    (shape, in_columns, dtype), *_ = forms
    alike = all(own[1:] == shape[1:] and (*rest,) == (in_columns, dtype) for own, *rest in forms)
    if in_columns or not (alike and shape and dtype.kind in "biuf"):
        return None, [_read(*member) for member in members]
    ends = np.cumsum([own[0] for own, *_ in forms])
    whole = aligned(int(ends[-1]), shape[1:], dtype)
    parts = np.split(whole, ends[:-1])
    for member, part in zip(members, parts):
        with _opened_member(member) as (_, file):
            for piece in in_pieces(part):
                if file.readinto(piece.reshape(-1).view(np.uint8)) < piece.nbytes:
                    raise ValueError(f"{member[1]} is cut off")
            file.read(1)  # at its end the archive compares check sums
    return whole, parts


@contextmanager
def _opened_member(member: Member) -> Iterator[tuple[tuple, Any]]:
    """Shape, whether the first axis varies fastest, and dtype; and the file, at the numbers."""
    path, name = member
    form = np.lib.format
    with _readable(path), ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        old = form.read_magic(file) == (1, 0)
        yield (form.read_array_header_1_0 if old else form.read_array_header_2_0)(file), file


@contextmanager
def _readable(path: str | PathLike) -> Iterator[None]:
    """Say which file it is that cannot be read."""
    try:
        yield
    except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
        fix = ". Save labels as y.astype(str)" if "Object arrays" in str(error) else ""
        raise ValueError(f"{path} is not an npz file of plain arrays: {error}{fix}") from error


def _counted(paths: Sequence[str | PathLike], bins: int) -> tuple[np.ndarray, list[Part]]:
    """Spike counts of shape (samples, bins, units) of all files, and the labels of each.

    The bins divide the time until the last spike of all files, and there are as many units as the
    highest number says. Events take more memory than counts, so they are read a few samples at a
    time, and twice: first for these two numbers, then to count.
    """
    duration, units = 0.0, 0
    for path in paths:
        for times, fired in _events(path):
            if len(times):
                duration, units = max(duration, times.max()), max(units, int(fired.max()) + 1)
        if not units:
            raise ValueError(f"{path} must hold spikes, got none. Check spikes/times")
    labels = [_labels(path) for path in paths]
    events = lambda: chain.from_iterable(map(_events, paths))
    shape = sum(map(len, labels)), bins, units
    for dtype in (np.uint8, np.uint32):
        counts = aligned(shape[0], shape[1:], dtype)
        if _fill(counts, events(), duration or 1.0) <= np.iinfo(dtype).max:
            break
    cut = len(labels[0])
    return counts, list(zip((counts[:cut], counts[cut:]), labels))


def _fill(
    counts: np.ndarray, events: Iterable[tuple[np.ndarray, np.ndarray]], duration: float
) -> int:
    """Count the spikes of each sample into its row; return the largest count."""
    (_, bins, units), most = counts.shape, 0
    for row, (times, fired) in zip(counts, events):
        share = times.astype(np.float64) / duration
        step = np.minimum((share * bins).astype(int), bins - 1)  # the last spike is in the last bin
        of_sample = np.bincount(step * units + fired.astype(int), minlength=bins * units)
        most = max(most, int(of_sample.max()))
        row[...] = of_sample.reshape(bins, units)
    return most


def _labels(path: str | PathLike) -> np.ndarray:
    with _opened(path) as file:
        return file["labels"][()]


def _events(path: str | PathLike) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Times and units of the spikes of each sample, checked."""
    with _opened(path) as file:
        times, units, labels = (file[name] for name in LAYOUT)
        if not len(times) == len(units) == len(labels):
            sizes = ", ".join(f"{len(file[name])} of {name}" for name in LAYOUT)
            raise ValueError(
                f"{path} must have as many labels as samples, got {sizes}. Write one of each"
            )
        for start in range(0, len(labels), SAMPLES_AT_ONCE):
            some = slice(start, start + SAMPLES_AT_ONCE)
            for one, fired in zip(times[some], units[some]):
                one, fired = np.asarray(one), np.asarray(fired)
                _check_events(path, one, fired)
                yield one, fired


@contextmanager
def _opened(path: str | PathLike) -> Iterator[Any]:
    """The HDF5 file, its layout checked; errors while reading it become errors about the file."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "reading HDF5 needs h5py. Run pip install 'braintools-qps[train]'"
        ) from error
    rule = f"{path} must be HDF5 with {', '.join(LAYOUT)}, as in the Spiking Heidelberg Digits"
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in LAYOUT if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise ValueError(f"{rule}: no {', '.join(missing)} in it")
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{rule}: {error}") from error


def _check_events(path: Any, times: np.ndarray, units: np.ndarray) -> None:
    if times.shape != units.shape or times.ndim != 1:
        raise ValueError(
            f"each spike in {path} must have a time and a unit, got {times.shape} times and "
            f"{units.shape} units in a sample. Write arrays of equal length for each sample"
        )
    if not (np.isfinite(times).all() and (times >= 0).all() and (units >= 0).all()):
        wrong = next(v for v in (*times, *units) if not (np.isfinite(v) and v >= 0))
        raise ValueError(
            f"times and units in {path} must be finite and 0 or more, got {wrong}. "
            "Remove such spikes"
        )

"""Tasks from files: numpy's .npz archives, and HDF5 with spike times.

Spike times are as the Spiking Heidelberg Digits and Speech Commands have them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import brainunit as u
import numpy as np

from ..._checks import checked_count
from ..._defaults import BINS
from ..._wording import from_extra
from .arrays import labelled_task, labels_of, task_from_arrays
from .task import Task

Paths = Sequence[str | PathLike]  # the data, and those to test on if there is a second file

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
SAMPLES_AT_ONCE = 256
LAYOUT = ("spikes/times", "spikes/units", "labels")


def read_file(
    path: str | PathLike,
    *,
    test: str | PathLike | None = None,
    bins: int | None = None,
    dt: u.Quantity | None = None,
) -> Task:
    """Read a task from an .npz archive or an HDF5 file, whichever the first bytes show.

    Raises
    ------
    TypeError, ValueError
        If a file is neither, is broken, lacks an array, or cannot be trained on; or if there are
        bins and dt, or one of them is no positive integer or duration.
    OSError, MemoryError
        If it cannot be read, or does not fit into memory.
    ImportError
        If it is HDF5 and h5py is missing.
    """
    paths = [path] if test is None else [path, test]
    is_counted = _is_hdf5(path)
    if not (is_counted or bins is dt is None):
        raise ValueError(
            f"bins and dt are for spike times in HDF5, got {path} with arrays. Leave them out"
        )
    return _counted(paths, _checked_dt(dt, bins), bins) if is_counted else _from_arrays(paths)


def _checked_dt(dt: u.Quantity | None, bins: int | None) -> float | None:
    """The duration of a step in seconds."""
    if dt is None:
        checked_count("bins", BINS if bins is None else bins)
        return None
    if bins is not None:
        raise TypeError("steps are given by bins or by dt, got both. Leave one out")
    if not u.get_unit(dt).has_same_dim(u.second) or not 0 < dt.to_decimal(u.second) < np.inf:
        raise ValueError(f"dt must be a duration above 0, got {dt!r}. For example dt=10 * u.ms")
    return float(dt.to_decimal(u.second))


def _is_hdf5(path: str | PathLike) -> bool:
    with open(path, "rb") as file:
        return file.read(len(HDF5_MAGIC)) == HDF5_MAGIC


def _from_arrays(paths: Paths) -> Task:
    """The task of one archive, with a test part in it or in a second archive."""
    given, *others = [_arrays(path) for path in paths]
    test = [given[name] for name in ("X_test", "y_test") if name in given]
    if test and others:
        raise ValueError(f"{paths[0]} has a test part, so that test= must be left out")
    test = test or [other[name] for other in others for name in ("X", "y")]
    if len(test) == 1:
        raise ValueError("X_test and y_test must be given together, got one of them. Save both")
    return task_from_arrays(given["X"], given["y"], test=test, name=_name(paths))


def _name(paths: Paths) -> str:
    """The first path, as text that can be written even where it holds bytes that are none."""
    return str(paths[0]).encode(errors="backslashreplace").decode()


def _arrays(path: str | PathLike) -> dict[str, np.ndarray]:
    fix = f"Write it with numpy.savez({str(Path(path).with_suffix('.npz'))!r}, X=X, y=y)"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            tested = [name for name in ("X_test", "y_test") if name in archive.files]
            return {name: archive[name] for name in ("X", "y", *tested)}
    except (TypeError, ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
        fix = "Save labels as y.astype(str)" if "Object arrays" in str(error) else fix
        raise ValueError(
            f"{path} must be an HDF5 file or an npz archive of plain arrays X and y, got an error: "
            f"{str(error).rstrip('.')}. {fix}"
        ) from error


def _counted(paths: Paths, dt: float | None, bins: int | None) -> Task:
    """The task of spike counts of shape (samples, time, units), in bytes if they fit.

    There are as many units as the highest number says. Without ``dt``, bins divide the time until
    the last spike of all files. Events take more memory than counts, so they are read a few samples
    at a time, and twice: first for these two numbers, then to count.
    """
    last, units = np.zeros(()), 0
    for path in paths:
        for times, fired in _events(path):
            if len(times):
                last = max(last, times.max())
                units = max(units, int(fired.max()) + 1)
        if not units:
            raise ValueError(f"{path} must hold spikes, got none. Check spikes/times")
    labels = [_labels(path) for path in paths]
    bins = (bins or BINS) if dt is None else int(_bins_of(last, dt)) + 1
    dt = dt or (float(last) or 1.0) / bins
    y = np.concatenate(labels)
    for dtype in (np.uint8, np.uint32):
        counts = _zeros((len(y), bins, units), dtype)
        if _fill(counts, paths, dt) <= np.iinfo(dtype).max:
            break
    width = u.Quantity(float(f"{1e3 * dt:.4g}"), unit=u.ms)
    given = len(y) - len(labels[0])
    return labelled_task(counts, y, given_test=given, dt=width, name=_name(paths))


def _zeros(shape: tuple[int, ...], dtype: type[np.integer]) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes: JAX on a CPU trains on them without a copy."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 64, np.uint8)
    return memory[-memory.ctypes.data % 64 :][:size].view(dtype).reshape(shape)


def _fill(counts: np.ndarray, paths: Paths, dt: float) -> int:
    """Count the spikes of each sample into its row; return the largest count."""
    (_, bins, units), most = counts.shape, 0
    events = (sample for path in paths for sample in _events(path))
    for row, (times, fired) in zip(counts, events):
        step = np.minimum(_bins_of(times, dt), bins - 1)
        of_sample = np.bincount(step * units + fired.astype(int), minlength=bins * units)
        most = max(most, int(of_sample.max()))
        row[...] = of_sample.reshape(bins, units)
    return most


def _bins_of(times: np.ndarray, dt: float) -> np.ndarray:
    """The bin of each time; one that rounding has put just below an edge counts as at the edge."""
    rounding = np.finfo(times.dtype).eps if times.dtype.kind == "f" else 0.0
    return np.floor(times.astype(np.float64) / dt * (1 + rounding)).astype(int)


def _labels(path: str | PathLike) -> np.ndarray:
    with _opened(path) as file:
        return labels_of(file["labels"][()])


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
            for number, sample in enumerate(zip(times[some], units[some]), start):
                of_sample, fired = map(np.asarray, sample)
                _check_events(f"sample {number} of {path}", of_sample, fired)
                yield of_sample, fired


@contextmanager
def _opened(path: str | PathLike) -> Iterator[Any]:
    """The HDF5 file, its layout checked; errors while reading it become errors about the file."""
    with from_extra("train", "reading HDF5 needs h5py"):
        import h5py
    rule = f"{path} must be HDF5 with {', '.join(LAYOUT)}, as in the Spiking Heidelberg Digits"
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{rule}: {error}") from error


def _check_events(where: str, times: np.ndarray, units: np.ndarray) -> None:
    if len(times) != len(units):
        sizes = f"{len(units)} and {len(times)}"
        raise ValueError(f"{where} must have a unit for each time, got {sizes}. Write one of each")
    both = np.stack([times, units])
    if not (np.isfinite(both) & (both >= 0)).all():
        raise ValueError(
            f"times and units of {where} must be finite and 0 or more, got {both.min()} to "
            f"{both.max()}. Remove such spikes"
        )

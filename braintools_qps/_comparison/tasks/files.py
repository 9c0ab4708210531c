"""Tasks from files: numpy's .npz archives, and HDF5 with spike times."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from ..._defaults import BINS
from .arrays import task_from_arrays
from .spike_times import read_spike_times
from .task import Task

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def read_file(
    path: str | PathLike, *, test: str | PathLike | None = None, bins: int | None = None
) -> Task:
    """Read a task from an .npz archive or an HDF5 file, told apart by how they begin.

    Parameters
    ----------
    path : path
        An archive of numpy arrays ``X`` and ``y``, and perhaps ``X_test`` and ``y_test``, as
        `task_from_arrays` takes them; or an HDF5 file in the layout of the Spiking Heidelberg
        Digits: ``spikes/times`` in seconds and ``spikes/units``, each with one row for each sample,
        and ``labels``.
    test : path, optional
        Another file of the same kind, to test on.
    bins : int, optional
        How many steps the spikes of an HDF5 file are counted in, 100 if not given.

    Raises
    ------
    ValueError
        If a file is neither, is broken or has not these arrays, or cannot be trained on.
    OSError
        If it cannot be read.
    ImportError
        If it is HDF5 and h5py is missing.
    """
    name, paths = str(path), [path] if test is None else [path, test]
    kinds = [_kind(one) for one in paths]
    if len(set(kinds)) > 1:
        raise ValueError(f"both files must be of one kind, got {' and '.join(map(str, paths))}")
    if kinds[0] == "hdf5":
        (X, y), *others = read_spike_times(paths, BINS if bins is None else bins)
        return task_from_arrays(X, y, test=others[0] if others else None, name=name)
    if bins is not None:
        raise ValueError(f"bins are for spike times in HDF5, got {path} with arrays")
    arrays = _read_npz(path)
    tested = None if test is None else _read_npz(test)
    return task_from_arrays(arrays["X"], arrays["y"], test=_test_of(arrays, tested), name=name)


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


def _read_npz(path: str | PathLike) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (ValueError, EOFError, OSError, BadZipFile) as error:
        fix = ". Save labels as y.astype(str)" if "Object arrays" in str(error) else ""
        raise ValueError(f"{path} is not an npz file of plain arrays: {error}{fix}") from error
    if not {"X", "y"} <= arrays.keys():
        raise ValueError(
            f"{path} must hold arrays X and y, got {sorted(arrays) or 'none'}. {_fix(path)}"
        )
    return arrays


def _test_of(
    arrays: dict[str, np.ndarray], tested: dict[str, np.ndarray] | None
) -> tuple[Any, Any] | None:
    if tested is not None:
        return tested["X"], tested["y"]
    inside = [name for name in ("X_test", "y_test") if name in arrays]
    if len(inside) == 1:
        raise ValueError(f"X_test and y_test must be given together, got only {inside[0]}")
    return (arrays["X_test"], arrays["y_test"]) if inside else None

"""A task from an .npz archive of NumPy."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np

from ..._wording import listed
from .arrays import task_from_arrays
from .task import Task

REQUIRED, TESTED = ("X", "y"), ("X_test", "y_test")


def read_archive(path: PathLike) -> Task:
    """Read a task from an archive of X and y, and of X_test and y_test where there is a test part.

    Raises
    ------
    TypeError, ValueError
        If it is no such archive, is broken, or its arrays cannot be trained on.
    OSError, MemoryError
        If it cannot be read, or does not fit into memory.
    """
    arrays = _arrays(path)
    test = [arrays[name] for name in TESTED if name in arrays]
    if len(test) == 1:
        raise ValueError("X_test and y_test must be given together, got one of them. Save both")
    # Text that can be written even where the path holds bytes that are none
    name = str(path).encode(errors="backslashreplace").decode()
    return task_from_arrays(arrays["X"], arrays["y"], *test, name=name)


def _arrays(path: PathLike) -> dict[str, np.ndarray]:
    fix = (
        f"Write it with numpy.savez({str(Path(path).with_suffix('.npz'))!r}, X=X, y=y); X_test and "
        "y_test, to test on, are taken, too"
    )
    with open(path, "rb") as file:
        try:
            if not is_zipfile(path):
                raise ValueError("it is no such archive")
            archive = np.load(file, allow_pickle=False)
            if {*REQUIRED} - {*archive.files}:
                raise ValueError(f"its arrays are {listed(archive.files, 10, last='and')}")
            tested = [name for name in TESTED if name in archive.files]
            return {name: archive[name] for name in (*REQUIRED, *tested)}
        except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
            fix = "Save labels as y.astype(str)" if "Object arrays" in str(error) else fix
            raise ValueError(
                f"{path} must be an npz archive of plain arrays X and y, got an error: "
                f"{str(error).rstrip('.')}. {fix}"
            ) from error

"""Saves figures, and checks early that this is possible."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any


def check_directory(path: Path) -> None:
    """Fail early if no file can be written at this path.

    Raises
    ------
    FileNotFoundError
        If the directory of the path does not exist.
    IsADirectoryError
        If the path is a directory itself.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))


def check_figure(path: Path) -> None:
    """Fail early if no figure can be written at this path.

    Raises
    ------
    FileNotFoundError
        If the directory of the path does not exist.
    ValueError
        If matplotlib has no format for the suffix.
    """
    check_directory(path)
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise ValueError(
            f"the name of a figure must end in one of {', '.join(f'.{name}' for name in formats)}, "
            f"got {str(path)!r}. For example {path.stem}.png"
        )


def write_figure(draw: Callable[[], Any], path: str | PathLike) -> None:
    """Draw a figure with a function of `braintools_qps.plotting` and save it, without a window.

    The suffix of the path decides the format.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure = np.ravel(draw())[0].get_figure(root=True)
    figure.savefig(path, dpi=200)
    plt.close(figure)

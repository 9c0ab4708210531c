"""Saves figures, and checks early that this is possible."""

from __future__ import annotations

import argparse
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def writable(text: str) -> Path:
    """The path of a file to write, checked before anything slow begins.

    Raises
    ------
    FileNotFoundError
        If the directory of the path does not exist.
    IsADirectoryError
        If the path is a directory itself.
    """
    path = Path(text)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), text)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    return path


def figure(text: str) -> Path:
    """The path of a figure to write, checked before anything slow begins.

    Raises
    ------
    OSError
        As for `writable`.
    argparse.ArgumentTypeError
        If matplotlib has no format for the suffix.
    """
    path = writable(text)
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise argparse.ArgumentTypeError(
            f"the name of a figure must end in one of {', '.join(f'.{name}' for name in formats)}, "
            f"got {text!r}. For example {path.stem}.png"
        )
    return path


def write_figure(draw: Callable[[], Any], path: Path) -> None:
    """Draw a figure with a function of `braintools_qps.plotting` and save it, without a window.

    The suffix of the path decides the format.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import numpy as np

    from .._comparison import replacing

    drawn = np.ravel(draw())[0].get_figure(root=True)
    with replacing(path) as beside:
        drawn.savefig(beside, dpi=200)
    plt.close(drawn)

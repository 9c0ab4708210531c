"""Write figures into files."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any


def write_figure(draw: Callable[[], Any], path: str | PathLike) -> None:
    """Write what one of the functions of `braintools_qps.plotting` draws, opening no window.

    The suffix of the path decides the format.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure = np.ravel(draw())[0].get_figure()
    figure.savefig(path, dpi=200)
    plt.close(figure)

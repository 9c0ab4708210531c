"""Saves figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_figure(draw: Callable[[], Any], path: Path) -> None:
    """Draw a figure with a function of `braintools_qps.plotting` and save it, without a window.

    The suffix of the path decides the format; without one it is PNG.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import numpy as np

    from .._comparison import replacing

    drawn = np.ravel(draw())[0].get_figure(root=True)
    with replacing(path) as beside:
        drawn.savefig(beside, dpi=200, format=path.suffix[1:] or "png")
    plt.close(drawn)

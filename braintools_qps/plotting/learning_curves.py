"""The figure of a training: the loss by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .panels import add_legend, number_ticks, panels_of, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records import Comparison


def plot_learning_curves(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """Draw the loss by epoch of each candidate: the mean over seeds, and their range as a band.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : matplotlib.axes.Axes, optional
        What to draw into.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_learning_curves
    >>> small = {"epochs": 2, "hidden": 8, "seeds": 1, "tune": None, "measure": False}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> plot_learning_curves(comparison).get_ylabel()
    'training loss'
    """
    panels = panels_of(axes, 1)
    draw_learning_curves(comparison, *panels)
    add_legend(panels, outside=axes is None)
    return panels[0]


def draw_learning_curves(comparison: Comparison, axes: Axes) -> None:
    """Draw mean and range of the loss, leaving out candidates that failed."""
    for result, style in zip(comparison.results, styles()):
        if result.error:
            continue
        loss = np.asarray(result.curves.loss)
        epochs = np.arange(1, loss.shape[1] + 1)
        axes.plot(epochs, loss.mean(0), label=result.label, **style)
        band = {"color": style["color"], "alpha": 0.2, "linewidth": 0}
        axes.fill_between(epochs, loss.min(0), loss.max(0), **band)
    axes.locator_params(axis="x", integer=True)
    axes.set(yscale="log", title="Learning curves", xlabel="epoch")
    number_ticks(axes.yaxis)
    spread = "\n(mean and range of seeds)" if len(comparison.seeds) > 1 else ""
    axes.set_ylabel("training loss" + spread)

"""The figure of training: loss and validation score by epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._checks import check_record
from ..records import Comparison, score_of
from .panels import Axes, Look, add_legend, candidate_styles, panels_of, typed


def plot_learning_curves(comparison: Comparison, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw training loss and validation score by epoch, with mean and range over seeds.

    Parameters
    ----------
    comparison : Comparison
        Result of `compare`.
    axes : sequence of two matplotlib.axes.Axes, optional
        Axes for the loss and for the score.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If ``comparison`` is not a `Comparison`.
    ValueError
        If ``axes`` has the wrong length.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_learning_curves
    >>> small = {"epochs": 2, "seeds": 1, "tune": None}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> [axes.get_ylabel() for axes in plot_learning_curves(comparison)]
    ['training loss', 'validation accuracy %']
    """
    check_record(comparison, Comparison)
    panels = panels_of(axes, 2)
    draw_learning_curves(comparison, *panels)
    add_legend(panels, outside=axes is None)
    return panels


def draw_learning_curves(comparison: Comparison, left: Axes, right: Axes) -> None:
    """Draw losses into one panel and validation scores into another; failed candidates have
    none."""
    score = score_of(comparison)
    looks = candidate_styles(comparison)
    for result in comparison.ranked:
        scores = score.factor * np.array(result.curves.validation)
        for axes, values in (left, np.array(result.curves.loss)), (right, scores):
            if not len(values):
                continue
            epochs, style = np.arange(1, values.shape[1] + 1), looks[result.label]
            axes.plot(epochs, values.mean(0), label=typed(result.label), **style)
            band: Look = {"facecolor": (style["color"], 0.12), "edgecolor": (style["color"], 0.4)}
            axes.fill_between(epochs, values.min(0), values.max(0), **band, linewidth=0.5)
    spread = "\n(mean and range of seeds)" if len(comparison.seeds) > 1 else ""
    left.set(title="Training loss", ylabel="training loss" + spread)
    losses = [x for result in comparison.results for curve in result.curves.loss for x in curve]
    if min(filter(np.isfinite, losses), default=0.0) > 0:
        left.set_yscale("log")
        _write_plain_numbers(left)
    right.set(title="Validation score", ylabel=f"validation {score.heading}" + spread)
    curves = [np.array(r.curves.validation) for r in comparison.results if r.curves.validation]
    _show_second_half(right, [score.factor * curve for curve in curves])
    for axes in (left, right):
        axes.locator_params(axis="x", integer=True)
        axes.set_xlabel("epoch")


def _write_plain_numbers(axes: Axes) -> None:
    """Write 0.8 and 2 at a logarithmic axis, not 8 x 10^-1 and 2 x 10^0."""
    from matplotlib.ticker import LogFormatter

    class Numbers(LogFormatter):  # at as many ticks as matplotlib finds room for
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    axes.yaxis.set_major_formatter(Numbers())
    axes.yaxis.set_minor_formatter(Numbers())


def _show_second_half(axes: Axes, curves: Sequence[np.ndarray]) -> None:
    """Begin the axis a bit below the lowest score of the second half, to tell the curves apart."""
    late = [value for curve in curves for value in curve[:, curve.shape[1] // 2 :].flat]
    low = min(filter(np.isfinite, late), default=0.0)
    high = max((x for curve in curves for x in curve.flat if np.isfinite(x)), default=0.0)
    if low < high:
        axes.set_ylim(low - 0.1 * (high - low), high + 0.05 * (high - low))

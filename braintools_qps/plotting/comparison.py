"""The figure of a comparison: the others side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .learning_curves import draw_learning_curves
from .panels import add_legend, panels_of
from .surrogates import draw_surrogates, of_one_axis
from .tuning import draw_tuning, tuned_results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records import Comparison


def plot_comparison(comparison: Comparison, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw learning curves and the shapes of the surrogates.

    A figure of its own also has a panel of `plot_tuning` for each candidate that was tuned.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : sequence of three matplotlib.axes.Axes, optional
        For the learning curves, the gradients and the original functions.

    Returns
    -------
    list of matplotlib.axes.Axes

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_comparison
    >>> small = {"epochs": 2, "hidden": 8, "seeds": 1, "tune": None, "measure": False}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> [axes.get_title() for axes in plot_comparison(comparison)]
    ['Learning curves', 'Gradient', 'Original function']
    """
    tuned = tuned_results(comparison) if axes is None else []
    panels = panels_of(axes, 3 + len(tuned))
    draw_learning_curves(comparison, panels[0])
    named = {r.label: r.surrogate for r in comparison.results}
    drawn = of_one_axis(named)
    draw_surrogates(drawn, *panels[1:3])
    if others := ", ".join(named.keys() - drawn.keys()):
        panels[1].set_title(f"Gradient (on no common axis: {others})")
    for panel, result in zip(panels[3:], tuned):
        draw_tuning(result, comparison.score, panel)
    add_legend(panels[:3], outside=axes is None)
    return panels

"""The figure of a comparison: test scores first, then curves, surrogates and tuning."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._registry import get_surrogate
from .accuracy import accuracy_height, draw_accuracy
from .learning_curves import draw_learning_curves
from .panels import add_legend, candidate_styles, panels_of, typed, typed_text
from .surrogates import draw_surrogates, of_one_axis
from .tuning import draw_tuning, tuned_results, tuning_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records import Comparison

ROW, PER_LINE = 2.8, 0.22  # inches
LINE = 95  # characters


def plot_comparison(comparison: Comparison, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw test scores, learning curves, and the surrogates as they were trained.

    A figure of its own also has a panel of `plot_tuning` for each candidate with several settings.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : sequence of five matplotlib.axes.Axes, optional
        For the test scores, training losses, validation scores, gradients and original functions.

    Returns
    -------
    list of matplotlib.axes.Axes

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_comparison
    >>> small = {"epochs": 2, "seeds": 1, "tune": None}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> [axes.get_title() for axes in plot_comparison(comparison)]
    ['Test scores', 'Training loss', 'Validation score', 'Gradient, as trained',
     'Original function']
    """
    own = axes is None
    tuned = tuned_results(comparison) if own else []
    panels = panels_of(_panels(comparison, len(tuned)) if own else axes, 5 + len(tuned))
    draw_accuracy(comparison, panels[0])
    draw_learning_curves(comparison, *panels[1:3])
    draw_trained(comparison, *panels[3:5])
    for panel, result in zip(panels[5:], tuned):
        draw_tuning(result, comparison, panel)
    add_legend(panels[1:5], outside=own)
    return panels


def draw_trained(comparison: Comparison, left: Axes, right: Axes) -> None:
    """Draw the surrogates at the setting that they were trained with; untrained ones as given."""
    named = {r.label: get_surrogate(r.trained or r.spec) for r in comparison.ranked if not r.error}
    drawn = of_one_axis(named)
    draw_surrogates(drawn, left, right, candidate_styles(comparison))
    left.set_title("Gradient, as trained")
    if others := ", ".join(typed(label) for label in named if label not in drawn):
        left.set_title(f"Gradient, as trained (on no common axis: {others})")


def _panels(comparison: Comparison, tuned: int) -> list[Any]:
    """A wide panel, two rows of two panels, and rows of two for tuning."""
    import matplotlib.pyplot as plt

    rows, says = -(-tuned // 2), (comparison.verdict, comparison.unfinished)
    said = "\n".join(textwrap.fill(typed_text(one), LINE) for one in says if one)
    first = accuracy_height(comparison) + PER_LINE * len(said.splitlines())
    heights = [first, 2 * ROW + 0.4, *([rows * ROW + 0.4] if rows else [])]
    figure = plt.figure(figsize=(7.6, sum(heights)), layout="constrained")
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    parts[0].suptitle(said, fontsize="medium")
    panels = [parts[0].subplots(), *parts[1].subplots(2, 2).flat]
    for part in parts[2:]:
        grid = list(part.subplots(rows, 2, squeeze=False).flat)
        panels += grid[:tuned]
        for unused in grid[tuned:]:
            unused.remove()
        part.supxlabel(tuning_legend(comparison), fontsize="small")
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    return panels

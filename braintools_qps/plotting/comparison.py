"""The figure of a comparison: test scores first, then curves, surrogates and tuning."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from .._checks import check_record
from .._registry import get_surrogate
from ..records import Comparison
from .accuracy import accuracy_height, draw_accuracy
from .learning_curves import draw_learning_curves
from .panels import Axes, add_legend, candidate_styles, panels_of, typed, typed_text
from .surrogates import draw_surrogates, of_one_axis
from .tuning import draw_tuning, tuned_results, tuning_legend, tuning_size

WIDTH, ROW, PER_LINE = 7.6, 2.8, 0.22  # inches
LINE = 95  # characters


def plot_comparison(comparison: Comparison, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw test scores, learning curves, and the surrogates as they were trained.

    Without ``axes``, the new figure also shows the tuning: a row for each candidate, the best
    first, and a column for each setting, with its mean validation score and how many seeds chose
    it.

    Parameters
    ----------
    comparison : Comparison
        Result of `compare`.
    axes : sequence of five matplotlib.axes.Axes, optional
        Axes for test scores, training losses, validation scores, gradients and original functions,
        in this order.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If it is no comparison.
    ValueError
        If ``axes`` has the wrong length.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_comparison
    >>> small = {"epochs": 2, "seeds": 1, "tune": None}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> [axes.get_title() for axes in plot_comparison(comparison)]
    ['Test scores', 'Training loss', 'Validation score',
     'Surrogate gradient, as trained', 'Integral of the surrogate gradient']
    """
    check_record(comparison, Comparison)
    new_figure = axes is None
    tuned = new_figure and bool(tuned_results(comparison))
    panels = panels_of(_panels(comparison, tuned) if new_figure else axes, 5 + tuned)
    draw_accuracy(comparison, panels[0])
    draw_learning_curves(comparison, *panels[1:3])
    draw_trained(comparison, *panels[3:5])
    if tuned:
        draw_tuning(comparison, panels[5])
    add_legend(panels[1:5], outside=new_figure)
    return panels


def draw_trained(comparison: Comparison, left: Axes, right: Axes) -> None:
    """Draw the surrogates as they were trained; those that were not trained as they were given."""
    sound = [result for result in comparison.ranked if not result.error]
    named = {r.label: get_surrogate(r.tuned_spec or r.spec) for r in sound}
    drawn = of_one_axis(named)
    draw_surrogates(drawn, left, right, candidate_styles(comparison))
    left.set_title("Surrogate gradient, as trained")
    if others := ", ".join(typed(label) for label in named if label not in drawn):
        left.set_title(f"Surrogate gradient, as trained (other axis, not shown: {others})")


def _panels(comparison: Comparison, tuned: bool) -> list[Axes]:
    """A wide panel, two rows of two panels, and a wide one of tuning."""
    import matplotlib.pyplot as plt

    says, (width, height) = (comparison.verdict, comparison.convergence), tuning_size(comparison)
    said = "\n".join(textwrap.fill(typed_text(sentence), LINE) for sentence in says if sentence)
    first = accuracy_height(comparison) + PER_LINE * len(said.splitlines())
    heights = [first, 2 * ROW + 0.4, *[height + 0.4] * tuned]
    figure = plt.figure(figsize=(max(WIDTH, width), sum(heights)), layout="constrained")
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    parts[0].suptitle(said, fontsize="medium")
    panels = [parts[0].subplots(), *parts[1].subplots(2, 2).flat]
    for part in parts[2:]:
        panels.append(part.subplots())
        part.supxlabel(tuning_legend(comparison), fontsize="small")
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    return panels

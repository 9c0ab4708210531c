"""The figure of a comparison: differences first, then curves, surrogates and tuning."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from .._checks import check_record
from .._registry import get_surrogate
from ..records import Comparison
from .accuracy import draw_differences, rows_height
from .learning_curves import draw_learning_curves
from .panels import Axes, add_legend, candidate_styles, panels_of, typed, typed_text
from .surrogates import draw_surrogates, of_one_axis
from .tuning import draw_tuning, tuned_results, tuning_legend, tuning_size

WIDTH, ROW, PER_LINE = 9.0, 3.0, 0.22  # inches
LINE = 110  # characters


def plot_comparison(comparison: Comparison, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw differences from the first candidate, learning curves, and the trained surrogates.

    The first panel has a row for each candidate. Dots are its differences from the first, seed by
    seed; the bar is their mean with a 95% interval that holds for all pairs together. Without
    ``axes``, the new figure has the verdict as its title. It also shows the tuning: a column for
    each setting, with its mean validation score and how many seeds chose it.

    Parameters
    ----------
    comparison : Comparison
        Result of `compare`.
    axes : sequence of four matplotlib.axes.Axes, optional
        Axes for differences, training losses, validation scores and surrogate gradients, in this
        order.

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
    >>> from braintools_qps.plotting import plot_comparison
    >>> small = {"epochs": 2, "seeds": 1, "tune": None}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> [axes.get_title() for axes in plot_comparison(comparison)]
    ['Test scores', 'Training loss', 'Validation score', 'Surrogates, as trained']
    """
    check_record(comparison, Comparison)
    new_figure = axes is None
    tuned = new_figure and bool(tuned_results(comparison))
    panels = panels_of(_panels(comparison, tuned) if new_figure else axes, 4 + tuned)
    draw_differences(comparison, panels[0])
    draw_learning_curves(comparison, *panels[1:3])
    draw_trained(comparison, panels[3])
    if tuned:
        draw_tuning(comparison, panels[4])
    add_legend(panels[1:4], outside=new_figure)
    return panels


def draw_trained(comparison: Comparison, axes: Axes) -> None:
    """Draw the surrogates as they were trained; those that were not trained as they were given."""
    sound = [result for result in comparison.ranked if not result.error]
    named = {r.label: get_surrogate(r.tuned_spec or r.spec) for r in sound}
    drawn = of_one_axis(named)
    draw_surrogates(drawn, axes, looks=candidate_styles(comparison))
    axes.set_title("Surrogates, as trained")
    axes.set_xlabel(axes.get_xlabel().replace(" minus", "\nminus"))
    if others := ", ".join(typed(label) for label in named if label not in drawn):
        axes.set_title(f"Surrogates, as trained\n(other axis: {others})")


def _panels(comparison: Comparison, tuned: bool) -> list[Axes]:
    """A wide panel, a row of three, and a wide one of tuning."""
    import matplotlib.pyplot as plt

    says = comparison.verdict.splitlines()
    title = "\n".join(textwrap.fill(typed_text(sentence), LINE) for sentence in says)
    first, (width, height) = rows_height(comparison), tuning_size(comparison)
    first += PER_LINE * len(title.splitlines())
    heights = [first, ROW + 0.4, *[height + 0.4] * tuned]
    figure = plt.figure(figsize=(max(WIDTH, width), sum(heights)), layout="constrained")
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    parts[0].suptitle(title, fontsize="medium")
    panels = [parts[0].subplots(), *parts[1].subplots(1, 3)]
    for part in parts[2:]:
        panels.append(part.subplots())
        part.supxlabel(tuning_legend(comparison), fontsize="small")
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    return panels

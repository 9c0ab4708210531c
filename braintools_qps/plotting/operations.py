"""The figure of test scores against synaptic operations."""

from __future__ import annotations

import numpy as np

from .._statistics import summary
from .._tables import score_of
from ..records import Comparison
from .panels import Axes, add_legend, candidate_styles, panels_of, typed


def plot_operations(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """Draw the test score of each candidate against its synaptic operations per sample.

    Up and left is better: a higher score for fewer operations. Circles are seeds. Squares are
    means, with a 95% interval of the score for each candidate alone.

    Parameters
    ----------
    comparison : Comparison
        Result of `compare`.
    axes : matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If ``axes`` is a sequence of several.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_operations
    >>> small = {"epochs": 2, "seeds": 2, "tune": None}
    >>> plot_operations(compare(["Sigmoid"], **small)).get_xlabel()
    'synaptic operations per sample'
    """
    (panel,) = panels_of(axes, 1)
    form, looks = score_of(comparison), candidate_styles(comparison)
    for result in comparison.ranked:
        if result.diverged or not result.scores.operations:
            continue
        scores = form.unit.factor * np.array(result.scores.test)
        colour, operations = looks[result.label]["color"], result.scores.operations
        panel.plot(operations, scores, "o", color=colour, markersize=4, markerfacecolor="none")
        middle = float(np.mean(operations)), form.unit.factor * np.mean(result.scores.test)
        panel.plot(*middle, "s", color=colour, label=typed(result.label))
        _, low, high = summary(result.scores.test, bounds=form.bounds)
        if low is not None and high is not None:
            panel.vlines(middle[0], form.unit.factor * low, form.unit.factor * high, color=colour)
    panel.set(xlabel="synaptic operations per sample", ylabel=f"test {form.heading}")
    panel.set_title("Score and operations")
    add_legend([panel], outside=axes is None)
    return panel

"""The figure of test scores: seeds, means, intervals, and shading within noise of the best."""

from __future__ import annotations

import numpy as np

from .._checks import check_record
from .._statistics import summary
from ..records import Comparison, score_of
from .panels import GREY, Axes, candidate_styles, panels_of, typed

PER_CANDIDATE = 0.45  # inches
LEAST_HEIGHT = 1.8
LONGEST = 32  # characters of a label
DOTS, PER_DOT, LOWEST_DOT = 0.22, 0.11, 0.44  # below the middle of a row, in rows


def plot_accuracy(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """Draw the test score of each candidate, the best first.

    Dots are seeds. Bars are means with a 95% interval for each candidate alone. Shaded rows are not
    clearly lower than any other; if none is, the title says so and none is shaded. The test uses
    differences seed by seed, so two candidates may differ even if their bars overlap.

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
    TypeError
        If it is no comparison.
    ValueError
        If ``axes`` is a sequence of several.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_accuracy
    >>> small = {"epochs": 2, "seeds": 2, "tune": None}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> plot_accuracy(comparison).get_xlabel().splitlines()[0]
    'test accuracy %'
    """
    check_record(comparison, Comparison)
    (panel,) = panels_of(axes, 1, (6, accuracy_height(comparison)))
    draw_accuracy(comparison, panel)
    return panel


def accuracy_height(comparison: Comparison) -> float:
    """Inches that the figure needs for its rows."""
    return max(LEAST_HEIGHT, PER_CANDIDATE * len(comparison.results) + 1.2)


def draw_accuracy(comparison: Comparison, axes: Axes) -> None:
    """Draw a row for each candidate, the best on top."""
    results, tied = comparison.ranked, {result.label for result in comparison.tied}
    score = score_of(comparison)
    looks = candidate_styles(comparison)
    # A shade behind all rows would look like a background.
    known = comparison.possible_loss is not None
    shaded = known and 1 < len(tied) < len(results)
    for row, result in enumerate(results):
        if shaded and result.label in tied:
            axes.axhspan(row - 0.5, row + 0.5, color=GREY, alpha=0.3, linewidth=0, zorder=0)
        scores = score.factor * np.array(result.scores.test)
        if not np.isfinite(scores).any():
            why = "failed" if result.error else "diverged"
            axes.text(0.5, row, why, transform=axes.get_yaxis_transform(), va="center")
            continue
        colour = looks[result.label]["color"]
        mean, low, high = summary(result.scores.test, bounds=score.bounds)
        if low is not None and high is not None:
            ends = score.factor * np.array([low, high])
            axes.plot(ends, [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(score.factor * mean, row, "|", color=colour, markersize=14, markeredgewidth=3)
        axes.plot(scores, row + _heights(scores), "o", color=colour, markersize=4,
                  markerfacecolor="none")  # fmt: skip
    meaning = "\n(dots: seeds; bars: mean with 95% interval)" if len(comparison.seeds) > 1 else ""
    axes.set_yticks(range(len(results)), [typed(result.label, LONGEST) for result in results])
    axes.set_ylim(len(results) - 0.5, -0.5)
    # From the right, since long labels leave no room on the left.
    axes.set_xlabel(f"test {score.heading}{meaning}", loc="right")
    axes.set_title(f"Test scores{_meaning(comparison, shaded=shaded)}")


def _meaning(comparison: Comparison, *, shaded: bool) -> str:
    """What the shade says, or that it would say nothing."""
    if comparison.possible_loss is None:
        return " (too few seeds to tell)" if len(comparison.results) > 1 else ""
    if shaded:
        return " (shaded: may be best)"
    return " (none is clearly lower)" if len(comparison.tied) > 1 else ""


def _heights(scores: np.ndarray) -> np.ndarray:
    """How far below its row each dot lies; equal scores are stacked."""
    equal = np.array([np.sum(scores[:number] == score) for number, score in enumerate(scores)])
    return np.minimum(DOTS + PER_DOT * equal, LOWEST_DOT)

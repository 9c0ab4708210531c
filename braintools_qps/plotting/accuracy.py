"""The figure of test scores, and the panel of their differences from the first, seed by seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_record
from .._statistics import Interval, summary
from ..records import Comparison, ranking, score_of
from .panels import FAINT, Axes, candidate_styles, panels_of, typed

PER_CANDIDATE = 0.45  # inches
LEAST_HEIGHT = 1.8
LONGEST = 32  # characters of a label
DOTS, PER_DOT, LOWEST_DOT = 0.22, 0.11, 0.44  # below the middle of a row, in rows


def plot_accuracy(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """Draw the test score of each candidate, the best first.

    Dots are seeds. Bars are means with a 95% interval for each candidate alone. `compare` tests the
    differences seed by seed, so two candidates may differ even if their bars overlap.
    `plot_comparison` draws these differences.

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
        If ``comparison`` is not a `Comparison`.
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
    (panel,) = panels_of(axes, 1, (6, rows_height(comparison)))
    draw_accuracy(comparison, panel)
    return panel


def rows_height(comparison: Comparison) -> float:
    """Inches that a panel with a row for each candidate needs."""
    return max(LEAST_HEIGHT, PER_CANDIDATE * len(comparison.results) + 1.2)


def draw_accuracy(comparison: Comparison, axes: Axes) -> None:
    """Draw a row for each candidate, the best on top."""
    score, looks = score_of(comparison), candidate_styles(comparison)
    for row, result in enumerate(comparison.ranked):
        if not np.isfinite(result.scores.test).any():
            write_in_row(axes, row, "failed" if result.error else "diverged")
            continue
        interval = summary(result.scores.test, bounds=score.bounds)
        colour = looks[result.label]["color"]
        draw_row(axes, row, result.scores.test, interval, score.factor, colour)
    meaning = "\n(dots: seeds; bars: mean with 95% interval)" if len(comparison.seeds) > 1 else ""
    label_rows(comparison, axes)
    axes.set_xlabel(f"test {score.heading}{meaning}", loc="right")
    axes.set_title("Test scores")


def draw_row(
    axes: Axes, row: int, values: ArrayLike, interval: Interval, factor: float, colour: str
) -> None:
    """Draw the mean as a tick, its interval as a bar, and below it the seeds as dots."""
    mean, low, high = interval
    if low is not None and high is not None:
        ends = factor * np.array([low, high])
        axes.plot(ends, [row, row], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot(factor * mean, row, "|", color=colour, markersize=14, markeredgewidth=3)
    dots = factor * np.asarray(values)
    axes.plot(dots, row + _heights(dots), "o", color=colour, markersize=4, markerfacecolor="none")


def write_in_row(axes: Axes, row: int, why: str) -> None:
    """Write why a row has no numbers."""
    axes.text(0.5, row, why, transform=axes.get_yaxis_transform(), va="center", ha="center")


def label_rows(comparison: Comparison, axes: Axes) -> None:
    """Name each row, the first on top."""
    labels = [typed(result.label, LONGEST) for result in comparison.ranked]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)


def _heights(scores: np.ndarray) -> np.ndarray:
    """How far below its row each dot lies; equal scores are stacked."""
    equal = np.array([np.sum(scores[:number] == score) for number, score in enumerate(scores)])
    return np.minimum(DOTS + PER_DOT * equal, LOWEST_DOT)


def draw_differences(comparison: Comparison, axes: Axes) -> None:
    """Draw a row for each candidate: its difference from the first by seed, and the interval.

    A single candidate has its test scores instead.
    """
    if sum(not result.diverged for result in comparison.results) < 2:
        draw_accuracy(comparison, axes)
        return
    score, looks = score_of(comparison), candidate_styles(comparison)
    order = ranking(comparison)
    first, *others = order.ranked
    axes.axvline(0, color=FAINT, linewidth=1, zorder=0)
    axes.plot(0, 0, "|", color=looks[first.label]["color"], markersize=14, markeredgewidth=3)
    for row, result in enumerate(others, 1):
        if result.diverged:
            write_in_row(axes, row, "failed" if result.error else "diverged")
        elif result.label in order.unlearned:
            write_in_row(axes, row, "did not learn")
        else:
            by_seed = [x - y for x, y in zip(result.scores.test, first.scores.test)]
            colour = looks[result.label]["color"]
            draw_row(axes, row, by_seed, order.differences[result.label], score.factor, colour)
    label_rows(comparison, axes)
    unit = f", {score.unit}s" if score.unit else ""
    bars = "" if order.possible_loss is None else "; bars: mean with 95% interval, all pairs"
    axes.set_xlabel(
        f"test {comparison.score} minus that of {typed(first.label)}{unit}\n"
        f"(dots: seeds{bars})", loc="right",
    )  # fmt: skip
    axes.set_title("Difference from the first, seed by seed")

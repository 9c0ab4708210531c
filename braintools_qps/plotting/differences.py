"""The panel that answers which candidate to take: paired differences from the first."""

from __future__ import annotations

from ..records import Comparison, did_not_learn, score_of
from .accuracy import draw_accuracy, draw_row, label_rows, write_in_row
from .panels import FAINT, Axes, candidate_styles, typed


def draw_differences(comparison: Comparison, axes: Axes) -> None:
    """Draw a row for each candidate: its difference from the first by seed, and the interval.

    A single candidate has its test scores instead.
    """
    if sum(not result.diverged for result in comparison.results) < 2:
        draw_accuracy(comparison, axes)
        return
    score, looks = score_of(comparison), candidate_styles(comparison)
    mute, differences = did_not_learn(comparison), comparison.differences
    first, *others = comparison.ranked
    axes.axvline(0, color=FAINT, linewidth=1, zorder=0)
    axes.plot(0, 0, "|", color=looks[first.label]["color"], markersize=14, markeredgewidth=3)
    for row, result in enumerate(others, 1):
        if result.diverged:
            write_in_row(axes, row, "failed" if result.error else "diverged")
        elif result.label in mute:
            write_in_row(axes, row, "did not learn")
        else:
            by_seed = [x - y for x, y in zip(result.scores.test, first.scores.test)]
            colour = looks[result.label]["color"]
            draw_row(axes, row, by_seed, differences[result.label], score.factor, colour)
    label_rows(comparison, axes)
    unit = f", {score.unit}s" if score.unit else ""
    bars = "" if comparison.possible_loss is None else "; bars: mean with 95% interval, all pairs"
    axes.set_xlabel(
        f"test {comparison.score} minus that of {typed(first.label)}{unit}\n"
        f"(dots: seeds{bars})", loc="right",
    )  # fmt: skip
    axes.set_title("Difference from the first, seed by seed")

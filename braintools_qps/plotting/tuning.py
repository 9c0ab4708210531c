"""The panel of tuning: how each setting did, and how many seeds chose it."""

from __future__ import annotations

import numpy as np

from ..records import CandidateResult, Comparison, score_of, value_text, varied_names
from .panels import Axes, typed

CHOSEN = "#D55E00"
SHADES = 0.06, 0.45  # how opaque: on light and on dark pages the best stand out most
FONT_SIZE = 9.5  # at least 10 pixels of a report on a phone
LONGEST = 30  # characters of a label
PER_ROW, PER_COLUMN, ABOVE, BESIDE, LEAST_WIDTH = 0.46, 0.75, 1.0, 2.0, 4.8  # inches


def tuned_results(comparison: Comparison) -> list[CandidateResult]:
    """Candidates that had several settings, the best first."""
    return [r for r in comparison.ranked if r.tuning and len(r.tuning.trials) > 1]


def tuning_size(comparison: Comparison) -> tuple[float, float]:
    """Inches that the panel needs."""
    results = tuned_results(comparison)
    columns = max((len(r.tuning.trials) for r in results if r.tuning), default=0)
    return max(LEAST_WIDTH, BESIDE + PER_COLUMN * columns), ABOVE + PER_ROW * len(results)


def draw_tuning(comparison: Comparison, axes: Axes) -> None:
    """Draw a row for each candidate, the best on top, and a column for each setting.

    The number is the mean validation score over seeds; darker is higher. "4 of 5" says how many
    seeds chose the setting. The one chosen most often has a frame.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Rectangle

    results = tuned_results(comparison)
    tunings = [result.tuning for result in results if result.tuning]
    means = np.array([[np.mean(trial.validation) for trial in t.trials] for t in tunings])
    shades = ListedColormap([(0.5, 0.5, 0.5, opacity) for opacity in np.linspace(*SHADES, 256)])
    axes.pcolormesh(np.ma.masked_invalid(means), cmap=shades)
    score = score_of(comparison)
    for row, tuning in enumerate(tunings):
        for column, mean in enumerate(means[row]):
            words = score.number(mean) + "%" * (comparison.score == "accuracy")
            if votes := tuning.chosen.count(column):
                words += f"\n{votes} of {len(tuning.chosen)}"
            if column == tuning.most_chosen:
                corner, size = (column + 0.04, row + 0.04), (0.92, 0.92)
                axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=CHOSEN, linewidth=2))
            axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", fontsize=FONT_SIZE)
    trials = tunings[0].trials
    names = varied_names([trial.setting for trial in trials])
    texts = ["\n".join(typed(value_text(n, t.setting.get(n))) for n in names) for t in trials]
    axes.set_xticks(np.arange(len(texts)) + 0.5, texts)
    axes.set_yticks(np.arange(len(results)) + 0.5, [typed(r.label, LONGEST) for r in results])
    axes.invert_yaxis()
    axes.set(title="Tuning", xlabel=", ".join(names).replace("_", " "))


def tuning_legend(comparison: Comparison) -> str:
    """What numbers and frames mean."""
    return (
        f"Validation {comparison.score}, mean over seeds, and how many of them chose the setting.\n"
        "Frame: chosen most often."
    )

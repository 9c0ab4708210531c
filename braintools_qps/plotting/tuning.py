"""The figure of tuning: how each setting did, and how many seeds chose it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..records import score_of, value_text
from .panels import panels_of, typed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records import CandidateResult, Comparison, Trial

AXES = ("learning_rate", "dampening", "mean_slope")
CHOSEN = "#D55E00"
WORST, BEST = 0.97, 0.72  # greys, both light enough for dark numbers
INK = "#111111"
LONGEST_TITLE = 30

Place = tuple[int, int]


def plot_tuning(comparison: Comparison, axes: Any = None) -> list[Axes]:
    """Draw how each setting did over learning rate and dampening, a panel for each candidate.

    The number in a field is the mean validation score over seeds, after training in full; the
    higher it is, the darker the field, on one scale for all panels. A field with a frame says how
    many seeds chose the setting. Where only one of the two was tuned, something else that was takes
    the other's place; of several trials in one field the best is shown.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : matplotlib.axes.Axes or sequence of them, optional
        One for each candidate with several settings.

    Returns
    -------
    list of matplotlib.axes.Axes
        Empty where there was one setting for each candidate, or none was tuned.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_tuning
    >>> small = {"epochs": 2, "seeds": 1}
    >>> comparison = compare(["Sigmoid"], tune={"dampening": (0.5, 1)}, **small)
    >>> [axes.get_title() for axes in plot_tuning(comparison)]
    ['Tuning: Sigmoid']
    """
    tuned = tuned_results(comparison)
    if not tuned:
        return []
    panels = panels_of(axes, len(tuned))
    for panel, result in zip(panels, tuned):
        draw_tuning(result, comparison, panel)
    return panels


def tuned_results(comparison: Comparison) -> list[CandidateResult]:
    """Those that had several settings to choose from, the best candidate first."""
    return [r for r in comparison.ranked if r.tuning and len(r.tuning.trials) > 1]


def draw_tuning(result: CandidateResult, comparison: Comparison, axes: Axes) -> None:
    """Draw one candidate's panel."""
    assert result.tuning is not None
    trials, seeds = result.tuning.trials, len(result.tuning.chosen)
    across, up = _names(trials)
    columns, rows = (_values(trials, name) for name in (across, up))
    index = lambda values, trial, name: values.index(trial.setting.get(name))
    place = lambda trial: (index(columns, trial, across), index(rows, trial, up))
    means: dict[Place, float] = {}
    votes: dict[Place, int] = {}
    for number, trial in enumerate(trials):
        at = place(trial)
        means[at] = float(np.nanmax([means.get(at, np.nan), np.mean(trial.validation)]))
        votes[at] = votes.get(at, 0) + result.tuning.chosen.count(number)
    form, (low, high) = score_of(comparison.score, [result]), _range(comparison)
    for at, mean in means.items():
        height = (mean - low) / (high - low) if high > low and np.isfinite(mean) else 0.0
        grey = WORST + (BEST - WORST) * height
        # A trace of yellow: reports exchange pure greys for the colours of the page.
        axes.add_patch(_field(at, 0.01, facecolor=(grey, grey, grey - 0.01), edgecolor="none"))
        words = _score_text(form.unit.number(mean), form.name)
        if votes[at]:
            look = {"facecolor": "none", "edgecolor": CHOSEN, "linewidth": 2, "zorder": 3}
            axes.add_patch(_field(at, 0.04, **look))
            words += f"\n{votes[at]} of {seeds}"
        axes.text(*at, words, ha="center", va="center", fontsize=7, color=INK, zorder=5)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
    axes.set_xticks(range(len(columns)), [typed(value_text(across, value)) for value in columns])
    axes.set_yticks(range(len(rows)), [typed(value_text(up, value)) for value in rows])
    axes.set_title(f"Tuning: {typed(result.label, LONGEST_TITLE)}")
    axes.set(xlabel=across.replace("_", " "), ylabel=up.replace("_", " "))


def tuning_legend(comparison: Comparison) -> str:
    """What the numbers and frames mean, in a line."""
    score = score_of(comparison.score, comparison.results).heading
    return f"Validation {score}, mean over seeds; framed: chosen by so many of them."


def _range(comparison: Comparison) -> tuple[float, float]:
    """The lowest and the highest mean validation score of all panels."""
    trials = [trial for r in tuned_results(comparison) if r.tuning for trial in r.tuning.trials]
    means = [np.mean(trial.validation) for trial in trials]
    sound = [float(mean) for mean in means if np.isfinite(mean)] or [0.0]
    return min(sound), max(sound)


def _score_text(number: str, score: str) -> str:
    return f"{number}%" if score == "accuracy" else number


def _field(at: Place, inset: float, **look: Any) -> Any:
    from matplotlib.patches import Rectangle

    size = 1 - 2 * inset
    return Rectangle((at[0] - size / 2, at[1] - size / 2), size, size, **look)


def _names(trials: Sequence[Trial]) -> tuple[str, str]:
    """What goes across and what goes up: nothing where only one name has several values."""
    tuned = [name for name in trials[0].setting if len(_values(trials, name)) > 1]
    ordered = [name for name in AXES if name in tuned] + [n for n in tuned if n not in AXES]
    return ordered[0], (ordered[1] if len(ordered) > 1 else "")


def _values(trials: Sequence[Trial], name: str) -> list[Any]:
    """The values of a name, numbers in their order."""
    settings = [trial.setting for trial in trials]
    found = list({repr(setting.get(name)): setting.get(name) for setting in settings}.values())
    numbers = all(isinstance(value, (int, float)) for value in found)
    return sorted(found) if numbers else found

"""The figure of tuning: how each setting did, and how many seeds chose it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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
LONGEST = 30  # characters of a label
PER_ROW, AROUND, LEAST_HEIGHT = 0.3, 1.0, 2.8  # inches of a panel

Place = tuple[int, int]


class Panel(NamedTuple):
    """What one panel of the figure shows."""

    results: list[CandidateResult]  # one row each; or a single one, if two names are tuned
    across: str
    up: str  # "" for rows of candidates

    @property
    def height(self) -> float:
        """Inches that it needs."""
        return PER_ROW * len(self.results) + AROUND if not self.up else LEAST_HEIGHT


def plot_tuning(comparison: Comparison, axes: Any = None) -> list[Axes]:
    """Draw how each setting did, and how many seeds chose it.

    A field is a setting. Its number is the mean validation score over seeds after full training;
    darker is higher, on one scale for all panels. A frame shows that seeds chose the setting, and
    how many. If one name was tuned, there is one panel with a row for each candidate. If several
    were, each candidate has its own panel with two of the names as axes, learning rate and
    dampening first. A field with several settings shows the best.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : matplotlib.axes.Axes or sequence of them, optional
        Axes for each panel; by default those of a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        Empty if no candidate had more than one setting.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_tuning
    >>> small = {"epochs": 2, "seeds": 1}
    >>> comparison = compare(["Sigmoid"], tune={"dampening": (0.5, 1)}, **small)
    >>> [axes.get_title() for axes in plot_tuning(comparison)]
    ['Tuning']
    """
    panels = tuning_panels(comparison)
    if not panels:
        return []
    drawn = panels_of(axes, len(panels))
    if axes is None and not panels[0].up:
        figure: Any = drawn[0].get_figure(root=True)
        figure.set_size_inches(6, panels[0].height)
    for one, panel in zip(drawn, panels):
        draw_tuning(panel, comparison, one)
    return drawn


def tuning_panels(comparison: Comparison) -> list[Panel]:
    """The panels, the best candidate first; none where nothing was tuned."""
    several = [r for r in comparison.ranked if r.tuning and len(r.tuning.trials) > 1]
    panels = [Panel([r], *_names(r.tuning.trials)) for r in several if r.tuning]
    if panels and len({(panel.across, panel.up) for panel in panels}) == 1 and not panels[0].up:
        return [panels[0]._replace(results=several)]
    return panels


def draw_tuning(panel: Panel, comparison: Comparison, axes: Axes) -> None:
    """Draw one panel."""
    trials = [trial for r in panel.results if r.tuning for trial in r.tuning.trials]
    columns = _values(trials, panel.across)
    labels = [result.label for result in reversed(panel.results)]
    rows: list[Any] = _values(trials, panel.up) if panel.up else labels
    means: dict[Place, float] = {}
    votes: dict[Place, int] = {}
    for result in panel.results:
        assert result.tuning is not None
        for number, trial in enumerate(result.tuning.trials):
            row = rows.index(trial.setting.get(panel.up) if panel.up else result.label)
            at = columns.index(trial.setting.get(panel.across)), row
            means[at] = float(np.nanmax([means.get(at, np.nan), np.mean(trial.validation)]))
            votes[at] = votes.get(at, 0) + result.tuning.chosen.count(number)
    form, (low, high) = score_of(comparison.score, panel.results), _range(comparison)
    for at, mean in means.items():
        height = (mean - low) / (high - low) if high > low and np.isfinite(mean) else 0.0
        grey = WORST + (BEST - WORST) * height
        # A trace of yellow: reports exchange pure greys for the colours of the page.
        axes.add_patch(_field(at, 0.01, facecolor=(grey, grey, grey - 0.01), edgecolor="none"))
        words = _score_text(form.unit.number(mean), form.name)
        if votes[at]:
            look = {"facecolor": "none", "edgecolor": CHOSEN, "linewidth": 2, "zorder": 3}
            axes.add_patch(_field(at, 0.04, **look))
            words += ("\n" if panel.up else ", ") + f"{votes[at]} of {len(comparison.seeds)}"
        axes.text(*at, words, ha="center", va="center", fontsize=7, color=INK, zorder=5)
    names = [value_text(panel.up, row) for row in rows] if panel.up else labels
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
    axes.set_xticks(range(len(columns)), [typed(value_text(panel.across, v)) for v in columns])
    axes.set_yticks(range(len(rows)), [typed(name, LONGEST) for name in names])
    axes.set_title(f"Tuning: {typed(panel.results[0].label, LONGEST)}" if panel.up else "Tuning")
    axes.set(xlabel=panel.across.replace("_", " "), ylabel=panel.up.replace("_", " "))


def tuning_legend(comparison: Comparison) -> str:
    """What the numbers and frames mean, in a line."""
    score = score_of(comparison.score, comparison.results).name
    return f"Validation {score} of each setting, mean over seeds; framed: how many seeds chose it."


def _range(comparison: Comparison) -> tuple[float, float]:
    """The lowest and the highest mean validation score of all panels."""
    tuned = [result.tuning for result in comparison.results if result.tuning]
    means = [np.mean(trial.validation) for tuning in tuned for trial in tuning.trials]
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
    follows = ("dampening",) if "mean_slope" in trials[0].setting else ()
    names = [name for name in trials[0].setting if name not in follows]
    tuned = [name for name in names if len(_values(trials, name)) > 1]
    ordered = [name for name in AXES if name in tuned] + [n for n in tuned if n not in AXES]
    return ordered[0], (ordered[1] if len(ordered) > 1 else "")


def _values(trials: Sequence[Trial], name: str) -> list[Any]:
    """The values of a name, numbers in their order."""
    settings = [trial.setting for trial in trials]
    found = list({repr(setting.get(name)): setting.get(name) for setting in settings}.values())
    numbers = all(isinstance(value, (int, float)) for value in found)
    return sorted(found) if numbers else found

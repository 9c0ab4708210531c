"""The figure of tuning: how each setting did, and how many seeds chose it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._tables import edge_note, score_of, value_text
from ..records import CandidateResult, Comparison, Trial
from .panels import Axes, panels_of, typed

AXES = ("learning_rate", "dampening", "mean_slope")
CHOSEN = "#D55E00"
WORST, BEST = 0.06, 0.45  # how opaque: on light and on dark pages the best stand out most
FONT_SIZE = 9.5  # at least 10 pixels of a report on a phone
LONGEST = 30  # characters of a label
PER_ROW, AROUND, LEAST_HEIGHT = 0.46, 1.0, 2.8  # inches of a panel

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


class Field(NamedTuple):
    """What stands in a field."""

    mean: float
    votes: int
    seeds: int
    star: str | None  # of the setting chosen most often, "" within what was searched


def plot_tuning(comparison: Comparison, axes: Axes | Sequence[Axes] | None = None) -> list[Axes]:
    """Draw how each setting did, and how many seeds chose it.

    Each cell is a setting. Its number is the mean validation score over seeds after full training;
    darker is higher, on one scale for all panels. "4 of 5" says how many seeds chose the setting.
    The setting chosen most often has a frame, and a star if it is at the edge of the values tried
    and one beyond may be better. If one name was tuned, there is one panel with a row for each
    candidate. If several were, each candidate has its own panel with two of the names as axes,
    learning rate and dampening first. A cell of several settings shows the best of them.

    Parameters
    ----------
    comparison : Comparison
        Result of `compare`.
    axes : matplotlib.axes.Axes or sequence of them, optional
        Axes for each panel; by default those of a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        Empty if no candidate had more than one setting.

    Raises
    ------
    ValueError
        If ``axes`` has the wrong length.

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
    drawn = panels_of(axes, len(panels), None if panels[0].up else (6, panels[0].height))
    for axis, panel in zip(drawn, panels):
        draw_tuning(panel, comparison, axis)
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
    upwards = _values(trials, panel.up) if panel.up else []
    form, (low, high) = score_of(comparison.score, panel.results), _range(comparison)
    for at, field in _fields(panel, columns, upwards).items():
        height = (
            (field.mean - low) / (high - low) if high > low and np.isfinite(field.mean) else 0.0
        )
        shade = (0.5, 0.5, 0.5, WORST + (BEST - WORST) * height)
        axes.add_patch(_box(at, 0.01, facecolor=shade, edgecolor="none"))
        words = form.unit.number(field.mean) + "%" * (form.name == "accuracy")
        if field.votes:
            words += f"\n{field.votes} of {field.seeds}"
        if field.star is not None:
            look = {"facecolor": "none", "edgecolor": CHOSEN, "linewidth": 2, "zorder": 3}
            axes.add_patch(_box(at, 0.04, **look))
            words += field.star
        axes.text(*at, words, ha="center", va="center", fontsize=FONT_SIZE, zorder=5)
    names = [typed(value_text(panel.up, value)) for value in upwards]
    names = names or [_name_of_row(result) for result in reversed(panel.results)]
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(names) - 0.5))
    axes.set_xticks(range(len(columns)), [typed(value_text(panel.across, v)) for v in columns])
    axes.set_yticks(range(len(names)), names)
    axes.set_title(f"Tuning: {typed(panel.results[0].label, LONGEST)}" if panel.up else "Tuning")
    axes.set(xlabel=panel.across.replace("_", " "), ylabel=panel.up.replace("_", " "))


def _fields(panel: Panel, columns: list[Any], upwards: list[Any]) -> dict[Place, Field]:
    """What stands where; of several trials in one field the best mean, and the votes of all."""
    fields: dict[Place, Field] = {}
    for row, result in enumerate(reversed(panel.results)):
        assert result.tuning is not None
        chosen, edges = result.tuning.chosen, {panel.across, panel.up} & {*result.tuning.at_edge}
        most = result.tuning.most_chosen
        for number, trial in enumerate(result.tuning.trials):
            up = upwards.index(trial.setting.get(panel.up)) if panel.up else row
            at = columns.index(trial.setting.get(panel.across)), up
            before = fields.get(at, Field(math.nan, 0, len(chosen), None))
            fields[at] = before._replace(
                mean=float(np.nanmax([before.mean, np.mean(trial.validation)])),
                votes=before.votes + chosen.count(number),
                star="*" * bool(edges) if number == most else before.star,
            )
    return fields


def _name_of_row(result: CandidateResult) -> str:
    """A candidate, with its dampening if that is the same at all settings."""
    trials = result.tuning.trials if result.tuning else ()
    heights = {trial.setting.get("dampening") for trial in trials}
    shown = heights if len(heights) == 1 else {None}
    known = [f"\ndampening {value_text('dampening', x)}" for x in shown if x is not None]
    return typed(result.label, LONGEST) + "".join(known)


def tuning_legend(comparison: Comparison) -> str:
    """What numbers, frames and stars mean."""
    score = score_of(comparison.score, comparison.results).name
    says = f"Validation {score}, mean over seeds, and how many of them chose the setting."
    return f"{says}\nFrame: chosen most often. {edge_note(comparison)}".rstrip()


def _range(comparison: Comparison) -> tuple[float, float]:
    """The lowest and the highest mean validation score of all panels."""
    tuned = [result.tuning for result in comparison.results if result.tuning]
    means = [np.mean(trial.validation) for tuning in tuned for trial in tuning.trials]
    sound = [float(mean) for mean in means if np.isfinite(mean)] or [0.0]
    return min(sound), max(sound)


def _box(at: Place, inset: float, **look: Any) -> Any:
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
    values = list({repr(setting.get(name)): setting.get(name) for setting in settings}.values())
    numbers = all(isinstance(value, (int, float)) for value in values)
    return sorted(values) if numbers else values

"""The figure of a search: validation score over what was tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .panels import panels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records import CandidateResult, Comparison

CHOSEN = "#D55E00"
AXES = ("learning_rate", "dampening")


def plot_tuning(comparison: Comparison, axes: Any = None) -> list[Axes]:
    """Draw the validation score over learning rate and dampening, a panel for each candidate.

    Where one of the two was not tuned, what was takes its place; over a third name the best score
    is shown. A field shows the score of the longest training that the setting has had, so fields of
    settings that were given up early are of shorter ones. A cross marks the setting that was
    chosen.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : matplotlib.axes.Axes or sequence of them, optional
        One for each candidate that was tuned.

    Returns
    -------
    list of matplotlib.axes.Axes

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_tuning
    >>> small = {"epochs": 2, "seeds": 1, "hidden": 8, "measure": False}
    >>> comparison = compare(["Sigmoid"], tune={"dampening": (0.5, 1)}, **small)
    >>> [axes.get_title() for axes in plot_tuning(comparison)]
    ['Sigmoid']
    """
    tuned = tuned_results(comparison)
    panels = panels_of(axes, len(tuned))
    for panel, result in zip(panels, tuned):
        draw_tuning(result, comparison.score, panel)
    return panels


def tuned_results(comparison: Comparison) -> list[CandidateResult]:
    """Those for which a setting was searched."""
    return [result for result in comparison.results if result.tuning]


def draw_tuning(result: CandidateResult, score: str, axes: Axes) -> None:
    """One candidate's panel."""
    scores = _scores(result)
    across, up = _names(result)
    columns, rows = (_values(scores, name) for name in (across, up))
    grid = np.full((len(rows), len(columns)), np.nan)
    for setting, value in scores:
        place = rows.index(setting.get(up)), columns.index(setting.get(across))
        grid[place] = np.nanmax([grid[place], value]) if np.isfinite(value) else grid[place]
    image = axes.imshow(grid, origin="lower", aspect="auto", cmap="cividis")
    chosen = result.setting
    place = columns.index(chosen.get(across)), rows.index(chosen.get(up))
    axes.plot(*place, "x", color=CHOSEN, markersize=10, markeredgewidth=2)
    axes.set_xticks(range(len(columns)), [_shown(value) for value in columns])
    axes.set_yticks(range(len(rows)), [_shown(value) for value in rows])
    axes.set(title=result.label, xlabel=across.replace("_", " "), ylabel=up.replace("_", " "))
    axes.figure.colorbar(image, ax=axes, label=f"validation {score}")


def _scores(result: CandidateResult) -> list[tuple[Any, float]]:
    """Each setting with its mean score in the last round that it was in."""
    assert result.tuning is not None
    latest = {
        repr(dict(trial.setting)): (trial.setting, float(np.mean(trial.scores)))
        for rung in result.tuning.rungs
        for trial in rung.trials
    }
    return list(latest.values())


def _names(result: CandidateResult) -> tuple[str, str]:
    """What goes across and what goes up: nothing where only one name was tuned."""
    assert result.tuning is not None
    tuned = list(result.tuning.rungs[0].trials[0].setting)
    ordered = [name for name in AXES if name in tuned] + [n for n in tuned if n not in AXES]
    return ordered[0], (ordered[1] if len(ordered) > 1 else "")


def _values(scores: list[tuple[Any, float]], name: str) -> list[Any]:
    """The values of a name, numbers in their order."""
    found = list({repr(setting.get(name)): setting.get(name) for setting, _ in scores}.values())
    numbers = all(isinstance(value, (int, float)) for value in found)
    return sorted(found) if numbers else found


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

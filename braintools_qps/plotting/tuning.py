"""The figure of a search: what decided in its short round, and the finalists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..records import score_of, value_text
from .panels import panels_of, typed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records import CandidateResult, Comparison, Rung, Trial

AXES = ("learning_rate", "dampening")
CHOSEN, FINALIST = "#D55E00", "#0072B2"
WORST, BEST = 0.97, 0.72  # greys, both light enough for dark numbers
INK = "#111111"
LONGEST_TITLE = 30


def plot_tuning(comparison: Comparison, axes: Any = None) -> list[Axes]:
    """Draw what was searched over learning rate and dampening, a panel for each candidate.

    The number in a field is the training loss after the short round; the darker the field, the
    lower its loss among those of the same learning rate, which decided what went on. Frames are
    around the finalists, which were trained in full, with their validation score below the loss;
    the thick frame is around the one that was chosen. Where only one of the two was
    tuned, something else that was takes the other's place; of several trials in one field the best
    is shown.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : matplotlib.axes.Axes or sequence of them, optional
        One for each candidate that was tuned.

    Returns
    -------
    list of matplotlib.axes.Axes
        Empty where nothing was tuned.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_tuning
    >>> small = {"epochs": 2, "seeds": 1}
    >>> comparison = compare(["Sigmoid"], tune={"dampening": (0.5, 1)}, **small)
    >>> [axes.get_title() for axes in plot_tuning(comparison)]
    ['Search: Sigmoid']
    """
    tuned = tuned_results(comparison)
    if not tuned:
        return []
    panels = panels_of(axes, len(tuned))
    for panel, result in zip(panels, tuned):
        draw_tuning(result, comparison.score, panel)
    return panels


def tuned_results(comparison: Comparison) -> list[CandidateResult]:
    """Those for which a setting was searched, the best candidate first."""
    return [result for result in comparison.ranked if result.tuning]


def draw_tuning(result: CandidateResult, score: str, axes: Axes) -> None:
    """Draw one candidate's panel."""
    assert result.tuning is not None
    first, last = result.tuning.rungs[0], result.tuning.rungs[-1]
    across, up = _names(first)
    columns, rows = (_values(first, name) for name in (across, up))
    place = lambda setting: (columns.index(setting.get(across)), rows.index(setting.get(up)))
    words: dict[tuple[int, int], list[str]] = {}
    short = first is not last
    if short:
        losses = _best(first.trials, place, lambda trial: -np.mean(trial.losses))
        for at, grey in _greys(losses).items():
            # A trace of yellow: reports exchange pure greys for the colours of the page.
            colour = (grey, grey, grey - 0.01)
            axes.add_patch(_rectangle(at, inset=0.01, facecolor=colour, edgecolor="none"))
            words[at] = [f"{-losses[at]:#.3g}".rstrip(".")]
    form = score_of(score, [result])
    finalists = _best(last.trials, place, lambda trial: np.mean(trial.scores))
    chosen = place(result.setting)
    for at, value in finalists.items():
        words.setdefault(at, []).append(_score_text(form.unit.number(value), form.name))
        look: dict[str, Any] = {"edgecolor": FINALIST, "linewidth": 1.5, "zorder": 3}
        if at == chosen:
            look = {"edgecolor": CHOSEN, "linewidth": 3, "zorder": 4}
        axes.add_patch(_rectangle(at, inset=0.04, facecolor="none", **look))
    for at, lines in words.items():
        ink = INK if short else None
        axes.text(*at, "\n".join(lines), ha="center", va="center", fontsize=7, color=ink, zorder=5)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
    axes.set_xticks(range(len(columns)), [typed(value_text(across, value)) for value in columns])
    axes.set_yticks(range(len(rows)), [typed(value_text(up, value)) for value in rows])
    axes.set_title(f"Search: {typed(result.label, LONGEST_TITLE)}")
    axes.set(xlabel=across.replace("_", " "), ylabel=up.replace("_", " "))


def search_legend(comparison: Comparison) -> str:
    """What the numbers and frames of a search mean, in two lines."""
    rungs = next(r.tuning.rungs for r in comparison.results if r.tuning)
    score = score_of(comparison.score, comparison.results).heading
    said = f"Frames: trained for {rungs[-1].epochs} epochs, with validation {score}; thick: chosen."
    if len(rungs) == 1:
        return said
    return f"Numbers: loss after {rungs[0].epochs} epochs, darker if lower in its column.\n{said}"


def _score_text(number: str, score: str) -> str:
    return f"{number}%" if score == "accuracy" else number


def _rectangle(at: tuple[int, int], inset: float = 0.0, **look: Any) -> Any:
    from matplotlib.patches import Rectangle

    size = 1 - 2 * inset
    return Rectangle((at[0] - size / 2, at[1] - size / 2), size, size, **look)


def _best(trials: Sequence[Trial], place: Any, value_of: Any) -> dict[tuple[int, int], float]:
    """The highest value of each field; where all diverged, NaN."""
    found: dict[tuple[int, int], float] = {}
    for trial in trials:
        at, value = place(trial.setting), float(value_of(trial))
        found[at] = np.nanmax([found[at], value]) if at in found else value
    return found


def _greys(values: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    """The grey of each field by its rank within its column: dark for the highest value."""
    greys = {}
    for at, value in values.items():
        same = [other for place, other in values.items() if place[0] == at[0]]
        rank = np.mean([value > other for other in same]) if np.isfinite(value) else 0.0
        most = 1 - 1 / len(same) or 1.0
        greys[at] = WORST + (BEST - WORST) * float(rank) / most
    return greys


def _names(rung: Rung) -> tuple[str, str]:
    """What goes across and what goes up: nothing where only one name was tuned."""
    tuned = list(rung.trials[0].setting)
    ordered = [name for name in AXES if name in tuned] + [n for n in tuned if n not in AXES]
    return ordered[0], (ordered[1] if len(ordered) > 1 else "")


def _values(rung: Rung, name: str) -> list[Any]:
    """The values of a name, numbers in their order."""
    settings = [trial.setting for trial in rung.trials]
    found = list({repr(setting.get(name)): setting.get(name) for setting in settings}.values())
    numbers = all(isinstance(value, (int, float)) for value in found)
    return sorted(found) if numbers else found

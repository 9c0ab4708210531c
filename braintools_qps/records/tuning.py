"""The settings that a candidate was trained with, and how one of them is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .record import Record

Numbers = tuple[float, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Trial(Record):
    """Scores of one setting that was trained with every seed; tuples have one number per seed.

    Attributes
    ----------
    setting : dict
        Value of each tuned name; with a ``mean_slope`` also the resulting ``dampening``.
    validation, test : tuple of float
        Score after the last epoch; NaN where training diverged.
    loss : tuple of float
        Training loss of the last epoch.

    Examples
    --------
    >>> from braintools_qps.records import Trial
    >>> trial = Trial({"learning_rate": 0.1}, validation=(0.93, 0.95), test=(0.92, 0.94))
    >>> trial.setting["learning_rate"], max(trial.validation)
    (0.1, 0.95)
    """

    setting: Mapping[str, Any]
    validation: Numbers
    test: Numbers = ()
    loss: Numbers = ()


@dataclass(frozen=True, eq=False, repr=False)
class Tuning(Record):
    """The settings that were tried, and the one that each seed chose by its validation score.

    Attributes
    ----------
    trials : tuple of Trial
        One `.Trial` for each combination of the values to try.
    chosen : tuple of int
        For each seed, the index in ``trials`` of the highest validation score; if several tie, of
        the one nearest to the middle of the values tried.

    Examples
    --------
    Two seeds, each with its own best rate:

    >>> from braintools_qps.records import Trial, Tuning
    >>> trials = (
    ...     Trial({"learning_rate": 0.1}, (0.93, 0.91), (0.92, 0.92), (0.2, 0.3)),
    ...     Trial({"learning_rate": 0.01}, (0.90, 0.94), (0.91, 0.93), (0.4, 0.2)),
    ... )
    >>> tuning = Tuning(trials, chosen=(0, 1))
    >>> [tuning.trials[row].setting["learning_rate"] for row in tuning.chosen]
    [0.1, 0.01]
    """

    trials: tuple[Trial, ...]
    chosen: tuple[int, ...]

    @property
    def most_chosen(self) -> int:
        """Index in ``trials`` of the setting that most seeds chose; the first if several tie."""
        return Counter(self.chosen).most_common(1)[0][0]


def choose(settings: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> int:
    """Return the index of the setting with the highest score.

    If several settings tie, the one nearest to the middle of the values tried wins: it is the one
    with most room on both sides. NaN counts as lowest.

    Examples
    --------
    >>> from braintools_qps.records import choose
    >>> settings = [{"learning_rate": rate} for rate in (0.1, 0.03, 0.01)]
    >>> choose(settings, [0.9, 0.9, 0.8])
    1
    """
    ranks = np.where(np.isnan(scores), -np.inf, scores)
    tried = {
        name: sorted({setting[name] for setting in settings})
        for name in varied_names(settings)
        if all(isinstance(setting.get(name), (int, float)) for setting in settings)
    }

    def off_centre(row: int) -> float:
        places = ((values.index(settings[row][n]), values) for n, values in tried.items())
        return sum(abs(place - (len(values) - 1) / 2) for place, values in places)

    return min(map(int, np.flatnonzero(ranks == ranks.max())), key=off_centre)


def varied_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names with several values, without a dampening that follows from a mean slope."""
    first, *others = settings
    derived = "dampening" if "mean_slope" in first else None
    return [
        name
        for name, value in first.items()
        if name != derived and any(setting.get(name) != value for setting in others)
    ]

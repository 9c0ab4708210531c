"""The settings that a candidate was trained with, and how one of them is chosen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._statistics import LEAST_SEEDS, summary
from .._tables import tuning_table, varied_names
from .plain import refuse
from .record import Record

Numbers = tuple[float, ...]
Setting = Mapping[str, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Trial(Record):
    """One setting, trained with every seed. Tuples have one number per seed.

    Attributes
    ----------
    setting : dict
        Value of each tuned name; for a ``mean_slope`` also the ``dampening`` that it gave.
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
        For each seed, the index in ``trials`` of the highest validation score; of equals, the one
        nearest to the middle of the values tried.

    Examples
    --------
    Two seeds, each with its own best rate:

    >>> from braintools_qps.records import Trial, Tuning
    >>> trials = (
    ...     Trial({"learning_rate": 0.1}, (0.93, 0.91), (0.92, 0.92), (0.2, 0.3)),
    ...     Trial({"learning_rate": 0.01}, (0.90, 0.94), (0.91, 0.93), (0.4, 0.2)),
    ... )
    >>> Tuning(trials, chosen=(0, 1))
    trial  learning_rate  validation   test  loss  chosen by
    0                0.1        0.92   0.92  0.25     1 of 2
    1               0.01        0.92   0.92   0.3     1 of 2
    - Means over seeds. Each seed chooses by its own validation score.
    """

    _table = tuning_table

    trials: tuple[Trial, ...]
    chosen: tuple[int, ...]

    def __post_init__(self) -> None:
        count = len(self.trials)
        if not self.chosen or not all(0 <= row < count for row in self.chosen):
            refuse("chosen", f"an index of {count} trials for each seed", self.chosen)
        for number, trial in enumerate(self.trials):
            if len(trial.validation) != len(self.chosen):
                seeds = f"a score for each of {len(self.chosen)} seeds"
                refuse(f"validation of trial {number}", seeds, trial.validation)

    @property
    def most_chosen(self) -> int:
        """Index in ``trials`` of the setting that most seeds chose; the first of equals."""
        return Counter(self.chosen).most_common(1)[0][0]

    @property
    def at_edge(self) -> tuple[str, ...]:
        """Names for which a value beyond those tried may be better.

        In the setting that most seeds chose, such a name has the smallest or the largest value
        tried, and with five seeds or more the validation score there is higher than at the next
        value, beyond noise.
        """
        return tuple(name for name in tuned_numbers(self._settings) if self._gains_at_edge(name))

    def beyond(self, name: str) -> float:
        """Return the next value to try beyond the one at the edge.

        Parameters
        ----------
        name : str
            One of ``at_edge``.

        Returns
        -------
        float
            As far from the edge, by its ratio, as the next value tried; with as few digits as lie
            beyond the edge, or a power of 2.

        Examples
        --------
        >>> from braintools_qps.records import Trial, Tuning
        >>> trials = tuple(Trial({"learning_rate": rate}, (rate,)) for rate in (0.03, 0.1))
        >>> Tuning(trials, chosen=(1,)).beyond("learning_rate")
        0.3
        """
        least = _least(name)
        edge, inner = (value - least for value in self._edge(name))
        value = edge * edge / inner
        if isinstance(edge, int) and isinstance(inner, int):
            return least + round(value)
        if math.frexp(value)[0] == 0.5:  # a power of 2
            return least + value
        rounded = (float(f"{value:.{digits}g}") for digits in range(1, 17))
        return least + next(near for near in rounded if (near - edge) * (edge - inner) > 0)

    def _edge(self, name: str) -> tuple[float, float]:
        """The value chosen, and its neighbour in the direction of the middle."""
        values = tuned_numbers(self._settings)[name]
        edge = self.trials[self.most_chosen].setting[name]
        return edge, values[1] if edge == values[0] else values[values.index(edge) - 1]

    @property
    def _settings(self) -> list[Mapping[str, Any]]:
        return [trial.setting for trial in self.trials]

    def _gains_at_edge(self, name: str) -> bool:
        """Whether validation scores at the edge are above those at the next value."""
        best, values = self.trials[self.most_chosen], tuned_numbers(self._settings)[name]
        edge, inner = self._edge(name)
        if edge not in (values[0], values[-1]) or not 0 < edge / (inner or math.nan) < math.inf:
            return False  # nothing lies beyond 0 or infinity
        if self.beyond(name) == _least(name):
            return False  # no whole number lies between
        wanted, names = {**best.setting, name: inner}, varied_names(self._settings)
        for trial in self.trials:
            if all(trial.setting.get(varied) == wanted.get(varied) for varied in names):
                gain = summary(np.subtract(best.validation, trial.validation))
                return len(self.chosen) >= LEAST_SEEDS and gain.low is not None and gain.low > 0
        return False


def _least(name: str) -> int:
    """The number that all values of a name lie above."""
    return 1 if name == "q" else 0


def choose(settings: Sequence[Setting], scores: Sequence[float]) -> int:
    """Return the index of the setting with the highest score.

    Of equal scores, the setting nearest to the middle of the values tried wins, since it is the one
    with most room on both sides. NaN counts as lowest.

    Examples
    --------
    >>> from braintools_qps.records import choose
    >>> settings = [{"learning_rate": rate} for rate in (0.1, 0.03, 0.01)]
    >>> choose(settings, [0.9, 0.9, 0.8])
    1
    """
    ranks = np.where(np.isnan(scores), -np.inf, scores)
    tried = tuned_numbers(settings)

    def off_centre(row: int) -> float:
        places = ((values.index(settings[row][n]), values) for n, values in tried.items())
        return sum(abs(place - (len(values) - 1) / 2) for place, values in places)

    return min(map(int, np.flatnonzero(ranks == ranks.max())), key=off_centre)


def tuned_numbers(settings: Sequence[Setting]) -> dict[str, list[float]]:
    """Names that have a number in each setting, and several of them: the values in their order."""
    are_numbers = lambda name: all(_is_number(setting.get(name)) for setting in settings)
    names = filter(are_numbers, varied_names(settings))
    return {name: sorted({setting[name] for setting in settings}) for name in names}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

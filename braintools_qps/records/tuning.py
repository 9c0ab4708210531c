"""The settings that a candidate was trained with, and how one of them is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._statistics import paired_difference
from .record import Record
from .table import Rows, cell

Seeds = tuple[float, ...]
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
    validation: Seeds
    test: Seeds = ()
    loss: Seeds = ()


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

    trials: tuple[Trial, ...]
    chosen: tuple[int, ...]

    @property
    def most_chosen(self) -> int:
        """Index in ``trials`` of the setting that most seeds chose; the first of equals."""
        return Counter(self.chosen).most_common(1)[0][0]

    @property
    def at_edge(self) -> tuple[str, ...]:
        """Names for which a value beyond those tried may be better.

        In the setting that most seeds chose, such a name has the smallest or the largest value
        tried, and the validation score there is higher than at the next value, beyond noise.
        """
        return tuple(name for name in tuned_numbers(self._settings) if self._gains_at_edge(name))

    @property
    def _settings(self) -> list[Mapping[str, Any]]:
        return [trial.setting for trial in self.trials]

    def _gains_at_edge(self, name: str) -> bool:
        """Whether validation scores at the edge are above those at the next value."""
        best, values = self.trials[self.most_chosen], tuned_numbers(self._settings)[name]
        if best.setting[name] not in (values[0], values[-1]):
            return False
        inner = values[1] if best.setting[name] == values[0] else values[-2]
        for trial in self.trials:
            if _tuned(trial.setting) == {**_tuned(best.setting), name: inner}:
                gain = paired_difference(best.validation, trial.validation)
                return gain.low is not None and gain.low > 0
        return False

    def _rows(self) -> Rows:
        names = list(dict.fromkeys(name for trial in self.trials for name in trial.setting))
        mean = lambda values: f"{sum(values) / len(values):.4g}" if values else "-"
        rows = [
            [
                str(number),
                *(cell(trial.setting.get(name)) for name in names),
                *map(mean, (trial.validation, trial.test, trial.loss)),
                f"{self.chosen.count(number)} of {len(self.chosen)}",
            ]
            for number, trial in enumerate(self.trials)
        ]
        return [["trial", *names, "validation", "test", "loss", "chosen by"], *rows]

    def _below(self) -> Sequence[str]:
        return ["Means over seeds. Each seed chooses by its own validation score."]


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
    known = [_tuned(setting) for setting in settings]
    names = [name for name in known[0] if all(_is_number(one.get(name)) for one in known)]
    values = {name: sorted({one[name] for one in known}) for name in names}
    return {name: numbers for name, numbers in values.items() if len(numbers) > 1}


def _tuned(setting: Setting) -> dict[str, Any]:
    """A setting without the dampening that a mean slope gave."""
    derived = "dampening" if "mean_slope" in setting else None
    return {name: value for name, value in setting.items() if name != derived}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

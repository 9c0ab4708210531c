"""What a comparison found, as frozen records."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from braintools.surrogate import Surrogate

from .._registry import get_surrogate
from .comparison_table import caption, comparison_rows, verdict
from .record import Record
from .table import Rows, text_table

LINE = 100  # characters

Seeds = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Trial(Record):
    """One setting, trained for one round of the search.

    Attributes
    ----------
    setting : dict
        Value of each name that is tuned.
    scores : tuple of float
        Validation score by tuning seed, after the last epoch; NaN where training diverged.
    losses : tuple of float
        Training loss of the last epoch, likewise.
    """

    setting: Mapping[str, Any]
    scores: Seeds
    losses: Seeds = ()


@dataclass(frozen=True, eq=False)
class Rung(Record):
    """A round of the search: everything that was still in it, trained for so many epochs.

    Attributes
    ----------
    epochs : int
        From the initial weights, with a schedule of this length.
    trials : tuple of Trial
        Each a `.Trial`.
    """

    epochs: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True, eq=False)
class Tuning(Record):
    """How a candidate's own setting was found: all for a short while, then a few to the end.

    Attributes
    ----------
    seeds : tuple of int
        Seeds of the search: no result is reported for any of them.
    rungs : tuple of Rung
        The rounds in their order, each a `.Rung`. By the losses of the first it was decided which
        settings are in the second, by the scores of the second which of them was chosen.
    at_edge : tuple of str
        Names of which the chosen value is the smallest or the largest number that was searched.
    runs, epochs : int
        How many runs it took, and how many epochs in all of them.
    seconds : float
        The time for them, compilation included.
    """

    seeds: tuple[int, ...]
    rungs: tuple[Rung, ...]
    at_edge: tuple[str, ...]
    runs: int
    epochs: int
    seconds: float


@dataclass(frozen=True, eq=False)
class CandidateResult(Record):
    """How one surrogate did. Tuples have one number for each seed.

    Attributes
    ----------
    label : str
        A short name for tables and figures.
    spec : dict
        What `surrogate_spec` returns.
    setting : dict
        What it was trained with: ``learning_rate``, ``clip``, and whatever else was tuned;
        ``dampening`` and ``scale`` are factors of the candidate's own.
    trained : dict
        The spec of the surrogate at that setting.
    test_score, validation_score : tuple of float
        After the last epoch; NaN where training diverged. For classes the score is the share of
        samples classified correctly.
    best_test_score : tuple of float
        With the weights of the epoch that has the best validation score.
    best_epoch : tuple of int
        That epoch, counted from 1; 0 where no score was finite.
    firing_rate : tuple of float
        Spikes per neuron and step over the test samples, after the last epoch.
    spikes : tuple of float
        Spikes of all neurons per test sample.
    loss, validation_curve, firing_rate_curve : tuple of tuple of float
        Training loss, validation score and firing rate by seed and epoch.
    flags : dict
        In how many seeds training went wrong: ``"collapse"`` (what was learnt was lost again),
        ``"runaway"`` and ``"silent"`` (of the firing rate), ``"nan"``.
    tuning : Tuning or None
        The search, a `.Tuning`; None where nothing was tuned.
    one_by_one : str or None
        Why runs were trained one after the other: the model cannot be vmapped.
    workers : tuple of dict
        Host, process, device and versions of those it was trained on by an executor.
    error : str or None
        Why there are no results: all tuples are empty then.
    growth : float or None
        Factor of the gradient per step back in time before training, from `gradient_flow`; None
        where there is no gradient, or it was not measured.
    reach : int or None
        Steps back until it is down to 1%, before training.
    gradient_by_lag : dict of str to tuple of float
        Its size by steps back, relative to the last step, in each of the model's populations.
    seconds_per_step : float or None
        Median time of one training step of one network, of this surrogate alone. With an executor
        other runs may have been in training on the same machine.
    seconds_per_epoch : float or None
        The same for all the batches of an epoch.
    peak_bytes : int or None
        Memory that XLA sets aside for that step: its arguments, results and temporaries.
    """

    label: str
    spec: Mapping[str, Any]
    setting: Mapping[str, Any] = field(default_factory=dict)
    trained: Mapping[str, Any] = field(default_factory=dict)
    test_score: Seeds = ()
    validation_score: Seeds = ()
    best_test_score: Seeds = ()
    best_epoch: tuple[int, ...] = ()
    firing_rate: Seeds = ()
    spikes: Seeds = ()
    loss: tuple[Seeds, ...] = ()
    validation_curve: tuple[Seeds, ...] = ()
    firing_rate_curve: tuple[Seeds, ...] = ()
    flags: Mapping[str, int] = field(default_factory=dict)
    tuning: Tuning | None = None
    one_by_one: str | None = None
    workers: tuple[Mapping[str, Any], ...] = ()
    error: str | None = None
    growth: float | None = None
    reach: int | None = None
    gradient_by_lag: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    seconds_per_step: float | None = None
    seconds_per_epoch: float | None = None
    peak_bytes: int | None = None

    @property
    def surrogate(self) -> Surrogate:
        """What ``spec`` stands for."""
        return get_surrogate(self.spec)

    @property
    def test_accuracy(self) -> Seeds:
        """The same as ``test_score``, by its name in 0.1."""
        return self.test_score

    @property
    def validation_accuracy(self) -> Seeds:
        """The same as ``validation_score``, by its name in 0.1."""
        return self.validation_score

    @property
    def diverged(self) -> bool:
        """Whether there is no finite score for one of the seeds, or none at all."""
        scores = (*self.test_score, *self.validation_score)
        return not scores or not all(map(math.isfinite, scores))


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Record):
    """What `compare` returns: a result for each candidate, and all that is needed to repeat it.

    Printed, it is a table with a caption. It shows means with 95% confidence intervals over seeds,
    and differences from the highest mean, paired by seed, whose intervals hold for all candidates
    together. The choice of a setting, the split and the test part are the same for all seeds, so
    that what they add to the noise is in none of these intervals.

    Attributes
    ----------
    task : dict
        Name of the task, sizes of its parts, steps, features and classes, and a digest of its data.
    settings : dict
        Options of the model and of training, the same for all candidates, and what was tuned.
    seeds : tuple of int
        Of the initial weights and the order of the samples.
    candidates : tuple of dict
        The specs of all candidates that were asked for.
    results : tuple of CandidateResult
        In that order, each a `.CandidateResult`; fewer than ``candidates`` if the comparison was
        interrupted.
    environment : dict
        Versions of Python and of the packages, platform and device.

    See Also
    --------
    compare : What makes it.
    braintools_qps.plotting.plot_comparison : The figure.

    Examples
    --------
    >>> from braintools_qps import Comparison, compare
    >>> small = {"epochs": 2, "hidden": 8, "seeds": 1, "tune": None, "measure": False}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> comparison.finished
    True
    >>> len(comparison.results[0].test_score)  # one for each seed
    1
    >>> Comparison.from_dict(comparison.to_dict()) == comparison
    True
    """

    FORMAT: ClassVar[str] = "braintools_qps.comparison/2"

    task: Mapping[str, Any]
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    candidates: tuple[Mapping[str, Any], ...]
    results: tuple[CandidateResult, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> CandidateResult:
        """The result with the highest mean validation score: the test part makes no choices.

        Whether others can be told from it is another question, which the table answers. A candidate
        that diverged with one seed or more is never the best.

        Raises
        ------
        ValueError
            If there is none.
        """
        sound = [result for result in self.results if not result.diverged]
        if not sound:
            raise ValueError(
                f"nothing has finished with finite scores, of {len(self.results)} results, so "
                "there is no best one"
            )
        return max(sound, key=lambda result: np.mean(result.validation_score))

    @property
    def finished(self) -> bool:
        """Whether every candidate has a result."""
        return len(self.results) == len(self.candidates)

    @property
    def score(self) -> str:
        """What the score is called."""
        return self.settings.get("score", "accuracy")

    @property
    def verdict(self) -> str:
        """Which candidates cannot be told from the best, and how many seeds would tell more.

        Empty where fewer than two have results.
        """
        return verdict(self)

    def _rows(self) -> Rows:
        return comparison_rows(self)

    def _below(self) -> Sequence[str]:
        return caption(self)

    def __repr__(self) -> str:
        lines = [line for note in self._below() for line in textwrap.wrap(note, LINE)]
        return "\n".join([text_table(self._rows()), *lines])

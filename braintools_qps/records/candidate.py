"""The plain data of a comparison: its settings, and for each candidate scores, curves and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from braintools.surrogate import Surrogate

from .._registry import get_surrogate
from .record import Record
from .tuning import Numbers, Tuning


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Record):
    """Scores after training; tuples have one number per seed.

    Attributes
    ----------
    test, validation : tuple of float
        Score after the last epoch; NaN where training diverged. An accuracy is between 0 and 1.
    firing_rate : tuple of float
        Spikes per neuron and step over the test samples, after the last epoch.
    spikes : tuple of float
        Spikes per test sample, summed over neurons and steps.
    operations : tuple of float
        Synaptic operations per test sample, as `.Operations` counts them.

    Examples
    --------
    >>> from braintools_qps.records import Scores
    >>> Scores(test=(0.94, 0.96), firing_rate=(0.05, 0.06)).test  # of two seeds
    (0.94, 0.96)
    """

    test: Numbers = ()
    validation: Numbers = ()
    firing_rate: Numbers = ()
    spikes: Numbers = ()
    operations: Numbers = ()


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Record):
    """Learning curves: for each seed, a tuple with one number per epoch.

    Attributes
    ----------
    loss : tuple of tuple of float
        Training loss: its mean over the batches of the epoch.
    validation : tuple of tuple of float
        Validation score at the end of the epoch.
    firing_rate : tuple of tuple of float
        Spikes per neuron and step over the validation samples.

    Examples
    --------
    >>> from braintools_qps.records import Curves
    >>> curves = Curves(loss=((2.3, 0.9, 0.4), (2.3, 1.0, 0.5)))  # two seeds, three epochs
    >>> [by_epoch[-1] for by_epoch in curves.loss]
    [0.4, 0.5]
    """

    loss: tuple[Numbers, ...] = ()
    validation: tuple[Numbers, ...] = ()
    firing_rate: tuple[Numbers, ...] = ()


@dataclass(frozen=True, eq=False)
class Cost(Record):
    """Time and memory of training.

    Attributes
    ----------
    seconds_per_epoch : float
        Time of one epoch of one run: if runs train together, an equal share of their time.
    peak_bytes : int or None
        Memory that XLA sets aside for the compiled program: arguments, results and temporaries;
        None if the backend does not report it.

    Examples
    --------
    >>> from braintools_qps.records import Cost
    >>> Cost(seconds_per_epoch=0.35, peak_bytes=48_000_000)
    Cost(seconds_per_epoch=0.35, peak_bytes=48000000)
    """

    seconds_per_epoch: float
    peak_bytes: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class CandidateResult(Record):
    """Scores, settings and learning curves of one surrogate.

    Attributes
    ----------
    label : str
        A short name for tables and figures.
    spec : dict
        The surrogate, as `surrogate_spec` writes it.
    setting : dict
        The most frequently chosen setting: ``learning_rate`` and all other tuned values.
        ``dampening`` and ``scale_factor`` multiply those of the surrogate.
    tuned_spec : dict
        The surrogate at ``setting``, as `surrogate_spec` writes it.
    seeds : tuple of int
        The seeds that it was trained with.
    scores : Scores
        Test and validation scores by seed.
    curves : Curves
        Loss, validation score and firing rate by seed and epoch.
    tuning : Tuning or None
        All settings that were tried, a `.Tuning`; None if nothing was tuned.
    cost : Cost or None
        Time and memory; None if they were not measured.
    flags : dict
        Number of seeds with a problem, by kind: ``"silent"`` (the firing rate is almost 0 at the
        end) or ``"nan"``. `.Comparison.collapsed` counts those that ended at chance level.
    error : str or None
        The error with which training failed; scores and curves are then empty.

    Examples
    --------
    >>> from braintools_qps.records import CandidateResult, Scores
    >>> result = CandidateResult(
    ...     "Sigmoid", {"name": "Sigmoid"}, {"learning_rate": 0.1}, scores=Scores(test=(0.94, 0.96))
    ... )
    >>> result.surrogate
    Sigmoid(alpha=4.0)
    >>> max(result.scores.test)
    0.96
    """

    label: str
    spec: Mapping[str, Any]
    setting: Mapping[str, Any] = field(default_factory=dict)
    tuned_spec: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    scores: Scores = Scores()
    curves: Curves = Curves()
    tuning: Tuning | None = None
    cost: Cost | None = None
    flags: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None

    def setting_of(self, seed: int) -> Mapping[str, Any]:
        """Return the setting that a seed chose.

        Parameters
        ----------
        seed : int
            One of ``seeds``.

        Returns
        -------
        dict
            ``learning_rate``, ``dampening`` and all other tuned values.

        Raises
        ------
        KeyError
            If settings were tuned and the candidate was not trained with this seed.

        Examples
        --------
        >>> from braintools_qps.records import CandidateResult
        >>> result = CandidateResult("Sigmoid", {"name": "Sigmoid"}, {"learning_rate": 0.1})
        >>> result.setting_of(0)
        {'learning_rate': 0.1}
        """
        if self.tuning is None:
            return self.setting
        if seed not in self.seeds:
            raise KeyError(
                f"setting_of needs a seed that {self.label} was trained with, one of {self.seeds}, "
                f"got {seed}"
            )
        row = self.tuning.chosen[self.seeds.index(seed)]
        return {**self.setting, **self.tuning.trials[row].setting}

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate that ``spec`` describes."""
        return get_surrogate(self.spec)

    @property
    def diverged(self) -> bool:
        """Whether scores are missing, or a test or validation score is not finite."""
        scores = (*self.scores.test, *self.scores.validation)
        return not scores or not all(map(math.isfinite, scores))


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonData(Record):
    """What was compared, with which settings, and the results; `Comparison` explains the fields."""

    FORMAT: ClassVar[str] = "braintools_qps.comparison/4"

    task: Mapping[str, Any]
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    candidates: tuple[Mapping[str, Any], ...]
    results: tuple[CandidateResult, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> str:
        """Name of the score."""
        return self.settings.get("score", "accuracy")

"""The result of one candidate of a comparison: tuning, scores, curves and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from braintools.surrogate import Surrogate

from .._registry import get_surrogate
from .record import Record, short
from .table import Rows, cell

Seeds = tuple[float, ...]


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
        For each seed, the index in ``trials`` of the highest validation score, the first of equals.
    at_edge : tuple of str
        Names whose value in the most frequently chosen setting is the lowest or highest tried.

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
    at_edge: tuple[str, ...] = ()

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


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Record):
    """Results after training. Tuples have one number per seed.

    Attributes
    ----------
    test, validation : tuple of float
        Score after the last epoch; NaN where training diverged. An accuracy is between 0 and 1.
    test_at_best_epoch : tuple of float
        Test score with the weights of the epoch that has the best validation score.
    best_epoch : tuple of (int or None)
        The epoch with the best validation score, counted from 1; None if no score was finite.
    firing_rate : tuple of float
        Spikes per neuron and step over the test samples, after the last epoch.
    spikes : tuple of float
        Spikes per test sample, summed over neurons and steps.

    Examples
    --------
    >>> from braintools_qps.records import Scores
    >>> Scores(test=(0.94, 0.96), firing_rate=(0.05, 0.06)).test  # of two seeds
    (0.94, 0.96)
    """

    test: Seeds = ()
    validation: Seeds = ()
    test_at_best_epoch: Seeds = ()
    best_epoch: tuple[int | None, ...] = ()
    firing_rate: Seeds = ()
    spikes: Seeds = ()


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Record):
    """Training by epoch: for each seed, a tuple with one number per epoch.

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

    loss: tuple[Seeds, ...] = ()
    validation: tuple[Seeds, ...] = ()
    firing_rate: tuple[Seeds, ...] = ()


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
    """The result of one surrogate.

    Attributes
    ----------
    label : str
        A short name for tables and figures.
    spec : dict
        The surrogate, as `surrogate_spec` writes it.
    setting : dict
        The most frequently chosen setting: ``learning_rate`` and all other tuned values.
        ``dampening`` and ``scale_factor`` multiply those of the surrogate.
    trained : dict
        Spec of the surrogate at ``setting``.
    scores : Scores
        Test and validation scores by seed.
    curves : Curves
        Loss, validation score and firing rate by seed and epoch.
    tuning : Tuning or None
        All settings that were tried, a `.Tuning`; None where nothing was tuned.
    cost : Cost or None
        Time and memory; None where they were not measured.
    flags : dict
        How many seeds went wrong, by kind: ``"collapse"`` (the score fell again), ``"runaway"``
        (the firing rate rose too far), ``"silent"`` (it fell to almost 0), ``"nan"``.
    one_by_one : str or None
        Why the model could not be vmapped, so that runs were trained one after the other; else
        None.
    workers : tuple of dict
        Host, process, device and versions of each worker; empty without an executor.
    error : str or None
        Why training failed; scores and curves are then empty.

    Examples
    --------
    >>> from braintools_qps.records import CandidateResult, Scores
    >>> result = CandidateResult(
    ...     "Sigmoid", {"name": "Sigmoid"}, {"learning_rate": 0.1}, scores=Scores(test=(0.94, 0.96))
    ... )
    >>> result.surrogate
    Sigmoid(alpha=4.0)
    >>> print(result)
                               Sigmoid
    test score  0.95 (0.94, 0.96)
    setting     learning_rate 0.1
    """

    label: str
    spec: Mapping[str, Any]
    setting: Mapping[str, Any] = field(default_factory=dict)
    trained: Mapping[str, Any] = field(default_factory=dict)
    scores: Scores = Scores()
    curves: Curves = Curves()
    tuning: Tuning | None = None
    cost: Cost | None = None
    flags: Mapping[str, int] = field(default_factory=dict)
    one_by_one: str | None = None
    workers: tuple[Mapping[str, Any], ...] = ()
    error: str | None = None

    def _rows(self) -> Rows:
        values: dict[str, Any] = {
            "test score": self.scores.test,
            "at best epoch": self.scores.test_at_best_epoch,
            "validation": self.scores.validation,
            "firing rate": self.scores.firing_rate,
            "setting": self.setting,
            "trained": self.trained,
            "flags": self.flags,
            "error": self.error,
        }
        return [
            ["", self.label],
            *([name, _cell(value)] for name, value in values.items() if value),
        ]

    def setting_of(self, seed: int) -> Mapping[str, Any]:
        """Return the setting that a seed chose.

        Parameters
        ----------
        seed : int
            Index of the seed in ``Comparison.seeds``, from 0.

        Returns
        -------
        dict
            ``learning_rate``, ``dampening`` and all other tuned values.

        Raises
        ------
        IndexError
            If there is no such seed and settings were tuned.

        Examples
        --------
        >>> from braintools_qps.records import CandidateResult
        >>> result = CandidateResult("Sigmoid", {"name": "Sigmoid"}, {"learning_rate": 0.1})
        >>> result.setting_of(0)
        {'learning_rate': 0.1}
        """
        if self.tuning is None:
            return self.setting
        return {**self.setting, **self.tuning.trials[self.tuning.chosen[seed]].setting}

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
class BestResult(CandidateResult):
    """The `.CandidateResult` with the highest mean test score.

    Attributes
    ----------
    within_noise : tuple of str
        Labels of the candidates that are within noise of it.

    Examples
    --------
    >>> from braintools_qps.records import BestResult, Scores
    >>> best = BestResult(
    ...     "Sigmoid", {"name": "Sigmoid"}, scores=Scores((0.94, 0.96)), within_noise=("Arctan",)
    ... )
    >>> print(best)
                         Sigmoid
    test score  0.95 (0.94, 0.96)
    - within noise of it: Arctan
    """

    within_noise: tuple[str, ...] = ()

    def _below(self) -> Sequence[str]:
        near = ", ".join(map(short, self.within_noise)) or "no other candidate"
        return [f"within noise of it: {near}"]


def _cell(value: Any) -> str:
    """A value in one line; for several numbers, the mean comes first."""
    if isinstance(value, tuple) and len(value) > 1:
        return f"{sum(value) / len(value):.4g} ({', '.join(f'{x:.4g}' for x in value)})"
    return cell(value)


def check_seeds(result: CandidateResult, seeds: Sequence[int]) -> None:
    """Check that a result has a number for each seed, and its curves one for each epoch.

    Raises
    ------
    ValueError
        If one is missing.
    """
    if result.error:
        return
    groups = [vars(result.scores), vars(result.curves)]
    if result.tuning is not None:
        groups += [{"chosen": result.tuning.chosen}, *map(vars, result.tuning.trials)]
    for name, values in chain.from_iterable(group.items() for group in groups):
        if isinstance(values, tuple) and values and len(values) != len(seeds):
            raise ValueError(
                f"{name} of {result.label} must have a value for each of {len(seeds)} seeds, got "
                f"{len(values)}. Use the file that compare wrote, unchanged"
            )
    curves = (curve for name in vars(result.curves).values() for curve in name)
    if len(lengths := {len(curve) for curve in curves}) > 1:
        raise ValueError(
            f"curves of {result.label} must have a value for each epoch, got {sorted(lengths)}. "
            "Use the file that compare wrote, unchanged"
        )

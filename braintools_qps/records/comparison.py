"""What a comparison found, as frozen records, and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from braintools.surrogate import Surrogate

from .._registry import get_surrogate
from .record import Record
from .table import Rows, text_table

Seeds = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class CandidateResult(Record):
    """How one surrogate did. Tuples have one number for each seed.

    Attributes
    ----------
    label : str
        A short name for tables and figures.
    spec : dict
        What `surrogate_spec` returns.
    test_accuracy, validation_accuracy : tuple of float
        Share of samples classified correctly after the last epoch.
    firing_rate : tuple of float
        Spikes per neuron and step over the test samples, after the last epoch.
    loss, validation_curve : tuple of tuple of float
        Training loss and validation accuracy by seed and epoch.
    growth : float or None
        Factor of the gradient per step back in time before training, from `gradient_flow`; None
        where there is no gradient, or it was not measured.
    reach : int or None
        Steps back until it is down to 1 %, before training.
    gradient_by_lag : tuple of float
        Its size by steps back, relative to the last step.
    seconds_per_step : float or None
        Median time of one training step of one network, of this surrogate alone.
    seconds_per_epoch : float or None
        The same for all the batches of an epoch.
    peak_bytes : int or None
        Memory that XLA sets aside for that step: its arguments, results and temporaries.
    """

    label: str
    spec: Mapping[str, Any]
    test_accuracy: Seeds
    validation_accuracy: Seeds
    firing_rate: Seeds
    loss: tuple[Seeds, ...]
    validation_curve: tuple[Seeds, ...]
    growth: float | None = None
    reach: int | None = None
    gradient_by_lag: Seeds = ()
    seconds_per_step: float | None = None
    seconds_per_epoch: float | None = None
    peak_bytes: int | None = None

    @property
    def surrogate(self) -> Surrogate:
        """What ``spec`` stands for."""
        return get_surrogate(self.spec)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Record):
    """What `compare` returns: a result for each candidate, and all that is needed to repeat it.

    Attributes
    ----------
    task : dict
        Name of the task, sizes of its parts, steps, features and classes, from how many last steps
        the answer is read, and a digest of its data.
    settings : dict
        Options and constants of the network and of its training, the same for all candidates.
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
    >>> comparison = compare(["Sigmoid"], epochs=1, hidden=8, seeds=2, measure=False)
    >>> comparison.finished
    True
    >>> len(comparison.results[0].test_accuracy)  # one for each seed
    2
    >>> Comparison.from_dict(comparison.to_dict()) == comparison
    True
    """

    FORMAT: ClassVar[str] = "braintools_qps.comparison/1"

    task: Mapping[str, Any]
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    candidates: tuple[Mapping[str, Any], ...]
    results: tuple[CandidateResult, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> CandidateResult:
        """The result with the highest mean validation accuracy: the test set makes no choices."""
        if not self.results:
            raise ValueError("nothing has finished, so there is no best result")
        return max(self.results, key=lambda result: np.mean(result.validation_accuracy))

    @property
    def finished(self) -> bool:
        """Whether every candidate has a result."""
        return len(self.results) == len(self.candidates)

    def __repr__(self) -> str:
        return text_table(self._rows())

    def _rows(self) -> Rows:
        rows = [[r.label, *(cell(r) for cell in _COLUMNS.values())] for r in self.results]
        return [["surrogate", *_COLUMNS], *rows]


def tuples(value: Any) -> Any:
    """Lists in lists as tuples in tuples, so that a record made of them stays as it is."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def relative_gradient(second_moments: Any) -> np.ndarray:
    """Root mean square by steps back, relative to the last step that has a gradient."""
    size = np.sqrt(np.asarray(second_moments))
    alive = np.flatnonzero(size > 0)
    if not alive.size:
        return np.array([])
    size = size[alive[0] :]
    return np.where(size > 0, size / size[0], np.nan)


_COLUMNS = {
    "test %": lambda r: _spread(r.test_accuracy, 100, 1),
    "validation %": lambda r: _spread(r.validation_accuracy, 100, 1),
    "firing rate": lambda r: f"{np.mean(r.firing_rate):.3f}",
    "growth": lambda r: _optional(r.growth, "{:.2f}"),
    "reach": lambda r: _optional(r.reach, "{}"),
    "ms/step": lambda r: _optional(r.seconds_per_step, "{:.1f}", 1e3),
    "s/epoch": lambda r: _optional(r.seconds_per_epoch, "{:.2f}"),
    "peak MB": lambda r: _optional(r.peak_bytes, "{:.1f}", 1e-6),
}


def _spread(values: Sequence[float], factor: float, digits: int) -> str:
    """Mean and, of several, standard deviation."""
    text = f"{factor * np.mean(values):.{digits}f}"
    return text + (f" ± {factor * np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else "")


def _optional(value: float | None, form: str, factor: float = 1) -> str:
    return "-" if value is None else form.format(value * factor)

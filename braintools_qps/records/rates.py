"""Records of `normalize_rates`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._tables import Rows, text_table
from .record import Record


@dataclass(frozen=True, eq=False)
class NormalizedRate(Record):
    """One population of `NormalizedRates`.

    Attributes
    ----------
    population : str
        Its path in the model.
    before, after : float
        Its mean firing rate before and after the change, in spikes per neuron and step.
    factor : float or None
        Factor on its input weights; None without input weights.

    Examples
    --------
    >>> from braintools_qps.records import NormalizedRate
    >>> one = NormalizedRate("lif", before=0.004, after=0.1, factor=2.5)
    >>> print(f"The weights of {one.population} are {one.factor} times as large now.")
    The weights of lif are 2.5 times as large now.
    """

    population: str
    before: float
    after: float
    factor: float | None


@dataclass(frozen=True, eq=False)
class NormalizedRates(Record):
    """What `normalize_rates` changed.

    ``print`` shows it as a table.

    Attributes
    ----------
    rate : float
        The target: mean firing rate in spikes per neuron and step.
    populations : tuple of NormalizedRate
        One for each population, in the order in which signals reach them.
    notes : tuple of str
        Reasons why the network may still not learn.

    Examples
    --------
    >>> from braintools_qps.records import NormalizedRate, NormalizedRates
    >>> print(NormalizedRates(0.1, (NormalizedRate("lif", before=0.004, after=0.1, factor=2.5),)))
    population  rate before   after  weights times
    lif              0.0040  0.1000            2.5
    """

    rate: float
    populations: tuple[NormalizedRate, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return text_table(self._rows(), self._below())

    def _rows(self) -> Rows:
        head = ("population", "rate before", "after", "weights times")
        return [
            head,
            *(
                (p.population, f"{p.before:.4f}", f"{p.after:.4f}", _times(p.factor))
                for p in self.populations
            ),
        ]

    def _below(self) -> Sequence[str]:
        unfed = [p.population for p in self.populations if p.factor is None]
        return [f"No weights feed {', '.join(unfed)}."] * bool(unfed) + list(self.notes)


def _times(factor: float | None) -> str:
    return "-" if factor is None else f"{factor:.4g}"

"""Records of `normalize_rates`."""

from __future__ import annotations

from dataclasses import dataclass

from .._tables import rates_table
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
    >>> lif = NormalizedRate("lif", before=0.004, after=0.1, factor=2.5)
    >>> print(f"The weights of {lif.population} are {lif.factor} times as large now.")
    The weights of lif are 2.5 times as large now.
    """

    population: str
    before: float
    after: float
    factor: float | None


@dataclass(frozen=True, eq=False, repr=False)
class NormalizedRates(Record):
    """What `normalize_rates` changed.

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
    >>> NormalizedRates(0.1, (NormalizedRate("lif", before=0.004, after=0.1, factor=2.5),))
    population  rate before   after  weights times
    lif              0.0040  0.1000            2.5
    """

    _table = rates_table

    rate: float
    populations: tuple[NormalizedRate, ...]
    notes: tuple[str, ...] = ()

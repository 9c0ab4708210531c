"""Records of `normalize_rates`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._wording import shortened
from .record import Record, table_of
from .table import Table


@dataclass(frozen=True, eq=False)
class NormalizedRate(Record):
    """Firing rates and factor of one population in `NormalizedRates`.

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
    """Result of `normalize_rates`: firing rates and factors of all populations.

    Attributes
    ----------
    rate : float
        The target: mean firing rate in spikes per neuron and step.
    populations : tuple of NormalizedRate
        One for each population, in the order in which signals reach them.

    Examples
    --------
    >>> from braintools_qps.records import NormalizedRate, NormalizedRates
    >>> NormalizedRates(0.1, (NormalizedRate("lif", before=0.004, after=0.1, factor=2.5),))
    population  rate before   after  weights times
    lif              0.0040  0.1000            2.5
    """

    rate: float
    populations: tuple[NormalizedRate, ...]


@table_of.register
def _(rates: NormalizedRates) -> Table:
    """What `normalize_rates` changed, population by population."""
    head = ("population", "rate before", "after", "weights times")
    rows = [
        (shortened(p.population), *before_and_after(p), number(p.factor)) for p in rates.populations
    ]
    unfed = [p.population for p in rates.populations if p.factor is None]
    notes = [f"No weight matrices to scale feed {', '.join(unfed)}."] * bool(unfed)
    return Table([head, *rows], notes=notes)


def before_and_after(population: Any) -> tuple[str, str]:
    """The firing rates of a population in a table."""
    return f"{population.before:.4f}", f"{population.after:.4f}"


def number(value: float | None) -> str:
    """A number in a table, if there is one."""
    return "-" if value is None else f"{value:.4g}"

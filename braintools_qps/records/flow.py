"""What `gradient_flow` measured: a record for each candidate, and their ranking."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import brainunit as u

from .adjustment import Adjustment, SpikeFunction
from .flow_table import flow_rows, ranking_rows
from .plain import to_plain
from .population import PopulationFlow
from .record import Record, RecordTable
from .table import Rows, html_note, html_table, text_table

HIGH_SLOPE = 0.1  # a mean slope; the study's candidates were ranked well by what lies above it


@dataclass(frozen=True, eq=False, repr=False)
class GradientFlow(Record):
    """How the gradient travels back through a model with one surrogate.

    It is a diagnosis, not a promise: a growth of 1 keeps the gradient alive over many steps, and
    does not by itself give the best accuracy.

    Attributes
    ----------
    name : str
        What the surrogate was called in the request.
    surrogate : callable or tuple of callable
        The surrogate; one per population where the model's own were measured and they differ.
    steps : int
        How many time steps the model was run for.
    populations : tuple of PopulationFlow
        In the order in which signals reach them; each a `.PopulationFlow`.
    zero_parameter_share : float
        Share of the model's parameters whose gradient is exactly 0 with this loss on these inputs;
        NaN where it has none.
    adjustments : tuple of Adjustment
        Candidates to train, with one parameter changed that brings ``growth`` to the target; each
        an `.Adjustment`. Empty where a population is silent, saturated or without a gradient.
    advice : tuple of str
        What follows from the numbers, by the rules in the guide on how gradients flow.
    notes : tuple of str
        Those of its sentences that speak of the model and the inputs, whatever the surrogate.

    See Also
    --------
    gradient_flow : What makes it.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> neurons = brainpy.state.LIF(4, tau=10 * u.ms)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     flows = gradient_flow(neurons, jnp.full((20, 4), 2.0) * u.mA, surrogates="QPseudoSpike")
    >>> flow = flows["QPseudoSpike"]
    >>> print(f"growth {flow.growth:.2f}, reach {flow.reach}")
    growth 0.19, reach 5
    >>> population = flow.populations[0]
    >>> print(population.name, f"fires in {population.firing_rate:.0%} of the steps")
    LIF fires in 10% of the steps
    """

    name: str
    surrogate: SpikeFunction | tuple[SpikeFunction, ...]
    steps: int
    populations: tuple[PopulationFlow, ...]
    zero_parameter_share: float
    adjustments: tuple[Adjustment, ...] = ()
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def growth(self) -> float:
        """Geometric mean of the populations' growth per step, those without one left out."""
        return mean_growth([population.growth for population in self.populations])

    @property
    def reach(self) -> int:
        """The shortest reach of any population."""
        return min(population.reach for population in self.populations)

    @property
    def depth_growth(self) -> float:
        """Geometric mean of the populations' growth from layer to layer; NaN for one population."""
        return mean_growth([population.depth_growth for population in self.populations])

    @property
    def consistency(self) -> float:
        """The lowest of any population."""
        return _lowest(population.consistency for population in self.populations)

    @property
    def mean_slope(self) -> float:
        """Averaged over populations; NaN where one calls its spike function with a unit."""
        if any(isinstance(population.scale, u.Quantity) for population in self.populations):
            return math.nan
        return sum(p.mean_slope for p in self.populations) / len(self.populations)

    def to_dict(self) -> dict[str, Any]:
        """The fields, ``growth`` and ``reach`` as plain values, ready for strict JSON.

        Returns
        -------
        dict
        """
        return super().to_dict() | {"growth": to_plain(self.growth), "reach": self.reach}

    def __repr__(self) -> str:
        return f"{self._title()}\n{text_table(self._rows(), self._below())}"

    def _repr_html_(self) -> str:
        return f"{html_note(self._title())}\n{super()._repr_html_()}"

    def _title(self) -> str:
        return f"GradientFlow of {self.name}: {self.steps} steps"

    def _rows(self) -> Rows:
        return flow_rows(self)

    def _below(self) -> Sequence[str]:
        return self.advice


class GradientFlows(RecordTable[GradientFlow]):
    """Gradient flows by candidate: a dictionary that prints as a ranking, best first.

    A terminal shows a row for each candidate, and below it one for each of its populations unless
    there are more than four; a notebook, in the same order, one for each population of each.

    First come those with a mean slope of at most 0.1, averaged over populations, by how near their
    growth per step is to 1; then the others by their mean slope, the lowest first. Candidates in
    which a population changes the sign of its gradient from step to step come after all others, and
    those without a gradient last. Where spike functions are called with a unit, a slope has one
    too, and the growth alone decides. The order is of what was measured before training: train the
    first few. Notes on the model and the inputs stand below the table.
    """

    def ranked(self) -> list[str]:
        """The candidates' names, best first.

        Returns
        -------
        list of str
        """
        return sorted(self, key=lambda name: _rank(self[name]))

    def by_population(self) -> RecordTable[GradientFlow]:
        """The same in the order of the ranking, as a table with a row for each population.

        Returns
        -------
        RecordTable
        """
        return RecordTable({name: self[name] for name in self.ranked()})

    def _repr_html_(self) -> str:
        if not self:
            return super()._repr_html_()
        return html_table(self.by_population()._rows(), self._below())

    def _rows(self) -> Rows:
        return ranking_rows(self.by_population())

    def _below(self) -> Sequence[str]:
        return list(dict.fromkeys(note for flow in self.values() for note in flow.notes))


def mean_growth(growths: Sequence[float]) -> float:
    """Geometric mean of the growths that are known; NaN if none is."""
    logarithms = [math.log(growth) for growth in growths if growth > 0]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def _rank(flow: GradientFlow) -> tuple[bool, bool, float, float]:
    absent = not (math.isfinite(flow.growth) and flow.growth > 0)
    overshoots = any(population.overshoots for population in flow.populations)
    from_one = math.inf if absent else abs(math.log(flow.growth))
    high = flow.mean_slope > HIGH_SLOPE  # where it is not known, the growth alone decides
    return absent, overshoots, flow.mean_slope if high else HIGH_SLOPE, from_one


def _lowest(values: Iterable[float]) -> float:
    return min((value for value in values if not math.isnan(value)), default=math.nan)

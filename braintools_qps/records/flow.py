"""What `gradient_flow` measured, as frozen records."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import brainunit as u
import numpy as np
from braintools.surrogate import Surrogate

from .plain import plain
from .record import Described, Record
from .table import Rows, text_table

SpikeFunction: TypeAlias = Surrogate | Callable[[Any], Any] | Described


@dataclass(frozen=True, eq=False)
class Histogram(Record):
    """Where the membrane lay, in multiples of the surrogate's scale, 0 being the threshold.

    Attributes
    ----------
    edges : numpy.ndarray
        Edges of the bins, one more than there are bins.
    share : numpy.ndarray
        Share of neuron-steps in each bin.
    slope : numpy.ndarray
        The surrogate's derivative at the middle of each bin, divided by its peak.
    outside : float
        Share of neuron-steps beyond the edges.
    """

    edges: np.ndarray
    share: np.ndarray
    slope: np.ndarray
    outside: float


@dataclass(frozen=True, eq=False)
class PopulationFlow(Record):
    """The gradient's way back through one population of neurons.

    Attributes
    ----------
    name : str
        Where the population lies in the model, for example ``"layers.0.lif"``.
    size : int
        How many neurons it has, the batch not counted.
    unit : str
        Unit of the membrane potential, empty where it has none.
    second_moments : numpy.ndarray
        Mean of (dL/dV)^2 by lag, over neurons, batch and draws. Lag 0 is the last step. Per square
        of ``unit``.
    growth : float
        Factor by which the root of the second moment changes with each step back in time. Below 1
        the gradient vanishes, above 1 it explodes. NaN where there are not two steps to compare.
    reach : int
        Steps back, from the last step that has a gradient, until its root mean square is down to
        1 %; the number of steps there were, where it never is. 0 where there is no gradient.
    reached_start : bool
        Whether the gradient was still above 1 % at the first step, so that ``reach`` is a bound.
    flat_share : float
        Share of neuron-steps where the surrogate's derivative is below 1 % of its peak.
    firing_rate : float
        Spikes per neuron and step.
    silent_share : float
        Share of neurons that never fired, whatever the sample.
    saturated_share : float
        Share of neurons that fired in 95 % of all steps or more.
    scale : float or Quantity
        What counts as a distance of 1 in ``distances``; the mean where it differs by neuron.
    distances : Histogram
        Distribution of (V - V_th) / scale, as the spike function saw it: a `.Histogram`.
    """

    name: str
    size: int
    unit: str
    second_moments: np.ndarray
    growth: float
    reach: int
    reached_start: bool
    flat_share: float
    firing_rate: float
    silent_share: float
    saturated_share: float
    scale: float | u.Quantity
    distances: Histogram


@dataclass(frozen=True, eq=False)
class Adjustment(Record):
    """How far one parameter of a surrogate has to go to bring the growth per step to a target.

    Attributes
    ----------
    parameter : str
        ``"scale"``, ``"dampening"`` or ``"alpha"``.
    target : float
        The growth per step that was aimed at.
    factor : float or None
        What to multiply the parameter by; None where no value in the range attains the target.
    growth : float or None
        The growth per step measured at that factor.
    attainable : tuple of float
        Lowest and highest growth per step that was found in the range.
    searched : tuple of float
        Smallest and largest factor that counts, from 1/16 to 16: on either side of 1, as far as the
        growth moves one way.
    surrogate : Surrogate or None
        The surrogate with the parameter changed, where it has such a parameter.
    flat_share : float or None
        Share of neuron-steps where the derivative is then below 1 % of its peak; of several
        populations the largest.
    """

    parameter: str
    target: float
    factor: float | None
    growth: float | None
    attainable: tuple[float, float]
    searched: tuple[float, float]
    surrogate: SpikeFunction | tuple[SpikeFunction, ...] | None = None
    flat_share: float | None = None


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
        In the order of their names; each a `.PopulationFlow`.
    zero_parameter_share : float
        Share of the model's parameters whose gradient is exactly 0 with this loss on these inputs;
        NaN where it has none.
    adjustments : tuple of Adjustment
        How to bring ``growth`` to the target, one parameter at a time; each an `.Adjustment`.
    advice : tuple of str
        What follows from the numbers, by the rules in the guide on choosing a surrogate.

    See Also
    --------
    gradient_flow : What makes it.

    Examples
    --------
    >>> import brainpy
    >>> import brainstate
    >>> import brainunit as u
    >>> import jax.numpy as jnp
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

    @property
    def growth(self) -> float:
        """Geometric mean of the populations' growth per step, those without one left out."""
        return mean_growth([population.growth for population in self.populations])

    @property
    def reach(self) -> int:
        """The shortest reach of any population."""
        return min(population.reach for population in self.populations)

    def to_dict(self) -> dict[str, Any]:
        """The fields, ``growth`` and ``reach`` as plain values, ready for strict JSON.

        Returns
        -------
        dict
        """
        return super().to_dict() | {"growth": plain(self.growth), "reach": self.reach}

    def __repr__(self) -> str:
        head = f"GradientFlow of {self.name}: {self.steps} steps"
        return "\n".join([head, text_table(self._rows()), *(f"- {line}" for line in self.advice)])

    def _rows(self) -> Rows:
        rows = [[p.name, *(column(p) for column in _COLUMNS.values())] for p in self.populations]
        return [["population", *_COLUMNS], *rows]


def mean_growth(growths: Sequence[float]) -> float:
    """Geometric mean; what is NaN is left out, and NaN is what is left of nothing."""
    logarithms = [math.log(growth) for growth in growths if growth > 0]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


_COLUMNS = {
    "growth": lambda p: f"{p.growth:.3f}",
    "reach": lambda p: f"{p.reach}{'+' if p.reached_start else ''}",
    "flat": lambda p: f"{p.flat_share:.0%}",
    "rate": lambda p: f"{p.firing_rate:.3f}",
    "silent": lambda p: f"{p.silent_share:.0%}",
    "saturated": lambda p: f"{p.saturated_share:.0%}",
}

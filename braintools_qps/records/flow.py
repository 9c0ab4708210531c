"""What `gradient_flow` measured, as frozen records."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import brainunit as u
import numpy as np
from braintools.surrogate import Surrogate

from .plain import plain
from .record import Described, Record, RecordTable
from .table import Rows, text_table

SpikeFunction: TypeAlias = Surrogate | Callable[[Any], Any] | Described

FADED = 0.01  # of what it was: where the gradient's reach ends, and where a slope counts as flat


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
class Phase(Record):
    """A stretch of lags over which the gradient changes at one pace.

    Attributes
    ----------
    first, last : int
        The lags at its ends.
    growth : float
        Factor by which the root of the second moment changes with each step back in time.
    """

    first: int
    last: int
    growth: float


@dataclass(frozen=True, eq=False)
class PathGains(Record):
    """What one step back in time does to the gradient of a population, path by path.

    Each is the root mean square of a part of dL/dV, relative to that of the whole dL/dV of the same
    population one step later. The parts add up to the whole; their root mean squares do not.

    Attributes
    ----------
    leak : float
        The part that passed neither a spike nor a connection.
    reset : float
        The part that passed a spike of the neuron itself: its reset, or its adaptation.
    recurrence : float
        The part that passed connections on the way from the population to itself.
    feedforward : float
        The part that came from other populations or from the loss, and what the population's own
        past took more than one step to return, by way of a synapse's state for example.
    without_reset : float
        Leak and recurrence together: what the step would pass on if the reset were detached.
    """

    leak: float
    reset: float
    recurrence: float
    feedforward: float
    without_reset: float


@dataclass(frozen=True, eq=False)
class RateAdjustment(Record):
    """What brings a population that is silent or saturated to a target firing rate.

    Attributes
    ----------
    target : float
        Spikes per neuron and step to aim at.
    input_gain : float or None
        What to multiply the model's inputs, or the weights that they meet first, by; None where no
        factor from 1/1024 to 1024 attains the target.
    input_rate : float or None
        The firing rate with that factor.
    threshold_change : float, Quantity or None
        What to add to the threshold, as the population's spike function is called: in units of
        V_th - V_reset for brainpy.state's neurons. Below 0, the threshold falls. None where no
        shift attains the target.
    threshold_rate : float or None
        The firing rate with that change.
    """

    target: float
    input_gain: float | None
    input_rate: float | None
    threshold_change: float | u.Quantity | None
    threshold_rate: float | None


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
        With a loss on several steps, of what the last of them sends back.
    reach : int
        Steps back, from the last step that has a gradient, until its root mean square is down to
        1 %; the number of steps there were, where it never is. 0 where there is no gradient. With
        a loss on several steps, as for ``growth``.
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
    kind : str
        The class of the neurons.
    accumulation : float
        The growth of ``second_moments`` themselves, in which a loss on several steps piles up as it
        goes back. Equal to ``growth`` for a loss on one step.
    deviation : float
        By what factor the amplitude typically lies off the fitted line, or the two lines; at least
        1. The higher, the less ``growth`` says.
    phases : tuple of Phase
        The stretches of lags that one line each fits: a single one, or two where they fit much
        better. Each is a `.Phase`.
    consistency : float
        Mean cosine between dL/dV at neighbouring steps. Near 1 the gradient keeps its direction;
        below 0 it changes its sign from step to step, because slopes are so steep that the reset
        overshoots.
    depth_growth : float
        Factor by which the root of the second moment, averaged over all steps, changes from the
        next population on the way to the output to this one; NaN for the last. In a ratio of
        units where the two differ.
    mean_slope : float
        Mean of the surrogate's derivative over all neurons and steps, dampening and scale
        included: how much gradient a spike lets through. Per unit of the spike function's argument.
    half_share : float
        Share of neuron-steps that carry half of the sum of all slopes: the effective participation.
    paths : PathGains or None
        The gain of one step back by path, where it was asked for: a `.PathGains`.
    rate_adjustment : RateAdjustment or None
        What would bring the firing rate to the target, for a population that is silent or
        saturated: a `.RateAdjustment`.
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
    kind: str = ""
    accumulation: float = math.nan
    deviation: float = math.nan
    phases: tuple[Phase, ...] = ()
    consistency: float = math.nan
    depth_growth: float = math.nan
    mean_slope: float = math.nan
    half_share: float = math.nan
    paths: PathGains | None = None
    rate_adjustment: RateAdjustment | None = None

    @property
    def overshoots(self) -> bool:
        """Whether the gradient changes its sign from step to step more often than not."""
        return self.consistency < 0


@dataclass(frozen=True, eq=False)
class Adjustment(Record):
    """A candidate to train: one parameter changed so that the growth per step meets a target.

    Only changes that make the surrogate lower, wider or thinner are looked for: a smaller
    dampening, a larger scale, a larger alpha. A steeper surrogate attains a growth of 1 by changing
    the gradient's sign at every step, and did harm wherever it was trained.

    Attributes
    ----------
    parameter : str
        ``"dampening"``, ``"scale"`` or ``"alpha"``.
    target : float
        The growth per step that was aimed at.
    factor : float or None
        What to multiply the parameter by; None where no factor in the range attains the target.
    growth : float or None
        The growth per step measured at that factor.
    attainable : tuple of float
        Lowest and highest growth per step that was found in the range.
    searched : tuple of float
        Smallest and largest factor that counts: from 1 outwards as far as the growth moves one way
        and the gradient keeps its direction.
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
        Candidates to train, with one parameter changed that brings ``growth`` to the target; each
        an `.Adjustment`. Empty where a population is silent, saturated or without a gradient.
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

    @property
    def depth_growth(self) -> float:
        """Geometric mean of the populations' growth from layer to layer; NaN for one population."""
        return mean_growth([population.depth_growth for population in self.populations])

    @property
    def consistency(self) -> float:
        """The lowest of any population."""
        return _lowest(population.consistency for population in self.populations)

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
        split = any(p.paths for p in self.populations)
        columns = _COLUMNS | (_PATHS if split else {})
        rows = [[_place(p), *(column(p) for column in columns.values())] for p in self.populations]
        return [["population", *columns], *rows]


class GradientFlows(RecordTable[GradientFlow]):
    """Gradient flows by candidate: a dictionary that prints as a ranking, best first.

    The best has the growth per step nearest to 1. Candidates in which a population changes the sign
    of its gradient from step to step come after all others, and those without a gradient last. The
    order is of what was measured before training: train the first few.
    """

    def ranked(self) -> list[str]:
        """The candidates' names, best first.

        Returns
        -------
        list of str
        """
        return sorted(self, key=lambda name: _rank(self[name]))

    def _rows(self) -> Rows:
        names = self.ranked()
        rows = [[name, *(f(self[name]) for f in _RANKING.values())] for name in names]
        return [["surrogate", *_RANKING], *rows]


@dataclass(frozen=True, eq=False)
class ParameterSensitivity(Record):
    """How much one parameter's gradient depends on the surrogate.

    Attributes
    ----------
    name : str
        Where the gradient lies in what was returned, for example ``"linear.weight"``.
    change : float
        By how much the gradient changes when the surrogate is made twice as high, or twice as wide,
        whichever is more, relative to the larger of the two. 0 up to rounding; NaN where a gradient
        is not finite.
    size : float
        The Euclidean norm of the gradient as it is.
    """

    name: str
    change: float
    size: float


@dataclass(frozen=True, eq=False, repr=False)
class GradientSensitivity(Record):
    """How much a gradient depends on the surrogate, parameter by parameter.

    Attributes
    ----------
    parameters : tuple of ParameterSensitivity
        In the order of the gradients; each a `.ParameterSensitivity`.
    advice : tuple of str
        What follows, in words.

    See Also
    --------
    gradient_sensitivity : What makes it.
    """

    parameters: tuple[ParameterSensitivity, ...]
    advice: tuple[str, ...]

    @property
    def largest(self) -> float:
        """The largest change of any parameter's gradient; 0 where the surrogate has no effect."""
        return max((p.change for p in self.parameters if p.change > 0), default=0.0)

    def __repr__(self) -> str:
        return "\n".join([text_table(self._rows()), *(f"- {line}" for line in self.advice)])

    def _rows(self) -> Rows:
        rows = [[p.name, f"{p.change:.0%}", f"{p.size:.3g}"] for p in self.parameters]
        return [["parameter", "change", "size"], *rows]


def mean_growth(growths: Sequence[float]) -> float:
    """Geometric mean of the growths that are known; NaN if none is."""
    logarithms = [math.log(growth) for growth in growths if growth > 0]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def _rank(flow: GradientFlow) -> tuple[bool, bool, float]:
    absent = not (math.isfinite(flow.growth) and flow.growth > 0)
    overshoots = any(population.overshoots for population in flow.populations)
    return absent, overshoots, math.inf if absent else abs(math.log(flow.growth))


def _lowest(values: Iterable[float]) -> float:
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def _place(p: PopulationFlow) -> str:
    return f"{p.name} ({p.kind})" if p.kind and p.kind != p.name else p.name


def _spread(values: Iterable[float], form: str) -> str:
    """One number, or the lowest and the highest."""
    shown = sorted(value for value in values if not math.isnan(value))
    if not shown:
        return "-"
    ends = [format(shown[0], form), format(shown[-1], form)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _reach(flow: GradientFlow) -> str:
    shortest = min(flow.populations, key=lambda p: p.reach)
    return f"{shortest.reach}{'+' if shortest.reached_start else ''}"


_COLUMNS: dict[str, Callable[[PopulationFlow], str]] = {
    "growth": lambda p: f"{p.growth:.3f}",
    "depth": lambda p: _spread([p.depth_growth], ".3g"),
    "reach": lambda p: f"{p.reach}{'+' if p.reached_start else ''}",
    "consistency": lambda p: _spread([p.consistency], ".2f"),
    "slope": lambda p: _spread([p.mean_slope], ".3g"),
    "half": lambda p: _spread([p.half_share], ".0%"),
    "flat": lambda p: f"{p.flat_share:.0%}",
    "rate": lambda p: f"{p.firing_rate:.3f}",
    "silent": lambda p: f"{p.silent_share:.0%}",
    "saturated": lambda p: f"{p.saturated_share:.0%}",
}
_PATHS: dict[str, Callable[[PopulationFlow], str]] = {
    name: lambda p, field=field: _spread([getattr(p.paths, field)], ".3f")  # type: ignore[misc]
    for name, field in {
        "leak": "leak", "reset": "reset", "recurrence": "recurrence",
        "feed-forward": "feedforward", "without reset": "without_reset",
    }.items()
}  # fmt: skip
_RANKING: dict[str, Callable[[GradientFlow], str]] = {
    "growth": lambda flow: _spread([flow.growth], ".3f"),
    "of populations": lambda flow: _spread((p.growth for p in flow.populations), ".3f"),
    "depth": lambda flow: _spread((p.depth_growth for p in flow.populations), ".3g"),
    "reach": _reach,
    "consistency": lambda flow: _spread([flow.consistency], ".2f"),
    "slope": lambda flow: _spread((p.mean_slope for p in flow.populations), ".3g"),
    "half": lambda flow: _spread((p.half_share for p in flow.populations), ".0%"),
}

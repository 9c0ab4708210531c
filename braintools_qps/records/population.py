"""What `gradient_flow` measured of one population of neurons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from .adjustment import RateAdjustment
from .record import Record


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
        1%; the number of steps there were, where it never is. 0 where there is no gradient. With
        a loss on several steps, as for ``growth``.
    reached_start : bool
        Whether the gradient was still above 1% at the first step, so that ``reach`` is a bound.
    flat_share : float
        Share of neuron-steps where the surrogate gradient is below 1% of its peak.
    firing_rate : float
        Spikes per neuron and step.
    silent_share : float
        Share of neurons that never fired, whatever the sample.
    saturated_share : float
        Share of neurons that fired in 95% of all steps or more.
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
        well below 0 it changes its sign from step to step, because slopes are so steep that the
        reset, or inhibition, overshoots.
    depth_growth : float
        Factor by which the root of the second moment, averaged over all steps, changes from the
        next population on the way to the output to this one; NaN for the last. In a ratio of
        units where the two differ.
    mean_slope : float
        Mean of the surrogate gradient over all neurons and steps, dampening and scale
        included: how much gradient a spike lets through. Per unit of the spike function's argument.
    half_share : float
        Share of neuron-steps that carry half of the sum of all slopes: the effective participation.
    paths : PathGains or None
        The gain of one step back by path, where it was asked for: a `.PathGains`.
    rate_adjustment : RateAdjustment or None
        What would bring the firing rate to the target, for a population with silent neurons that
        fires less, or with saturated ones that fires more: a `.RateAdjustment`.
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
class Histogram(Record):
    """Where the membrane lay, in multiples of the surrogate's scale, 0 being the threshold.

    Attributes
    ----------
    edges : numpy.ndarray
        Edges of the bins, one more than there are bins.
    share : numpy.ndarray
        Share of neuron-steps in each bin.
    slope : numpy.ndarray
        The surrogate gradient at the middle of each bin, divided by its peak.
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


def relative_gradient(second_moments: Any) -> np.ndarray:
    """Root mean square by steps back, relative to the last step that has a gradient."""
    size = np.sqrt(np.asarray(second_moments))
    alive = np.flatnonzero(size > 0)
    if not alive.size:
        return np.array([])
    size = size[alive[0] :]
    return np.where(size > 0, size / size[0], np.nan)

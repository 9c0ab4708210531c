"""What `gradient_flow` proposes to change: a candidate's parameter, or a firing rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import brainunit as u
from braintools.surrogate import Surrogate

from .record import Described, Record

SpikeFunction: TypeAlias = Surrogate | Callable[[Any], Any] | Described


@dataclass(frozen=True, eq=False)
class Adjustment(Record):
    """A candidate to train: one parameter changed so that the growth per step meets a target.

    Only changes that make the surrogate lower, wider or thinner are looked for: a smaller
    dampening, a larger scale, a larger alpha. A steeper surrogate attains a growth of 1 by changing
    the gradient's sign at every step, which carries nothing back.

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
        Share of neuron-steps where the derivative is then below 1% of its peak; of several
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


@dataclass(frozen=True, eq=False)
class RateAdjustment(Record):
    """What brings a population that is silent or saturated to a target firing rate.

    Attributes
    ----------
    target : float
        Spikes per neuron and step to aim at.
    input_gain : float or None
        What to multiply the model's inputs by; None where no factor from 1/1024 to 1024 attains the
        target.
    input_rate : float or None
        The firing rate with that factor.
    threshold_change : float, Quantity or None
        What to add to the threshold, as the population's spike function is called: in units of
        V_th - V_reset for brainpy.state's neurons, where with a soft reset V_reset is to move along
        with V_th. Below 0, the threshold falls. None where no shift attains the target.
    threshold_rate : float or None
        The firing rate with that change.
    weight_gain : float or None
        What to multiply the population's own input weights by: the parameters of all products that
        go into its membrane without a spike on the way, recurrent ones among them. None where it
        has none, or no factor from 1/1024 to 1024 attains the target.
    weight_rate : float or None
        The firing rate with that factor.
    """

    target: float
    input_gain: float | None
    input_rate: float | None
    threshold_change: float | u.Quantity | None
    threshold_rate: float | None
    weight_gain: float | None = None
    weight_rate: float | None = None

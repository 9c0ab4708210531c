"""What `gradient_flow` measured of one population."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import brainunit as u
import numpy as np

from .operations import Operations
from .record import Record


@dataclass(frozen=True, eq=False)
class Activity(Record):
    """The spikes of a population.

    Attributes
    ----------
    firing_rate : float
        Spikes per neuron and step.
    silent_share : float
        Share of neurons that never fired. It falls with the number of samples.
    saturated_share : float
        Share of neurons that fired in at least 95% of the steps.
    empty_share : float
        Share of samples in which no neuron fired.
    same_share : float
        Share of samples in which all neurons fire at the steps at which they do in most samples; 0
        for a single sample.

    Examples
    --------
    >>> from braintools_qps.records import Activity
    >>> Activity(0.001, silent_share=0.7, saturated_share=0.0, empty_share=0.9).empty_share
    0.9
    """

    firing_rate: float
    silent_share: float
    saturated_share: float
    empty_share: float = 0.0
    same_share: float = 0.0


@dataclass(frozen=True, eq=False)
class Gradient(Record):
    """The gradient dL/dV with respect to the membrane potential, at each step back in time.

    Attributes
    ----------
    second_moments : numpy.ndarray
        Mean square of dL/dV over neurons, batch and draws, of shape (steps,). Index 0 is the last
        step. If the population has a ``unit``, per square of that unit.
    growth : float
        Factor by which the root mean square of dL/dV changes per step back in time: below 1 it
        fades, above 1 it grows. NaN with fewer than two steps to compare. If the objective reads
        several steps, their gradients add up on the way back.
    reach : int
        Number of steps back until the root mean square falls to 1% of its value at the last step
        with a gradient, and stays there; if it never does, the number of steps back to the first
        step. 0 without a gradient.
    reached_start : bool
        Whether the gradient was still above 1% at the first step. Then ``reach`` is a lower bound.
    end_to_end : float
        Root mean square at the first step, divided by its value at the last step with a gradient;
        NaN without a gradient.
    consistency : float
        Mean cosine between dL/dV at neighbouring steps. Near 1, the gradient keeps its direction.
        Well below 0, it flips its sign from step to step: slopes are so steep that the reset, or
        inhibition, overshoots.

    Examples
    --------
    The root mean square halves with each step back:

    >>> import numpy as np
    >>> from braintools_qps.records import Gradient
    >>> gradient = Gradient(0.25 ** np.arange(10), growth=0.5, reach=7, reached_start=False)
    >>> np.sqrt(gradient.second_moments)[:4]
    array([1.   , 0.5  , 0.25 , 0.125])
    """

    second_moments: np.ndarray
    growth: float
    reach: int
    reached_start: bool
    end_to_end: float = math.nan
    consistency: float = math.nan


@dataclass(frozen=True, eq=False)
class Slopes(Record):
    """The surrogate gradient at the membrane potentials of a population.

    Attributes
    ----------
    mean : float
        Mean slope: the surrogate gradient averaged over all neurons and steps, dampening and scale
        included, per unit of the spike function's argument. On average, a spike multiplies the
        gradient by this number.
    flat_share : float
        Share of neurons and steps where the surrogate gradient is below 0.1% of its peak.
    scale : float or Quantity
        The surrogate's scale; a mean if it differs by neuron.
    lowest : float
        The most negative surrogate gradient at a membrane potential, relative to the peak; 0 if
        none is negative.

    Examples
    --------
    >>> from braintools_qps.records import Slopes
    >>> Slopes(mean=0.01, flat_share=0.97, scale=1.0).per_scale
    0.01
    """

    mean: float
    flat_share: float
    scale: float | u.Quantity
    lowest: float = 0.0

    @property
    def per_scale(self) -> float:
        """``mean``; if the scale has a unit, ``mean`` times ``scale``, which is a plain number."""
        scale = self.scale
        return self.mean * scale.mantissa if isinstance(scale, u.Quantity) else self.mean


@dataclass(frozen=True, eq=False)
class PopulationFlow(Record):
    """Measurements of one population of neurons: spikes, slopes and gradient.

    Attributes
    ----------
    name : str
        Path of the population in the model, for example ``"layers.0.lif"``.
    kind : str
        The class of the neurons.
    size : int
        Number of neurons, without the batch.
    unit : str
        Unit of the membrane potential, empty if it has none.
    activity : Activity
        The spikes: an `.Activity`.
    gradient : Gradient
        The gradient on its way back in time: a `.Gradient`.
    slopes : Slopes
        The surrogate gradient at the membrane potentials: a `.Slopes`.
    operations : Operations
        Operations per sample that its spikes cause, and the updates of its neurons.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> neurons, inputs = brainpy.state.LIF(4, tau=10 * u.ms), jnp.full((20, 4), 1.5) * u.mA
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     flows = gradient_flow(neurons, inputs)
    >>> (population,) = flows["model"].populations
    >>> population.kind, population.size, population.unit
    ('LIF', 4, 'mV')
    >>> population.activity.firing_rate, population.activity.silent_share
    (0.05, 0.0)
    >>> print(f"mean slope {population.slopes.mean:.2f}, growth {population.gradient.growth:.2f}")
    mean slope 0.18, growth 0.73
    """

    name: str
    kind: str
    size: int
    unit: str
    activity: Activity
    gradient: Gradient
    slopes: Slopes
    operations: Operations = field(default_factory=Operations)

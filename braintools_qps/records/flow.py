"""Records of `gradient_flow`: one for each candidate, and their ranking."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import geometric_mean
from typing import Any, TypeAlias

from braintools.surrogate import Surrogate

from .diagnosis import Diagnosis
from .learning_trial import LearningTrial
from .operations import Operations
from .population import PopulationFlow
from .record import Record, table_of

Spike: TypeAlias = Surrogate | Callable[[Any], Any]


@dataclass(frozen=True, eq=False, repr=False)
class GradientFlow(Record):
    """Diagnosis of a model with one surrogate, and its gradient back in time.

    Attributes
    ----------
    name : str
        Label of the surrogate; ``"model"`` for the surrogates of the model itself.
    surrogate : callable or tuple of callable
        The surrogate, or a tuple with one per population if they differ.
    steps : int
        Number of time steps.
    populations : tuple of PopulationFlow
        In the order in which signals reach them; each a `.PopulationFlow`.
    diagnosis : Diagnosis
        Why the network does not learn, a `.Diagnosis`; printed first.
    further : tuple of str
        Sentences on findings that the diagnosis does not explain or, if it names no cause, on
        findings that may slow learning. The first five are printed.
    samples, features : int or None
        The batch size, None without a batch, and the number of input features per step.
    operations : Operations
        Operations per sample of the whole model, those of the inputs included.
    trial : LearningTrial or None
        The short training that the diagnosis rests on: a `.LearningTrial`. None for one sample
        without an objective, or without weights to train.
    read : str
        How the inputs were understood: steps, samples, features and their units, labels.

    See Also
    --------
    gradient_flow : Returns it.

    Notes
    -----
    The table has a row for each population, with these columns:

    - ``rate``: spikes per neuron and step.
    - ``silent``, ``saturated``: share of neurons that never fire, and that fire in 95% of steps.
    - ``slope``: the surrogate gradient, averaged over neurons and steps, and multiplied by the
      scale if that has a unit.
    - ``flat``: share of membrane potentials where it is below 0.1% of its peak.
    - ``growth``: the factor by which the size of the gradient changes with each step back in time.
    - ``reach``: the number of steps back until the gradient falls to 1%. A ``+`` means that it is
      still above 1% at the first step.
    - ``consistency``: mean cosine between the gradients of neighbouring steps.
    - ``operations``: synaptic operations per sample that the population's spikes cause; in the wide
      table only.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> neurons = brainpy.state.LIF(4, tau=10 * u.ms)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     flows = gradient_flow(neurons, jnp.full((20, 4), 0.5) * u.mA)
    >>> flows["model"].diagnosis.cause
    'silent'
    >>> (population,) = flows["model"].populations
    >>> print(population.name, population.activity.firing_rate, population.gradient.reach)
    LIF 0.0 19
    """

    name: str
    surrogate: Spike | tuple[Spike, ...]
    steps: int
    populations: tuple[PopulationFlow, ...]
    diagnosis: Diagnosis
    further: tuple[str, ...] = ()
    samples: int | None = None
    features: int | None = None
    operations: Operations = field(default_factory=Operations)
    trial: LearningTrial | None = None
    read: str = ""

    @property
    def growth(self) -> float:
        """Geometric mean of the growth per step over populations that have one; NaN if none has."""
        growths = [p.gradient.growth for p in self.populations if p.gradient.growth > 0]
        return geometric_mean(growths) if growths else math.nan

    @property
    def reach(self) -> int:
        """The shortest reach of any population, in steps."""
        return min(population.gradient.reach for population in self.populations)

    @property
    def consistency(self) -> float:
        """The lowest consistency of any population; NaN if none has one."""
        values = (population.gradient.consistency for population in self.populations)
        return min((value for value in values if not math.isnan(value)), default=math.nan)

    @property
    def mean_slope(self) -> float:
        """Mean of `.Slopes.per_scale` over populations."""
        return sum(p.slopes.per_scale for p in self.populations) / len(self.populations)

    def table(self, *, wide: bool = False) -> str:
        """Return the table as text, with its sentences.

        Parameters
        ----------
        wide : bool
            Whether to show the synaptic operations, too.

        Returns
        -------
        str
        """
        table = table_of(self)
        return (table if wide else table.narrow).text

    def __repr__(self) -> str:
        return self.table()


class GradientFlows(dict[str, GradientFlow]):
    """Gradient flows by candidate: a dictionary that prints the diagnosis, then a table.

    A single candidate prints as its `GradientFlow`. Several candidates are ranked, best first, and
    each diagnosis is printed once, with its candidates. The table has a row for each candidate, and
    below it a row for each population if there are several.

    All candidates with which the network learns have rank 1: use `compare` to find the best of
    them. Then come candidates with which it learns slowly, those without a trial, and last those
    with which it does not learn.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> inputs = jnp.full((20, 4), 1.5) * u.mA  # 20 steps, 4 neurons
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     flows = gradient_flow(brainpy.state.LIF(4), inputs, surrogates=["Sigmoid", "Arctan"])
    >>> flows.ranks
    {'Sigmoid': 1, 'Arctan': 1}
    >>> flows["Arctan"].diagnosis.cause
    'none'
    """

    @property
    def ranks(self) -> dict[str, int]:
        """Rank of each candidate, best first; equal candidates have the same rank."""
        orders = {name: _order(flow.trial) for name, flow in self.items()}
        names = sorted(self, key=orders.__getitem__)
        return {name: 1 + sum(o < orders[name] for o in orders.values()) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Return the flows as plain values, by name.

        Returns
        -------
        dict of str to dict
        """
        return {name: flow.to_dict() for name, flow in self.items()}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the result of `to_dict` as strict JSON.

        Parameters
        ----------
        indent : int, optional
            Spaces for each level; by default everything is on one line.

        Returns
        -------
        str
        """
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def __repr__(self) -> str:
        return table_of(self).narrow.text if self else "GradientFlows()"

    def _repr_html_(self) -> str | None:
        return table_of(self).html if self else None


def _order(trial: LearningTrial | None) -> int:
    """Sort key of the ranking, the lowest first."""
    if trial is None:
        return 2
    return 0 if trial.learns_soon else 1 if trial.moves else 3

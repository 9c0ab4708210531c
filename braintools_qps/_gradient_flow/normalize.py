"""A dampening for each population that brings its mean slope down to a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import brainstate
from braintools.surrogate import Surrogate

from .._checks import is_positive
from .._models import by_population, checked_inputs
from .._surrogate import adjusted
from ..records import HIGH_SLOPE
from ..typing import SurrogateSpec
from .cotangents import Objective
from .evaluate import Evaluator
from .slopes import slopes_met
from .tracing import trace


def normalize_surrogate(
    model: Any,
    inputs: Any,
    *,
    surrogate: SurrogateSpec | None = None,
    mean_slope: float = 0.1,
) -> dict[str, Surrogate]:
    r"""Choose a dampening for each population that lowers its mean slope to a value.

    The mean slope :math:`\mathrm E[G]` is the mean of the surrogate gradient over neurons and
    steps, for a distance of one scale. Spikes do not depend on the surrogate, so that one forward
    pass tells all of it. The dampening only ever falls: what is lower already keeps its own.

    Trainings at a mean slope above 0.2 ended lower, those of an alpha of 2 and of fatter tails
    most. Bringing it down to 0.1 gained much of that back, and took nothing from thin tails that
    could be told from noise. It is a starting point, not a promise: train with what it gives and
    with what you had before.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`. It is left as it was.
    inputs : Array, Quantity or pytree of them
        Of shape (time, features) or (time, batch, features...).
    surrogate : str, mapping, type or Surrogate, optional
        What to start from, as `set_surrogate` takes it, populations by name included. By default
        what the model has.
    mean_slope : float
        The value to come down to, above 0.

    Returns
    -------
    dict of str to Surrogate
        A surrogate for each population by its name, as `set_surrogate` and `gradient_flow` take
        them. A `Scaled` one where the surrogate has no dampening itself.

    Raises
    ------
    ValueError
        If mean_slope is not a finite number above 0, the inputs have no time step or parts of
        different length, a dampening is a State, or a population's spike function is no Surrogate
        or has no slope.

    See Also
    --------
    set_surrogate : Puts them into the model.
    normalize_rates : Firing rates, by the weights.

    Examples
    --------
    >>> import brainpy
    >>> import brainstate
    >>> import brainunit as u
    >>> import jax
    >>> from braintools_qps import normalize_surrogate, set_surrogate
    >>> network = brainstate.nn.Sequential(
    ...     brainpy.state.LIF(20), lambda z: 2 * z * u.mA, brainpy.state.LIF(20)
    ... )
    >>> inputs = 3 * jax.random.uniform(jax.random.key(0), (30, 4, 20)) * u.mA
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     chosen = normalize_surrogate(network, inputs, surrogate="QPseudoSpike")
    >>> list(chosen)
    ['layers.0', 'layers.2']
    >>> set_surrogate(network, chosen)
    2
    """
    if not is_positive(mean_slope):
        raise ValueError(
            "mean_slope must be a number without a unit, finite and greater than 0, got "
            f"{mean_slope!r}. Pass {HIGH_SLOPE}"
        )
    evaluator = _forward(model, inputs)
    start = _spikes(evaluator)
    if surrogate is not None:
        start |= by_population(surrogate, start)
    _require_dampening(start)
    means = _mean_slopes(evaluator, start)
    missing = [n for n, mean in means.items() if not (math.isfinite(mean) and mean > 0)]
    if missing:
        raise ValueError(
            f"every population needs a slope above 0 to be normalised, got none in "
            f"{', '.join(missing)}. gradient_flow(model, inputs) says why"
        )
    factors = {name: float(f"{min(1.0, mean_slope / mean):.4g}") for name, mean in means.items()}
    return {name: adjusted(start[name], dampening=factor) for name, factor in factors.items()}


def _forward(model: Any, inputs: Any) -> Evaluator:
    inputs = checked_inputs(inputs)
    return Evaluator(trace(model, inputs), inputs, Objective())


def _spikes(evaluator: Evaluator) -> dict[str, Any]:
    return {population.name: population.spike for population in evaluator.step.populations}


def _require_dampening(start: Mapping[str, Any]) -> None:
    for name, spike in start.items():
        if not isinstance(spike, Surrogate):
            why = "the spike function is no Surrogate"
        elif isinstance(getattr(spike, "dampening", None), brainstate.State):
            why = "the dampening is a State"
        else:
            continue
        raise ValueError(
            f"every population needs a dampening to multiply, but in {name} {why}, got "
            f"{spike!r}. Pass surrogate={{{name!r}: 'QPseudoSpike'}}, with the parameters that "
            "it has now"
        )


def _mean_slopes(evaluator: Evaluator, spikes: Mapping[str, Any]) -> dict[str, float]:
    slopes, means = evaluator.slopes(spikes), {}
    for population in evaluator.step.populations:
        last = evaluator.step.last_call(population)
        argument = evaluator.run.calls[last].argument
        met = slopes_met(spikes[population.name], argument, population.argument_unit, slopes[last])
        means[population.name] = met.per_scale
    return means

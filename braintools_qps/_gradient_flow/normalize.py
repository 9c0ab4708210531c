"""Lower the mean slopes: one factor for the dampenings of all surrogates."""

from __future__ import annotations

import math

from braintools.surrogate import Surrogate

from .._checks import check_positive
from .._models import by_population, checked_inputs
from .._surrogate import adjusted, is_step
from ..typing import Inputs, Model, SurrogateSpec
from .cotangents import Objective
from .evaluate import Evaluator
from .step import Spikes
from .tracing import trace


def normalize_surrogate(
    model: Model,
    inputs: Inputs,
    *,
    surrogate: SurrogateSpec | None = None,
    mean_slope: float = 0.1,
    batch_first: bool = False,
) -> dict[str, Surrogate]:
    r"""Lower the dampening of all surrogates until no population has a large mean slope.

    The mean slope :math:`\mathrm E[G]` is the surrogate gradient averaged over neurons and steps,
    times the scale if that has a unit. One forward pass is enough, because spikes do not depend on
    the surrogate. All dampenings are multiplied by the same factor, at most 1, as `compare` does.

    In our study, networks with a mean slope above 0.2 reached lower accuracies, most of all with
    ``alpha=2`` or fatter tails. Lowering the mean slope to 0.1 recovered much of that. With thin
    tails the difference was within noise (the page "Choosing a surrogate").

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`. It is not changed.
    inputs : Array, Quantity or pytree of them, or Task
        Inputs of shape (time, features) or (time, batch, features...), with or without a unit. Or a
        task of `load_task`, of which 64 training samples are used.
    surrogate : str, mapping, type or Surrogate, optional
        The surrogate to dampen, or a mapping from populations to surrogates, as for
        `set_surrogate`. By default those of the model.
    mean_slope : float
        The highest mean slope that a population may have, above 0. Surrogates are never raised.
    batch_first : bool
        Whether inputs have the shape (batch, time, features...), as for `gradient_flow`.

    Returns
    -------
    dict of str to Surrogate
        A surrogate for each population by its name, to pass to `set_surrogate` or `gradient_flow`.
        A surrogate without a dampening, or whose dampening is a State, is wrapped in `Scaled`.

    Raises
    ------
    TypeError
        If ``mean_slope`` is not a number.
    ValueError
        If ``mean_slope`` is not finite and above 0, or the inputs have no time step or parts
        that differ in time steps or samples. If the spike function of a population is not a
        Surrogate, or has a mean slope of 0.
    brainunit.UnitMismatchError
        If a neuron calls its spike function with a voltage and the surrogate has no scale for it.

    See Also
    --------
    set_surrogate : Puts the surrogates into the model.
    normalize_rates : Scales the weights, to set firing rates.

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
    check_positive("mean_slope", mean_slope)
    inputs = checked_inputs(inputs, batch_first=batch_first)
    evaluator = Evaluator(trace(model, inputs), inputs, Objective(), model)
    spikes = evaluator.step.spikes
    if surrogate is not None:
        spikes = spikes | by_population(surrogate, spikes)
    return lowered(evaluator, spikes, mean_slope)


def lowered(evaluator: Evaluator, spikes: Spikes, mean_slope: float) -> dict[str, Surrogate]:
    """The surrogates, all dampened by the factor that the highest mean slope needs.

    Raises
    ------
    ValueError
        If a spike function is not a Surrogate, or has a mean slope of 0.
    """
    spikes = {p.name: spikes[p.name] for p in evaluator.step.populations}  # no readouts
    for name, spike in spikes.items():
        if not is_step(spike):
            raise ValueError(
                "the spike function of every population must be a Surrogate that sends 0 or 1\n"
                f"That of {name} is none: {spike!r}\n"
                f"Pass one, for example surrogate={{{name!r}: 'QPseudoSpike'}}"
            )
    own = evaluator.step.spikes | spikes
    means = {name: slopes.per_scale for name, slopes in evaluator.slopes(own)[1].items()}
    missing = [n for n, mean in means.items() if not (math.isfinite(mean) and mean > 0)]
    if missing:
        raise ValueError(
            "every population needs a mean slope above 0 to be normalised\n"
            f"There is none in {', '.join(missing)}\ngradient_flow(model, inputs) says why"
        )
    factor = float(f"{min(1.0, mean_slope / max(means.values())):.4g}")
    return {name: adjusted(spike, dampening=factor) for name, spike in spikes.items()}

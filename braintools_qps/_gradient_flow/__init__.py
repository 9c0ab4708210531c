"""How gradients travel back through a spiking network, and what keeps it from learning.

Start here with `gradient_flow`, then read `tracing` (a brainstate model to a `step`, a pure
function of arrays), `passes` (one forward, one backward), `evaluate` (a candidate's figures) and
`diagnose` (their cause). `cotangents` is where the way back begins, `slopes` the surrogates'
derivatives that it meets, `measures` makes numbers of arrays, `paths` splits a gain, and
`remedies` tries what helps.
`normalize`, `normalize_rates` and `sensitivity` have a public function each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._candidates import candidates, is_candidate
from .._models import by_population, checked_inputs
from ..records import GradientFlow, GradientFlows
from ..typing import SurrogateSpecs
from .cotangents import Objective, check_draws
from .diagnose import FURTHER, diagnose
from .evaluate import Evaluator, Passes, Spikes
from .normalize import normalize_surrogate
from .normalize_rates import normalize_rates
from .sensitivity import gradient_sensitivity
from .slopes import mean_slope_at
from .step import Step
from .tracing import trace, with_states_of

__all__ = [
    "Evaluator",
    "Objective",
    "Passes",
    "flow_of",
    "gradient_flow",
    "gradient_sensitivity",
    "mean_slope_at",
    "normalize_rates",
    "normalize_surrogate",
    "own_surrogates",
    "trace",
    "with_states_of",
]

OWN = "model"


def gradient_flow(
    model: Any,
    inputs: Any,
    *,
    surrogates: SurrogateSpecs | None = None,
    objective: Callable[[Any], Any] | None = None,
    draws: int = 8,
    seed: int = 0,
    paths: bool = False,
) -> GradientFlows:
    r"""Say why a spiking network does not learn, and measure how its gradient travels back in time.

    Printed, it begins with the diagnosis: one cause, the first on the way of the data, with what to
    change. A table of the populations follows, in the order in which signals reach them.

    Spikes do not depend on the surrogate, so the model is run once. Each candidate then costs one
    backward pass that gives :math:`\delta_t = \mathrm{d}L/\mathrm{d}V_t` for every membrane and
    step: the gradient of the objective with respect to the membrane potential at step t. Nothing is
    trained, and nothing is changed.

    Parameters
    ----------
    model : brainstate.nn.Module
        Called as ``model(x)``, or ``model.update(x)`` where it is not callable, once for each step
        with the step's index ``i`` and time ``t`` in `brainstate.environ`. Its neurons are all
        nodes with a state ``V`` and an elementwise ``spk_fun``. Its states are used as they are,
        those of one sample for each of a batch; where a neuron has no ``V`` yet, or a state was
        left behind in a function that JAX has traced, they are initialised. Model, states and
        random state are left as they were.
    inputs : Array, Quantity or pytree of them
        Of shape (time, features) or (time, batch, features...).
    surrogates : sequence, mapping of names, or a single candidate, optional
        Candidates, each as `get_surrogate` takes them, to be put into all neurons. Or, in a
        mapping of names, each a mapping of populations to specs as `set_surrogate` takes it, where
        populations that are left out keep what they have. By default the surrogates of the model,
        under the name ``"model"``.
    objective : callable, optional
        From the model's outputs of all steps, stacked along a first axis, to the scalar whose
        gradient is followed. By default random projections of the last step's output, so that the
        measure is of the network and not of a label. With an objective on several steps, growth and
        reach describe what the last of them sends back; ``accumulation`` shows what the others add
        on the way.
    draws : int
        How many random projections to average over.
    seed : int
        Of the random projections.
    paths : bool
        Whether to split the gain of one step back into leak, reset, recurrence and feed-forward.

    Returns
    -------
    GradientFlows
        A dictionary of a `GradientFlow` for each candidate, by its name: the key of the mapping,
        the string, or the surrogate's repr. ``flows["model"].diagnosis`` has the cause, the
        population, a text and a remedy.

    Raises
    ------
    TypeError
        If the seed is not an integer, or the objective cannot be called.
    ValueError
        If the model has no neuron with ``V`` and ``spk_fun``, a step changes the shape or dtype of
        a state, the inputs have no time step, no sample or parts of different length, draws is
        below 1, the seed is not from 0 to 2**32 - 1, or there is no candidate.
    brainunit.UnitMismatchError
        If a neuron calls its spike function with a voltage and a candidate has no scale for it.

    See Also
    --------
    GradientFlow : What is measured.
    normalize_rates : Cures silent and saturated populations.
    normalize_surrogate : Cures surrogates that are too high.

    Examples
    --------
    >>> import brainstate
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from braintools_qps import QPseudoSpike, gradient_flow
    >>> class Layer(brainstate.nn.Module):
    ...     def __init__(self, n):
    ...         super().__init__()
    ...         self.recurrent = brainstate.nn.Linear(n, n)
    ...         self.spk_fun = QPseudoSpike()
    ...         self.V = brainstate.HiddenState(jnp.zeros(n))
    ...     def update(self, x):
    ...         spikes = self.spk_fun(self.V.value - 1)
    ...         self.V.value = 0.9 * self.V.value * (1 - spikes) + self.recurrent(spikes) + x
    ...         return self.spk_fun(self.V.value - 1)
    >>> inputs = jax.random.uniform(jax.random.key(0), (20, 64))
    >>> flows = gradient_flow(Layer(64), inputs, surrogates=["QPseudoSpike(alpha=4)", "Sigmoid"])
    >>> list(flows)
    ['QPseudoSpike(alpha=4)', 'Sigmoid']
    """
    inputs = checked_inputs(inputs)
    check_draws(draws, seed)
    step = trace(model, inputs)
    chosen = _candidates(step, surrogates)
    evaluator = Evaluator(step, inputs, Objective(objective, draws, seed))
    return GradientFlows(
        (name, flow_of(evaluator, name, spikes, paths=paths)) for name, spikes in chosen.items()
    )


def flow_of(
    evaluator: Evaluator,
    name: str,
    spikes: Spikes,
    *,
    paths: bool = False,
    remedy: bool = True,
) -> GradientFlow:
    """Measure one candidate on a run, with its diagnosis."""
    measured = evaluator.measure(spikes, paths=paths)
    diagnosis, further, advice = diagnose(evaluator, measured, remedy=remedy)
    surrogates = tuple(spikes.values())
    alike = all(surrogate is surrogates[0] for surrogate in surrogates)
    return GradientFlow(
        name=name,
        surrogate=surrogates[0] if alike else surrogates,
        steps=len(evaluator.run.inputs[0]),
        populations=measured.populations,
        zero_parameter_share=measured.zero_parameter_share,
        diagnosis=diagnosis,
        further=(*evaluator.notes, *further)[:FURTHER],
        advice=(*evaluator.notes, *advice),
        notes=evaluator.notes,
    )


def own_surrogates(step: Step) -> dict[str, Any]:
    """The spike function that each population of a traced model has."""
    return {population.name: population.spike for population in step.populations}


def _candidates(step: Step, surrogates: Any) -> dict[str, Spikes]:
    """For each candidate's label, the surrogate of each population."""
    own = own_surrogates(step)
    if surrogates is None:
        return {OWN: own}
    if not is_candidate(surrogates) and isinstance(surrogates, Mapping) and surrogates:
        return {str(label): own | by_population(spec, own) for label, spec in surrogates.items()}
    return {label: dict.fromkeys(own, one) for label, one in candidates(surrogates).items()}

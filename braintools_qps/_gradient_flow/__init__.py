"""How gradients travel back through a spiking network, surrogate by surrogate.

Start here with `gradient_flow`, then read `tracing` (a brainstate model to a `step`, a pure
function of arrays), `passes` (one forward, one backward) and `evaluate` (one candidate to its
record). `given` checks the arguments, `suspicion` whether axes of the inputs are swapped, and
`ready` initialises states. `loss` is what is followed back, `slopes` the derivatives that it meets,
`membrane` where it meets them. `jaxpr` and `signature` are all that a release of JAX can break,
`programs` the passes compiled and kept, `kept_trace` a step kept. `measures` makes numbers of
arrays, `paths` splits a gain, `rates` and `target` search, and `advice` and `fading` put into
words. `normalize` and `sensitivity` have a public function each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._candidates import candidates, is_candidate
from .._models import by_population, checked_inputs
from ..records import GradientFlows
from ..typing import SurrogateSpecs
from .evaluate import Spikes, evaluator
from .given import Sought, check_aims
from .kept_trace import KeptTrace
from .loss import Followed, check_draws
from .normalize import normalize_surrogate
from .normalize_rates import normalize_rates
from .sensitivity import gradient_sensitivity
from .step import Step
from .tracing import trace

__all__ = [
    "Followed",
    "KeptTrace",
    "Sought",
    "check_aims",
    "flows_of",
    "gradient_flow",
    "gradient_sensitivity",
    "normalize_rates",
    "normalize_surrogate",
]

OWN = "model"


def gradient_flow(
    model: Any,
    inputs: Any,
    *,
    surrogates: SurrogateSpecs | None = None,
    loss: Callable[[Any], Any] | None = None,
    draws: int = 8,
    seed: int = 0,
    target: float | None = 1.0,
    rate: float | None = 0.1,
    paths: bool = False,
) -> GradientFlows:
    r"""Measure how the gradient travels back in time through a model, for each surrogate.

    Spikes do not depend on the surrogate, so the model is run once. Each candidate then costs one
    backward pass that gives :math:`\delta_t = \mathrm{d}L/\mathrm{d}V_t` for every membrane and
    step: the derivative with respect to the value that the update of step t stores in ``V``,
    through everything that is computed from it, in that step and later. With a ``target``, as by
    default, each parameter that is searched costs further backward passes. Nothing is trained. A
    second call with the same model and shapes compiles nothing.

    It is a diagnosis. A growth of 1 per step keeps the gradient alive over many steps; it does not
    guarantee the best accuracy. What it proposes are candidates to train.

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
    loss : callable, optional
        From the model's outputs of all steps, stacked along a first axis, to a scalar. By default
        random projections of the last step's output, so that the measure is of the network and not
        of a label. With a loss on several steps, growth and reach describe what the last of
        them sends back; ``accumulation`` shows what the others add on the way.
    draws : int
        How many random projections to average over.
    seed : int
        Of the random projections.
    target : float, optional
        The growth per step for which a smaller ``dampening``, a larger ``scale`` and, for
        `QPseudoSpike`, a larger ``alpha`` are searched. None leaves the search out.
    rate : float, optional
        The firing rate, in spikes per neuron and step, for which gains of the inputs and of the
        input weights and a change of the threshold are searched, where neurons are silent and the
        population fires less, or saturated and it fires more. None leaves it out.
    paths : bool
        Whether to split the gain of one step back into leak, reset, recurrence and feed-forward.

    Returns
    -------
    GradientFlows
        A dictionary of a `GradientFlow` for each candidate, by its name: the key of the mapping,
        the string, or the surrogate's repr. It prints as a table that ranks them.

    Raises
    ------
    TypeError
        If the seed is not a whole number, or the loss cannot be called.
    ValueError
        If the model has no neuron with ``V`` and ``spk_fun``, a step changes the shape or dtype of
        a state, the inputs have no time step or parts of different length, draws is below 1, the
        seed is not from 0 to 2**32 - 1, there is no candidate, the target is not finite and above
        0, or the rate is not between 0 and 1.
    brainunit.UnitMismatchError
        If a neuron calls its spike function with a voltage and a candidate has no scale for it.

    See Also
    --------
    GradientFlow : What is measured.

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
    check_aims(target, rate)
    followed, sought = Followed(loss, draws, seed), Sought(target, rate, paths)
    return flows_of(trace(model, inputs), inputs, followed, sought, surrogates)


def flows_of(
    step: Step,
    inputs: Any,
    followed: Followed,
    sought: Sought,
    surrogates: Any = None,
) -> GradientFlows:
    """Measure a model that has been traced: see `gradient_flow`."""
    chosen = _candidates(step, surrogates)
    measured = evaluator(step, inputs, followed, sought)
    return GradientFlows((name, measured.measure(name, spikes)) for name, spikes in chosen.items())


def _candidates(step: Step, surrogates: Any) -> dict[str, Spikes]:
    """For each candidate's label, the surrogate of each population."""
    own = {population.name: population.spike for population in step.populations}
    if surrogates is None:
        return {OWN: own}
    if not is_candidate(surrogates) and isinstance(surrogates, Mapping) and surrogates:
        return {str(label): own | by_population(spec, own) for label, spec in surrogates.items()}
    return {label: dict.fromkeys(own, one) for label, one in candidates(surrogates).items()}

"""Find out whether a spiking network learns and if not why, and measure its gradient in time.

Start here with `gradient_flow`. Then read `tracing`, which turns a model into a `step`: a pure
function of arrays, with a `graph` of who feeds whom. `neuron_parts` finds membranes and spikes in
it. `passes` runs it forward and backward, `evaluate` measures a candidate, `trial` trains a copy
for some steps to lower a `loss`, and `diagnose` gives the verdict. `causes` has a file for each
cause; the `changes` that they propose are lines of code, tried in `attempts`. `cotangents`
differentiates the objective, `slopes` the surrogates at their arguments, `measures` reduces arrays
to numbers, `operations` counts, `labels` checks the labels. `normalize`, `normalize_rates`, `relay`
and `preparing` have a public function each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .._checks import checked_count
from .._models import by_population, checked_inputs
from .._registry import candidates, is_candidate
from ..records import GradientFlow, GradientFlows, total
from ..typing import Batches, Inputs, Model, SpikeFunction, SurrogateSpecs
from .cotangents import Objective
from .diagnose import diagnose, trials_of
from .evaluate import Evaluator, Wanted, evaluator_of
from .labels import checked_labels, labels_of, said_of_data
from .normalize import normalize_surrogate
from .normalize_rates import normalize_rates
from .passes import compiling_once, synaptic_operations
from .preparing import fix, prepare
from .relay import relay_weights
from .slopes import mean_slope_at
from .step import Spikes
from .trial import Trials

OWN = "model"


def gradient_flow(
    model: Model,
    inputs: Inputs,
    *,
    batch_first: bool = False,
    surrogates: SurrogateSpecs | None = None,
    objective: Callable[[Any], Any] | None = None,
    labels: Any = None,
    trial: bool = True,
    seed: int = 0,
) -> GradientFlows:
    r"""Diagnose why a spiking network does not learn, and measure its gradient back in time.

    It trains a copy of the model on these inputs for a few steps. If the loss halves, the network
    learns, and the cause is ``"none"``. Otherwise it tries changes on a copy, and names the first
    cause whose change makes the training clearly better: NaN is tested before silence, and silence
    before the surrogate. ``print`` shows the cause, the line of code that fixes it and the losses
    of both trainings, then a table of populations in the order in which signals reach them.

    Spikes do not depend on the surrogate, so the model runs once. Each candidate then needs its
    trial and one backward pass, which gives :math:`\delta_t = \mathrm{d}L/\mathrm{d}V_t` for every
    membrane and step: the gradient of the objective with respect to the membrane potential at
    step t. The model itself does not change.

    Parameters
    ----------
    model : brainstate.nn.Module
        Called once for each step as ``model(x)``, or as ``model.update(x)`` if it is not callable,
        with the index ``i`` and the time ``t`` of the step in `brainstate.environ`. Its neurons are
        all nodes with a state ``V``, ``v`` or ``mem`` and an elementwise ``spk_fun`` whose spikes
        are read; a readout whose state alone is read is none. The run begins with the initial
        states of ``init_state``, or else with the present states, repeated for a batch. Model,
        states and random state stay as they were. If a step appends to a Python list, the entry
        stays there, as under `jax.jit`.
    inputs : Array, Quantity or pytree of them, or Task
        Inputs of shape (time, features) or (time, batch, features...), with or without a unit. Or a
        task of `load_task`. If there are more than 64 samples, 64 of them are used, some of each
        class. All are used with an ``objective``, or if the model takes one batch size only.
    batch_first : bool
        Whether arrays have the shape (batch, time, features...), as `load_task` and `compare` take
        them.
    surrogates : sequence, mapping of names, or a single candidate, optional
        Candidates, each a surrogate for all neurons, as for `get_surrogate`. In a mapping of names,
        a candidate may also be a mapping from populations to surrogates, as for `set_surrogate`;
        other populations keep theirs. By default the model's own surrogates are one candidate named
        ``"model"``.
    objective : callable, optional
        Your loss: a function from the model's outputs, stacked over time along the first axis, to a
        scalar. Its gradient is measured, and the trial lowers it. If it uses several steps, their
        gradients add up on the way back. By default, the gradient of random projections of the last
        step's output is measured, which needs no labels.
    labels : array, optional
        One label per sample: integers from 0 or strings for classes, or floats, one or several per
        sample, for numbers to predict. For classes, the trial lowers the cross-entropy of the mean
        output over time, or of the spike counts if the output is spikes; for numbers, the squared
        error. By default the labels of a task, and without an objective random labels.
    trial : bool
        Whether to train a copy to find out if the network learns, and if not why. Without it, the
        table is still measured, which is enough while training.
    seed : int
        Seed of the random projections and of random labels.

    Returns
    -------
    GradientFlows
        A dictionary with a `GradientFlow` for each candidate, by its name: the key of the mapping,
        the string, or the surrogate's repr. ``flows["model"].diagnosis`` has the cause, the
        population, a text and the fix.

    Raises
    ------
    TypeError
        If the seed is not an integer, the objective cannot be called, or inputs are a name.
    ValueError
        If the model has no neuron with ``V`` and ``spk_fun``, or a step changes the shape or dtype
        of a state. If the inputs have no time step or no sample, or parts that differ in either. If
        the seed is not from 0 to 2**32 - 1, the objective does not return a scalar, or there is no
        candidate. If there is not one finite label per sample, all labels are the same, or both
        labels and an objective are given.
    brainunit.UnitMismatchError
        If a neuron calls its spike function with a voltage and a candidate has no scale for it.

    See Also
    --------
    GradientFlow : The record of one candidate, with all its numbers.
    normalize_rates : Brings silent and saturated populations to a firing rate.
    normalize_surrogate : Lowers surrogates that are too high.

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
    wanted = Wanted(batch_first=batch_first, is_task=isinstance(inputs, Batches))
    labels = labels_of(inputs, labels, objective)
    inputs = checked_inputs(inputs, batch_first=batch_first)
    checked_count("seed", seed, 0)
    known = None if labels is None else checked_labels(labels, inputs)
    with compiling_once():
        evaluator = evaluator_of(model, inputs, Objective(objective, seed), known, wanted)
        chosen = _candidates(evaluator.step.spikes, surrogates)
        trials = trials_of(evaluator) if trial else None
        flows = {n: _flow_of(evaluator, trials, n, each) for n, each in chosen.items()}
    read = said_of_data(evaluator, inputs, labels)
    return GradientFlows({n: replace(flow, read=read) for n, flow in flows.items()})


def _flow_of(
    evaluator: Evaluator, trials: Trials | None, name: str, spikes: Spikes
) -> GradientFlow:
    """Measure one candidate on a run, with its trial and its diagnosis."""
    measured = evaluator.measure(spikes)
    verdict = diagnose(measured, trials)
    surrogates = tuple(spikes.values())
    alike = all(surrogate is surrogates[0] for surrogate in surrogates)
    return GradientFlow(
        name=name,
        surrogate=surrogates[0] if alike else surrogates,
        steps=len(evaluator.run.inputs[0]),
        populations=measured.populations,
        diagnosis=verdict.diagnosis,
        further=verdict.further,
        samples=evaluator.batch,
        features=evaluator.features,
        operations=total(evaluator.operations.values()),
        trial=verdict.measured.tried and verdict.measured.trial,
    )


def _candidates(
    own: dict[str, SpikeFunction], surrogates: SurrogateSpecs | None
) -> dict[str, Spikes]:
    """For each candidate's label, the surrogate of each population."""
    if surrogates is None:
        return {OWN: own}
    if not is_candidate(surrogates) and isinstance(surrogates, Mapping) and surrogates:
        return {str(label): own | by_population(spec, own) for label, spec in surrogates.items()}
    return {label: dict.fromkeys(own, one) for label, one in candidates(surrogates).items()}

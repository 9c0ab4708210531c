"""Checks, before anything is trained, that a model can be trained on a task, and fairly."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Sigmoid, Surrogate
from jax import Array

from .._models import check_takes_steps, find_neurons, spike_of
from .._surrogate import QPseudoSpike, surrogate_key
from .._wording import cause_of
from ..typing import Model
from .code import name_of
from .contexts import environment, seeded
from .experiment import Experiment
from .model import initialised, outputs_in_training
from .packing import raw
from .tasks import Task
from .typing import Outputs, Values

# In the forward pass all surrogates are equal, and the first two take every unit.
PROBES = QPseudoSpike(), QPseudoSpike(alpha=3.0)
OF_ANOTHER_CLASS = Sigmoid()


def check_model(experiment: Experiment) -> tuple[str, ...]:
    """Make models with the seeds, and trace one on batches of two sizes, before training.

    Returns
    -------
    tuple of str
        Warnings about the results, for problems that do not prevent training.

    Raises
    ------
    TypeError, ValueError
        If the model cannot be trained; the message has the rule, the value and the fix.
    """
    experiment = replace(experiment, prepare=False).at(experiment.settings[0])
    notes = _check_start(experiment)
    for size in sorted({experiment.batch_size, experiment.task.sizes.validation}, reverse=True):
        outputs = _traced(experiment, size)
        _check_outputs(experiment, outputs, size)
    return notes + _one_hot(experiment.task) + _flat_loss(experiment, outputs, size)


def _one_hot(task: Task) -> tuple[str, ...]:
    """A warning if floats to predict look like classes."""
    y = task.samples.labels
    if task.classes or y.ndim < 2 or not (np.isin(y, (0, 1)).all() and (y.sum(-1) == 1).all()):
        return ()
    return (
        "y holds floats that look one-hot, so this is a regression. For classes pass "
        "y.argmax(axis=-1).",
    )


def _check_start(experiment: Experiment) -> tuple[str, ...]:
    """Check that a seed gives all candidates the same weights; a warning if all seeds do.

    Raises
    ------
    ValueError
        If candidates differ in their weights, a model is made only once, or a factory takes the
        surrogate and leaves it.
    """
    seeds, name = experiment.seeds, name_of(experiment.factory.make)
    (model, start), (again, other) = (_start(experiment, probe, seeds[0]) for probe in PROBES)
    _check_fresh(experiment, model, again)
    starts = [other]
    if experiment.factory.takes_surrogate:
        with suppress(Exception):  # this factory takes surrogates of one class only
            starts.append(_start(experiment, OF_ANOTHER_CLASS, seeds[0])[1])
    weights, arrays = start
    if changed := {
        path: None
        for others, more in starts  # brainpy.state numbers the names of its arrays
        for path in _differing(weights, others) + _differing(arrays, arrays | more)
    }:
        raise ValueError(
            "candidates must start from the same weights with the same seed, got different ones in "
            f"{', '.join(changed)} from calls of {name} with seed {seeds[0]}. Draw "
            "from brainstate.random or numpy.random, which the seed sets, not from a generator of "
            "your own, such as numpy.random.default_rng(), and whatever the surrogate is"
        )
    trained = lambda seed: experiment.start(PROBES[0], seed)[1].values.trained
    if len(seeds) < 2 or _differing(*map(trained, seeds[:2])):
        return ()
    return (
        f"All seeds start from the same weights, because {name} does not draw them from "
        "brainstate.random or numpy.random. Intervals may be too small: seeds differ only in the "
        "split and the order of the samples.",
    )


def _check_fresh(experiment: Experiment, model: Model, again: Model) -> None:
    """Check that two calls of the factory made two models, each with its surrogate."""
    name = name_of(experiment.factory.make)
    if again is model:
        raise ValueError(
            f"the factory {name} must return a fresh model each time, got the same "
            f"{type(model).__name__} twice, so that all seeds would begin with the same weights. "
            "Create the model inside the function"
        )
    if experiment.factory.takes_surrogate and _spike_functions(model) == _spike_functions(again):
        raise ValueError(
            f"the factory {name} takes surrogate and must put it into the model, got the same "
            "spike functions with two different surrogates. Pass it on, as in "
            "LIF(hidden, spk_fun=surrogate)"
        )


def _start(
    experiment: Experiment, surrogate: Surrogate, seed: int
) -> tuple[Model, tuple[Values, Values]]:
    """A model, with its initial weights and the arrays that its nodes have as attributes."""
    model, states = experiment.start(surrogate, seed)
    arrays = {
        ".".join(map(str, (*path, name))): value
        for path, node in brainstate.graph.nodes(model).items()
        for name, value in vars(node).items()
        if isinstance(value, (jax.Array, np.ndarray, u.Quantity))
    }
    return model, (states.values.trained | states.values.kept, arrays)


def _differing(first: Values, second: Values) -> list[str]:
    """Names of values that are not the same numbers, random keys included."""
    text = lambda value: [(a.shape, a.tobytes()) for a in map(raw, jax.tree.leaves(value))]
    return [name for name in first if text(first[name]) != text(second.get(name))]


def _spike_functions(model: Model) -> list[Hashable]:
    spikes = [spike_of(neuron) for neuron in find_neurons(model).values()]
    return [surrogate_key(s) if isinstance(s, Surrogate) else id(s) for s in spikes]


def _traced(experiment: Experiment, size: int) -> Outputs:
    """Shapes of the outputs of all steps; raises why the model does not take such a batch."""
    task = experiment.task

    def outputs(key: Array, inputs: Array) -> Outputs:
        with seeded(key):
            model = experiment.model(PROBES[0])
            initialised(model, size, task)
            with environment():
                check_takes_steps(model, task.to_model(jnp.swapaxes(inputs, 0, 1)))
            return outputs_in_training(model, inputs, task)

    inputs = jax.ShapeDtypeStruct((size, task.steps, task.features), jnp.float32)
    try:
        return jax.eval_shape(outputs, jax.random.key(0), inputs)
    except Exception as error:
        cause = cause_of(error)
        of_tracer = isinstance(cause, jax.errors.JAXTypeError)
        if "shape" not in (said := str(cause).strip().rstrip(".")) or of_tracer:
            raise cause from cause.__cause__  # which brainstate's wrapper would hide
        raise ValueError(
            f"the model must take the {task.features} features of the data in batches of any size, "
            f"here of {size} samples, got {type(cause).__name__}: {said}. "
            "Take features as a keyword of the factory and give the first layer that size. Make "
            "states in init_state(self, batch_size=None), of shape (batch_size, ...), and leave "
            "out the batch axis of other arrays"
        ) from error


def _check_outputs(experiment: Experiment, outputs: Outputs, size: int) -> None:
    """Check that a step returns one array, with a number for each class or of each target."""
    task = experiment.task
    if experiment.scoring.is_own:
        return
    shapes, wanted = [leaf.shape[1:] for leaf in jax.tree.leaves(outputs)], (size, *task.target)
    flat = lambda shape: (shape[:1], np.prod(shape[1:]))  # as linear layers return targets
    if shapes == [wanted] or (not task.classes and [*map(flat, shapes)] == [flat(wanted)]):
        return
    raise ValueError(
        f"a step must return one array of shape {wanted}, with a value for each class or each "
        f"number of a target, got {', '.join(map(str, shapes)) or 'nothing'}. Take outputs as a "
        "keyword of the factory and end the model with a layer of that size, or pass your own loss "
        "and score. If y has a target for each step, pass load_task(..., readout='all')"
    )


def _flat_loss(experiment: Experiment, outputs: Outputs, size: int) -> tuple[str, ...]:
    """A warning if the loss has no gradient, because then nothing is trained."""
    scoring, labels = experiment.scoring, experiment.task.samples.labels
    y, rng = jnp.asarray(labels[np.arange(size) % len(labels)]), np.random.default_rng(0)
    drawn = jax.tree.map(lambda o: jnp.asarray(rng.standard_normal(o.shape), o.dtype), outputs)
    with seeded(jax.random.key(0)), environment(fit=True):
        gradient = jax.grad(lambda o: scoring.number("loss", o, y), allow_int=True)(drawn)
    if any(g.dtype != jax.dtypes.float0 and g.any() for g in jax.tree.leaves(gradient)):
        return ()
    name = f" {scoring.loss_name}".replace(" loss", "")
    return (
        f"The loss{name} has a gradient of 0 for all outputs: nothing was trained. Outputs must be "
        "floats, and the loss must change with them, such as cross-entropy. A count of correct "
        "answers is a score.",
    )

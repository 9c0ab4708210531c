"""Checks, before anything is trained, that a model can be trained on a task."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._models import find_neurons
from .._surrogate import QPseudoSpike, surrogate_key
from .experiment import Experiment
from .factory import cause_of
from .identity import name_of
from .model import environment, initialised, run_over, seeded, values_of

# In the forward pass all surrogates are equal, and these take every unit.
ANY, OTHER = QPseudoSpike(), QPseudoSpike(alpha=3.0)

Shapes = dict[str, tuple[int, ...]]  # by the names of arrays in the model


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
    notes = _check_start(experiment)
    for size in sorted({experiment.batch_size, experiment.task.sizes.validation}, reverse=True):
        outputs = _traced(experiment, size)
        _check_outputs(experiment, outputs, size)
        _check_loss(experiment, outputs, size)
    return notes + _without_gradient(experiment, outputs, size)


def check_finite(experiment: Experiment) -> None:
    """Run the initial model on one batch. To be called if every score is NaN.

    Raises
    ------
    ValueError
        If outputs are not finite; the message has the first such step.
    """
    task, (seed, *_) = experiment.task, experiment.seeds
    inputs = jnp.asarray(task.samples.inputs[: experiment.batch_size])
    with seeded(jax.random.key(seed), seed):
        model = experiment.model(ANY)
        initialised(model, experiment.batch_size)
        outputs = run_over(model, inputs, fit=False, of_step=task.to_model)
    leaves = jax.tree.leaves(outputs)
    finite = np.all([np.isfinite(x).reshape(len(x), -1).all(1) for x in leaves], axis=0)
    if not finite.all():
        raise ValueError(
            "the model's outputs must be finite, got NaN or infinity at the initial weights from "
            f"step {int(np.argmin(finite))} on. Look for a division by zero, a time constant of 0, "
            "or inputs and weights in units that the neurons do not take"
        )


def _check_start(experiment: Experiment) -> tuple[str, ...]:
    """Check that a seed gives all candidates the same weights, and another seed other weights."""
    seeds = experiment.seeds
    name = name_of(experiment.factory.make)
    (model, weights, fixed), (again, *same) = (
        _start(experiment, s, seeds[0]) for s in (ANY, OTHER)
    )
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
    if changed := [*_differing(weights, same[0]), *_differing(fixed, same[1])]:
        raise ValueError(
            "candidates must start from the same weights with the same seed, got different ones in "
            f"{', '.join(changed)} from two calls of {name} with seed {seeds[0]}. Draw from "
            "brainstate.random or numpy.random, which the seed sets, not from a generator of your "
            "own, such as numpy.random.default_rng()"
        )
    if len(seeds) < 2 or _differing(weights, _start(experiment, ANY, seeds[1])[1]):
        return ()
    return (
        f"All seeds start from the same weights, because {name} does not draw them from "
        "brainstate.random or numpy.random. Intervals may be too small: seeds differ only in the "
        "split and the order of the samples.",
    )


def _start(
    experiment: Experiment, surrogate: Any, seed: int
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """A model, its weights, and all its other initial values."""
    with seeded(jax.random.key(seed), seed):
        model = experiment.model(surrogate)
        trained, kept = map(values_of, initialised(model, experiment.batch_size))
    return model, trained, kept | {path: value for path, (value, _) in _arrays(model).items()}


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of values that are not the same numbers, random keys included."""
    text = lambda value: [(a.shape, a.tobytes()) for a in map(_raw, jax.tree.leaves(value))]
    return [name for name in one if text(one[name]) != text(other.get(name))]


def _raw(leaf: Any) -> np.ndarray:
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def _spike_functions(model: Any) -> list[Any]:
    found = [neuron.spk_fun for neuron in find_neurons(model).values()]
    return [surrogate_key(one) if isinstance(one, Surrogate) else id(one) for one in found]


def _traced(experiment: Experiment, size: int) -> Any:
    """Shapes of the outputs of all steps."""
    held: Shapes = {}
    arrays: Shapes = {}

    def outputs(key: Any, inputs: Any) -> Any:
        with seeded(key):
            model = experiment.model(ANY)
            initialised(model, size)
            held.update(_of_other_batches(model, size))
            arrays.update({path: shape for path, (_, shape) in _arrays(model).items() if shape})
            return run_over(model, inputs, fit=True, of_step=task.to_model)

    task = experiment.task
    inputs = jax.ShapeDtypeStruct((size, task.steps, task.features), jnp.float32)
    try:
        return jax.eval_shape(outputs, jax.random.key(0), inputs)
    except Exception as error:
        reason = _reason(error, size, arrays, held)
        if reason is not None:
            raise ValueError(reason) from error
        cause = cause_of(error)
        if cause is error:
            raise
        raise cause from cause.__cause__  # which brainstate's wrapper would hide


def _reason(error: Exception, size: int, arrays: Shapes, held: Shapes) -> str | None:
    """Why a model failed on a batch of this size; None if its states and arrays fit."""
    if guilty := {n: s for n, s in arrays.items() if s[0] != size and f"{s}" in _root(error)}:
        return (
            f"the model must take batches of any size, here of {size} samples, but holds "
            f"{_listed(guilty)}: {_root(error)}. Leave out the batch axis of these arrays, or make "
            "them in init_state(self, batch_size=None)"
        )
    if held:
        return (
            f"after brainstate.nn.init_all_states(model, {size}), the first axis of states must be "
            f"the batch, here of {size} samples; got {_listed(held)}. Make them in "
            "init_state(self, batch_size=None), of shape (batch_size, ...)"
        )
    return None


def _of_other_batches(model: Any, size: int) -> Shapes:
    """Shapes of the hidden states that do not fit the batch."""
    shapes = {
        ".".join(map(str, path)): jnp.shape(leaf)
        for path, state in brainstate.graph.states(model, brainstate.ShortTermState).items()
        for leaf in jax.tree.leaves(state.value)
    }
    return {name: shape for name, shape in shapes.items() if shape and shape[0] != size}


def _arrays(model: Any) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Arrays that nodes have as attributes, and their shapes."""
    return {
        ".".join(map(str, (*path, name))): (value, np.shape(value))
        for path, node in brainstate.graph.nodes(model).items()
        for name, value in vars(node).items()
        if isinstance(value, (jax.Array, np.ndarray, u.Quantity))
    }


def _root(error: BaseException) -> str:
    return str(cause_of(error)).strip().rstrip(".")


def _listed(shapes: Shapes) -> str:
    return ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())


def _check_outputs(experiment: Experiment, outputs: Any, size: int) -> None:
    leaves = jax.tree.leaves(outputs)
    if experiment.objective.is_own:
        return
    if len(leaves) != 1 or leaves[0].shape[1:2] != (size,):
        shapes = ", ".join(str(leaf.shape[1:]) for leaf in leaves) or "nothing"
        raise ValueError(
            f"a step must return one array of shape (batch, ...), here ({size}, ...), got "
            f"{shapes}. Return only the readout, or pass your own loss and score"
        )
    (output,) = leaves
    if (classes := experiment.task.classes) is not None and output.shape[2:] != (classes,):
        raise ValueError(
            f"a step must return a value for each of the {classes} classes, of shape ({size}, "
            f"{classes}), got {output.shape[1:]}. Take classes as a keyword of the factory and end "
            "the model with a layer of that size"
        )
    if classes is None:
        _check_targets(experiment, output)


def _check_loss(experiment: Experiment, outputs: Any, size: int) -> None:
    labels = experiment.task.samples.labels
    some = jax.ShapeDtypeStruct((size, *labels.shape[1:]), labels.dtype)
    loss = lambda outputs, y: experiment.objective.loss(experiment.objective.read(outputs), y)
    kinds = [leaf.dtype for leaf in jax.tree.leaves(jax.eval_shape(loss, outputs, some))]
    if len(kinds) != 1 or not jnp.issubdtype(kinds[0], jnp.floating):
        raise TypeError(
            "loss must return real numbers, which have a derivative, got "
            f"{', '.join(map(str, kinds)) or 'nothing'}. A count of correct answers is a score: "
            "pass it as score=, and a loss such as cross-entropy"
        )


def _without_gradient(experiment: Experiment, outputs: Any, size: int) -> tuple[str, ...]:
    """A warning if the loss has no gradient, because then nothing is trained."""
    leaves, structure = jax.tree.flatten(outputs)
    if not any(jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in leaves):
        kinds = ", ".join(sorted({str(leaf.dtype) for leaf in leaves}))
        return (
            f"The model's outputs are {kinds}, which have no gradient: nothing was trained. "
            "Return floats from the model.",
        )
    rng = np.random.default_rng(0)
    some = [jnp.asarray(rng.standard_normal(leaf.shape), leaf.dtype) for leaf in leaves]
    labels = experiment.task.samples.labels
    y = jnp.asarray(labels[np.arange(size) % len(labels)])

    def loss(leaves: list[Any]) -> Any:
        read = experiment.objective.read(jax.tree.unflatten(structure, leaves))
        return jnp.mean(u.get_mantissa(experiment.objective.loss(read, y)))

    with seeded(jax.random.key(0)), environment(fit=True):
        gradient = jax.grad(loss, allow_int=True)(some)
    if any(g.dtype != jax.dtypes.float0 and g.any() for g in gradient):
        return ()
    name = experiment.objective.loss_name
    name = "" if name == "loss" else f" {name}"
    return (
        f"The loss{name} has a gradient of 0 for all outputs: nothing was "
        "trained. Take one that changes with the outputs, such as cross-entropy. A count of "
        "correct answers is a score.",
    )


def _check_targets(experiment: Experiment, output: Any) -> None:
    read = output.shape[2:]
    labels = experiment.task.samples.labels
    each_step = experiment.objective.readout == "all" and experiment.task.is_answered_at_each_step
    wanted = labels.shape[2 if each_step else 1 :]
    if np.prod(read) != np.prod(wanted):
        raise ValueError(
            f"a step must return as many values as a target has, of shape {wanted}, got {read} for "
            f"each sample; y has the shape {labels.shape}. Pass load_task(..., readout='all') if y "
            "has a target for each step, of shape (samples, time, ...), and another readout if not"
        )

"""Whether a model can be trained on a task: found out in one trace, before anything is trained."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._surrogate import QPseudoSpike
from .factory import name_of
from .model import initialised, run_over, seeded
from .training import Bench

# Forward, all surrogates do the same, and this one takes every unit.
ANY = QPseudoSpike()

Shapes = dict[str, tuple[int, ...]]  # by the names of arrays in the model


def check_model(bench: Bench) -> None:
    """Trace the model on a batch of the training part, and on one of another size.

    Raises
    ------
    TypeError, ValueError
        With the rule, what the model does instead, and the fix.
    """
    sizes = {bench.batch_size, len(bench.task.validation)}
    for size in sorted(sizes, reverse=True):
        outputs = _traced(bench, size)
        _check_outputs(bench, outputs, size)
        _check_loss(bench, outputs, size)


def check_finite(bench: Bench, seed: int) -> None:
    """Run the initial model on one batch; call it where every score is NaN.

    Raises
    ------
    ValueError
        If outputs are not finite, with the first step at which they are not.
    """
    with seeded(jax.random.key(seed), seed):
        model = bench.model(ANY)
        initialised(model, bench.batch_size)
        outputs = run_over(model, _some_inputs(bench, bench.batch_size), fit=False)
    leaves = jax.tree.leaves(outputs)
    finite = np.all([np.isfinite(x).reshape(len(x), -1).all(1) for x in leaves], axis=0)
    if not finite.all():
        raise ValueError(
            "the model's outputs must be finite, got NaN or infinity at the initial weights from "
            f"step {int(np.argmin(finite))} on. Look for a division by zero, a time constant of 0, "
            "or inputs and weights in other units than the neurons take"
        )


def _traced(bench: Bench, size: int) -> Any:
    """Shapes of the outputs of all steps."""
    held: Shapes = {}
    arrays: Shapes = {}

    def outputs(key: Any, inputs: Any) -> Any:
        with seeded(key):
            model = bench.model(ANY)
            _check_fresh(bench, model)
            initialised(model, size)
            held.update(_of_other_batches(model, size))
            arrays.update(_arrays(model))
            return run_over(model, inputs, fit=True)

    try:
        return jax.eval_shape(outputs, jax.random.key(0), _some_inputs(bench, size))
    except Exception as error:
        reason = _reason(error, size, arrays, held)
        if reason is None:
            raise
        raise ValueError(reason) from error


def _reason(error: Exception, size: int, arrays: Shapes, held: Shapes) -> str | None:
    """What of a model does not fit a batch of a size that it has failed for."""
    if guilty := {n: s for n, s in arrays.items() if s[0] != size and f"{s}" in _root(error)}:
        return (
            f"the model must take batches of any size, here of {size} samples, got "
            f"{_listed(guilty)}, which it holds: {_root(error)}. Leave out the axis of the "
            "batch, or make them in init_state(self, batch_size=None)"
        )
    if held:
        return (
            f"states must have the batch, here of {size} samples, as their first axis once "
            f"brainstate.nn.init_all_states(model, {size}) was called; got {_listed(held)}. Make "
            "them in init_state(self, batch_size=None), of shape (batch_size, ...)"
        )
    return None


def _check_fresh(bench: Bench, model: Any) -> None:
    if bench.factory.fresh(bench.task, bench.options) is model:
        raise ValueError(
            f"the factory {name_of(bench.factory.make)} must return a fresh model each time, got "
            f"the same {type(model).__name__} twice, so that all seeds would begin with the same "
            "weights. Make the model within the function"
        )


def _of_other_batches(model: Any, size: int) -> Shapes:
    """Shapes of those hidden states that do not fit the batch, for when the model fails."""
    shapes = {
        ".".join(map(str, path)): jnp.shape(leaf)
        for path, state in brainstate.graph.states(model, brainstate.ShortTermState).items()
        for leaf in jax.tree.leaves(state.value)
    }
    return {name: shape for name, shape in shapes.items() if shape and shape[0] != size}


def _arrays(model: Any) -> Shapes:
    """Shapes of the arrays that nodes have as attributes."""
    return {
        ".".join(map(str, (*path, name))): np.shape(value)
        for path, node in brainstate.graph.nodes(model).items()
        for name, value in vars(node).items()
        if isinstance(value, (jax.Array, np.ndarray, u.Quantity)) and np.ndim(value)
    }


def _root(error: BaseException) -> str:
    """What the first of a chain of errors says."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().rstrip(".")


def _listed(shapes: Shapes) -> str:
    return ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())


def _check_outputs(bench: Bench, outputs: Any, size: int) -> None:
    leaves = jax.tree.leaves(outputs)
    if bench.objective.is_own:
        return
    if len(leaves) != 1 or leaves[0].shape[1:2] != (size,):
        shapes = ", ".join(str(leaf.shape[1:]) for leaf in leaves) or "nothing"
        raise ValueError(
            f"a step must return one array of shape (batch, ...), here ({size}, ...), got "
            f"{shapes}. Return the readout alone, or pass a loss and a score of your own"
        )
    (output,) = leaves
    if (classes := bench.task.classes) is not None and output.shape[2:] != (classes,):
        raise ValueError(
            f"a step must return a value for each of the {classes} classes, of shape ({size}, "
            f"{classes}), got {output.shape[1:]}. Take classes as a keyword of the factory and end "
            "the model with a layer of so many outputs"
        )
    if classes is None:
        _check_targets(bench, output)


def _check_loss(bench: Bench, outputs: Any, size: int) -> None:
    labels = bench.task.train.labels
    some = jax.ShapeDtypeStruct((size, *labels.shape[1:]), labels.dtype)
    loss = lambda outputs, y: bench.objective.loss(bench.objective.read(outputs), y)
    kinds = [leaf.dtype for leaf in jax.tree.leaves(jax.eval_shape(loss, outputs, some))]
    if len(kinds) != 1 or not jnp.issubdtype(kinds[0], jnp.floating):
        raise TypeError(
            "loss must return an array of real numbers, which has a derivative, got "
            f"{', '.join(map(str, kinds)) or 'nothing'}. Counting what is right is a score: pass "
            "it as score=, and a loss such as cross-entropy"
        )


def _check_targets(bench: Bench, output: Any) -> None:
    read = output.shape[2:]
    labels = bench.task.train.labels
    each_step = bench.objective.readout == "all" and bench.task.is_answered_at_each_step
    wanted = labels.shape[2 if each_step else 1 :]
    if np.prod(read) != np.prod(wanted):
        raise ValueError(
            f"a step must return as many values as a target has, of shape {wanted}, got {read} for "
            f"each sample; y has the shape {labels.shape}. Pass readout='all' where y has a target "
            "for each step, of shape (samples, time, ...), and another readout where it has one"
        )


def _some_inputs(bench: Bench, size: int) -> jax.Array:
    inputs = bench.task.train.inputs
    return jnp.asarray(inputs[np.arange(size) % len(inputs)])

"""Inputs by time step, states initialised for them, and one step of a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array

from .._defaults import SAMPLES
from .._wording import listed
from ..typing import Batches, Inputs, Model
from .restore import keeping_states

SHOWN = 3  # shapes in a message


def described_inputs(inputs: Inputs) -> str:
    """Say how checked inputs are read, as "30 steps of 1.0 ms, 64 samples, 20 features in mA"."""
    arrays = jax.tree.leaves(inputs, is_leaf=u.math.is_quantity)
    batch, dt = batch_size(inputs), brainstate.environ.get("dt", None)
    steps = len(arrays[0])
    parts = [f"{steps} step{'s' * (steps != 1)}{'' if dt is None else f' of {dt}'}"]
    if batch is not None:
        parts.append(f"{batch} sample{'s' * (batch != 1)}")
    return ", ".join([*parts, listed(map(partial(_features, batch), arrays), last="and")])


def _features(batch: int | None, x: Any) -> str:
    """The features of an array, with their unit."""
    sizes, unit = x.shape[1 + (batch is not None) :], u.get_unit(x)
    named = f"{' x '.join(map(str, sizes)) or 1} feature{'s' * (sizes not in [(), (1,)])}"
    return named if unit.is_unitless else f"{named} in {unit}"


def checked_inputs(
    data: Inputs, *, batch_first: bool = False, several_samples: bool = False
) -> Any:
    """The inputs as arrays, each with time along its first axis.

    ``data`` is an array, a pytree of arrays, or a task, of which a batch is taken. With
    ``batch_first``, arrays have samples along their first axis and time along the second.

    Raises
    ------
    ValueError
        If an axis is empty, or not all parts have the same numbers of time steps and samples.
    """
    inputs = data.batch(SAMPLES)[0] if isinstance(data, Batches) else data
    arrays = jax.tree.map(jnp.asarray, inputs)
    if batch_first and inputs is data:
        arrays = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), arrays)
    shapes = [leaf.shape for leaf in jax.tree.leaves(arrays)]
    axes = 1 if batch_size(arrays) is None else 2  # time and batch
    sizes = {shape[:axes] for shape in shapes}
    if len(sizes) != 1 or () in sizes or any(0 in shape for shape in shapes):
        more = f" and {len(shapes) - SHOWN} more" if len(shapes) > SHOWN else ""
        advice = "For a single step, pass inputs[None]"
        if isinstance(inputs, (list, tuple)):
            advice = "A list means several inputs. If it is one, pass jax.numpy.asarray(inputs)"
        raise ValueError(
            "inputs must have the shape (time, features) or (time, batch, features...), without an "
            "empty axis and with the same numbers of time steps and samples in all parts, got "
            f"{listed(shapes[:SHOWN])}{more}. {advice}"
        )
    return arrays


def batch_size(inputs: Inputs) -> int | None:
    """The batch in inputs of shape (time, batch, features...); None for (time, features)."""
    shapes = [x.shape for x in jax.tree.leaves(inputs)]
    longest: tuple[int, ...] = max(shapes, key=len, default=())
    return longest[1] if len(longest) > 2 else None


def initialise(model: Model, inputs: Inputs) -> None:
    """Initialise all states for the batch of the inputs, if their ``init_state`` takes one."""
    batch = batch_size(inputs)
    nodes = [n for n in brainstate.graph.nodes(model).values() if hasattr(n, "init_state")]
    with keeping_states(model):
        if batch is None:
            brainstate.nn.init_all_states(model)
        elif all(_takes(node.init_state, batch) for node in nodes):
            brainstate.nn.init_all_states(model, batch)
        else:
            for node in nodes:
                node.init_state(*([batch] if _takes(node.init_state, batch) else []))


def _takes(function: Callable, argument: object) -> bool:
    try:
        inspect.signature(function).bind(argument)
    except TypeError:
        return False
    return True


def dead_states(model: Model) -> list[str]:
    """Paths of the states that hold a tracer of a transformation that has ended."""
    states = brainstate.graph.states(model).items()
    return [".".join(map(str, path)) for path, state in states if _is_dead(state)]


def _is_dead(state: brainstate.State) -> bool:
    try:
        leaves = jax.tree.leaves(state.value)
    except brainstate.TraceContextError:  # after brainstate.transform.jit the value is gone
        return True
    return any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)


def advance(model: Model, i: Array, x: Any) -> Any:
    """One step of the model, with the index and the time of the step in its environment.

    Unless the user has set ``fit``, it is a step of training, in which dropout acts.
    """
    dt = brainstate.environ.get("dt", None)
    fit = brainstate.environ.get("fit", True)
    # The index becomes a float first, for users who set JAX to refuse mixed dtypes.
    time = {} if dt is None else {"t": jnp.asarray(i, jnp.result_type(float)) * dt}
    with brainstate.environ.context(i=i, fit=fit, **time):
        return model(x) if callable(model) else model.update(x)

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
from .find_neurons import MAPPED
from .restore import forget_programs, keeping_states

Shape = tuple[int, ...]

SHOWN = 3  # shapes in a message

# By ``batch_first``: the axes, and what inputs with two of them may be.
AXES = "(time, samples, features...)", "(samples, time, features...)"
TWO_AXES = (
    "If it is a table of samples, show each row at every step: "
    "jnp.broadcast_to(inputs, (30, *inputs.shape)). If it is one sequence, pass inputs[:, None]",
    "If it is a table of samples, show each row at every step: "
    "jnp.repeat(inputs[:, None], 30, axis=1). If it is one sequence, pass inputs[None]",
)


def described_inputs(inputs: Inputs) -> str:
    """Say how checked inputs are read, as "30 steps of 1 ms, 64 samples, 20 features in mA"."""
    arrays = jax.tree.leaves(inputs, is_leaf=u.math.is_quantity)
    batch, dt = batch_size(inputs), brainstate.environ.get("dt", None)
    steps = len(arrays[0])
    size = "" if dt is None else f" of {u.get_mantissa(dt):g} {u.get_unit(dt)}".removesuffix(" 1")
    parts = [f"{steps} step{'s' * (steps != 1)}{size}"]
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
        If an axis is empty, or not all parts have the same numbers of time steps and samples, or
        there must be ``several_samples`` and no axis is for them.
    """
    inputs = data.batch(SAMPLES)[0] if isinstance(data, Batches) else data
    arrays = jax.tree.map(jnp.asarray, inputs)
    if batch_first and inputs is data:
        arrays = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), arrays)
    shapes = [leaf.shape for leaf in jax.tree.leaves(arrays)]
    axes = 1 if batch_size(arrays) is None else 2  # time and batch
    sizes = {shape[:axes] for shape in shapes}
    if len(sizes) != 1 or () in sizes or any(0 in shape for shape in shapes):
        advice = "For a single step, pass inputs[None]"
        if isinstance(inputs, (list, tuple)):
            advice = (
                "A list means several inputs. If it is one, pass jax.numpy.asarray(inputs); labels "
                "go into labels="
            )
        raise ValueError(
            "inputs must have the shape (time, features) or (time, batch, features...), without an "
            "empty axis and with the same numbers of time steps and samples in all parts, got "
            f"{_shapes(arrays)}. {advice}"
        )
    if several_samples and batch_size(arrays) is None:
        raise ValueError(
            f"inputs must have the shape {AXES[batch_first]}, got {_shapes(inputs)}. "
            + TWO_AXES[batch_first]
        )
    return arrays


def _shapes(inputs: Inputs) -> str:
    """The shapes of all parts, as text; the first few of many."""
    shapes = [x.shape for x in jax.tree.leaves(inputs)]
    more = f" and {len(shapes) - SHOWN} more" if len(shapes) > SHOWN else ""
    return listed(shapes[:SHOWN]) + more


def batch_size(inputs: Inputs) -> int | None:
    """The batch in inputs of shape (time, batch, features...); None for (time, features)."""
    shapes = [x.shape for x in jax.tree.leaves(inputs)]
    longest: tuple[int, ...] = max(shapes, key=len, default=())
    return longest[1] if len(longest) > 2 else None


def initialise(model: Model, inputs: Inputs, batch: int | None = None) -> None:
    """Make initial states for a batch, by default that of the inputs.

    They come from ``init_state``, where a node has one, or are the present ones. Those of one
    sample are repeated until a step keeps the shapes of all. A module that `brainstate.nn.Vmap` or
    `Map` maps over samples gets states of one sample, mapped; one that is mapped over something
    else keeps its states.
    """
    batch = batch or batch_size(inputs)
    inner = below_mapped(model)
    nodes = [n for n in brainstate.graph.nodes(model).values() if id(n) not in inner]
    over_samples = [n for n in nodes if isinstance(n, MAPPED) and 0 in jax.tree.leaves(n.in_axes)]
    with keeping_states(model):
        for node in sorted(nodes, key=_call_order):
            if isinstance(node, brainstate.nn.Module) and hasattr(node, "init_state"):
                node.init_state(*([batch] if batch and _takes(node.init_state, batch) else []))
        for node in over_samples:
            if batch and isinstance(node, brainstate.nn.Vmap):
                brainstate.nn.vmap_init_all_states(node.module, axis_size=batch)
    for node in over_samples:
        if batch and isinstance(node, brainstate.nn.Map):  # it holds on to the states that it makes
            node.init_map_size = batch
            node.init_all_states()
    if batch:
        _repeat_for_batch(model, jax.tree.map(lambda x: x[0], inputs), batch)


def below_mapped(model: Model) -> set[int]:
    """The ids of the nodes below a module that maps them."""
    nodes = brainstate.graph.nodes(model).values()
    modules = [node.module for node in nodes if isinstance(node, MAPPED)]
    return {id(node) for module in modules for node in brainstate.graph.nodes(module).values()}


def _call_order(node: Any) -> int:
    """The order in which brainstate calls ``init_state``; without one a node comes first."""
    return getattr(getattr(node, "init_state", None), "call_order", -1)


def _repeat_for_batch(model: Model, x: Any, batch: int) -> None:
    """Repeat states of one sample for each sample, until a step keeps the shapes of all."""
    for _ in brainstate.graph.states(model):
        changes = _changes(model, x)
        alone = {id(s): s for s, old, new in changes if len(new) > len(old) and new[1:] == old}
        if not alone:
            return
        for state in alone.values():
            repeat = lambda x: u.math.broadcast_to(x, (batch, *x.shape))
            state.value = jax.tree.map(repeat, state.value, is_leaf=u.math.is_quantity)


def check_takes_steps(model: Model, inputs: Inputs) -> None:
    """Check that a model, whose states are initialised, takes one time step in a call.

    Raises
    ------
    ValueError
        If it takes all steps at once: it runs on them, and its states keep their shapes.
    """
    samples_first = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), inputs)
    for sequence in (inputs, samples_first) if batch_size(inputs) else (inputs,):
        changes = _changes(model, sequence)
        if changes and all(new == old for _, old, new in changes):
            raise ValueError(
                f"the model must take one time step in a call, got {type(model).__name__}, which "
                f"takes all of them: inputs of shape {_shapes(sequence)}. Pass the module that it "
                "calls in each step, or give it an update without the loop over time"
            )


def _changes(model: Model, x: Any) -> list[tuple[brainstate.State, Shape, Shape]]:
    """The states that a step writes, each with a shape before and after; empty if it fails.

    Where the step is needed it fails again, and the caller says why in its own words.
    """
    function = brainstate.transform.StatefulFunction(partial(advance, model))
    arguments = jnp.asarray(0, jnp.int32), x
    try:
        function.make_jaxpr(*arguments)
    except Exception:
        return []
    finally:
        forget_programs(model)
    states, after = function.get_states(*arguments), function.get_out_shapes(*arguments)[1]
    return [
        (state, jnp.shape(old), new.shape)
        for state, values in zip(states, after)
        for old, new in zip(jax.tree.leaves(state.value), jax.tree.leaves(values))
    ]


def _takes(function: Callable, argument: object) -> bool:
    try:
        inspect.signature(function).bind(argument)
    except TypeError:
        return False
    return True


def has_dead_states(model: Model) -> bool:
    """Whether a state holds a tracer of a transformation that has ended."""
    return any(map(_is_dead, brainstate.graph.states(model).values()))


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

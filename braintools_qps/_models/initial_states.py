"""Initial states of a model for a batch of samples."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ..typing import Inputs, Model
from .find_neurons import MAPPED, Path
from .inputs import at_a_step, batch_size
from .one_step import OneStep, step_if_possible
from .restore import keeping_states


def initialise(
    model: Model, inputs: Inputs, batch: int | None = None
) -> tuple[set[Path], OneStep | None]:
    """Make initial states for a batch, by default that of the inputs.

    They come from ``init_state``, where a node has one, or are the present ones. Those of one
    sample are repeated until a step keeps the shapes of all. A module that `brainstate.nn.Vmap` or
    `Map` maps over samples gets states of one sample, mapped; one that is mapped over something
    else keeps its states.

    Returns the paths of the states that no ``init_state`` sets, and the traced step: None without a
    batch, or if the step fails.
    """
    batch = batch or batch_size(inputs)
    before = {path: _marked(s) for path, s in brainstate.graph.states(model).items()}
    _call_init_state(model, batch)
    after = {path: vars(s)["_value"] for path, s in brainstate.graph.states(model).items()}
    step = _repeat_for_batch(model, at_a_step(inputs), batch) if batch else None
    unset = {path for path, value in before.items() if path in after and after[path] is value}
    return unset, step


def _marked(state: brainstate.State) -> Any:
    """The value of a state, which ``init_state`` does not set again: a copy, if it starts afresh.

    A value of a trace that has ended cannot be copied, and is not set again either.
    """
    if isinstance(state, brainstate.ShortTermState):
        with suppress(brainstate.TraceContextError, TypeError):
            state.value = jax.tree.map(lambda x: jnp.asarray(np.array(x)), state.value)
    return vars(state)["_value"]


def _call_init_state(model: Model, batch: int | None) -> None:
    """Call ``init_state`` of all nodes, in brainstate's order."""
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


def below_mapped(model: Model) -> set[int]:
    """The ids of the nodes below a module that maps them."""
    nodes = brainstate.graph.nodes(model).values()
    modules = [node.module for node in nodes if isinstance(node, MAPPED)]
    return {id(node) for module in modules for node in brainstate.graph.nodes(module).values()}


def _call_order(node: Any) -> int:
    """The order in which brainstate calls ``init_state``; without one a node comes first."""
    return getattr(getattr(node, "init_state", None), "call_order", -1)


def _repeat_for_batch(model: Model, x: Any, batch: int) -> OneStep | None:
    """Repeat states of one sample for each sample, until a step keeps the shapes of all."""
    for _ in brainstate.graph.states(model):
        step = step_if_possible(model, x)
        changes = step.shapes() if step else []
        alone = {id(s): s for s, old, new in changes if len(new) > len(old) and new[1:] == old}
        if not alone:
            return step
        for state in alone.values():
            repeat = lambda x: u.math.broadcast_to(x, (batch, *x.shape))
            state.value = jax.tree.map(repeat, state.value, is_leaf=u.math.is_quantity)
    return None


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

"""Neurons found and their states initialised, in models of every make."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import brainstate
import jax

from .._neurons import find_neurons, has_membrane


class Ready(NamedTuple):
    """Neurons with a membrane, by name."""

    neurons: dict[str, Any]
    alone: bool  # whether their states were made for one sample
    notes: tuple[str, ...] = ()  # what the user should know


def ready_neurons(model: Any, inputs: Any) -> Ready:
    """The neurons of a model; all states are initialised where one is missing or unusable.

    Raises
    ------
    ValueError
        If there is no neuron with a membrane, or time and batch seem to be swapped.
    """
    found = {n: node for n, node in find_neurons(model).items() if callable(node.spk_fun)}
    dead = _dead_states(model)
    alone = False
    if dead or not all(map(has_membrane, found.values())):
        alone = _initialise(model, batch_size(inputs))
    ready = {name: node for name, node in sorted(found.items()) if has_membrane(node)}
    if not ready:
        raise no_neurons(
            classic_neuron(model)
            or f"{type(model).__name__} has {len(found)} nodes with spk_fun, 0 with V"
        )
    _check_axes(ready, inputs)
    return Ready(ready, alone, tuple(map(_note, dead[:1])))


def _check_axes(neurons: dict[str, Any], inputs: Any) -> None:
    """Membranes that fit a batch as large as the first axis of the inputs say that it is one."""
    steps, batch = len(jax.tree.leaves(inputs)[0]), batch_size(inputs)
    for name, neuron in neurons.items():
        shape = jax.tree.leaves(neuron.V.value)[0].shape
        if batch is not None and steps != batch and len(shape) > 1 and shape[0] == steps:
            raise ValueError(
                f"inputs must have the shape (time, batch, features...), got {steps} time steps "
                f"and a batch of {batch}, but {name}.V has the shape {shape}: a batch of {steps}. "
                "Pass jax.numpy.swapaxes(inputs, 0, 1), or initialise the states for these inputs"
            )


def _note(name: str) -> str:
    return (
        f"State {name} held a value from inside a function that JAX has finished tracing, so the "
        "states were initialised again: initialise them outside of jax.jit, or use "
        "brainstate.transform.jit."
    )


def _dead_states(model: Any) -> list[str]:
    """States that hold a tracer of a transformation that has ended."""
    return [
        ".".join(map(str, path))
        for path, state in brainstate.graph.states(model).items()
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(vars(state)["_value"]))
    ]


def _initialise(model: Any, batch: int | None) -> bool:
    """Initialise all states, and return whether some were made without the batch."""
    if batch is None:
        brainstate.nn.init_all_states(model)
        return False
    nodes = [n for n in brainstate.graph.nodes(model).values() if hasattr(n, "init_state")]
    if all(_takes(node.init_state, batch) for node in nodes):
        brainstate.nn.init_all_states(model, batch)
        return False
    for node in nodes:
        node.init_state(*([batch] if _takes(node.init_state, batch) else []))
    return True


def _takes(function: Any, argument: Any) -> bool:
    try:
        inspect.signature(function).bind(argument)
    except TypeError:
        return False
    return True


def classic_neuron(model: Any) -> str:
    """A sentence about the first of brainpy's classic neurons in a model; empty if none is there.

    Their variables are no states of brainstate.
    """
    nodes = [model, *brainstate.graph.nodes(model).values()]
    parts = [part for node in nodes for part in [node, *getattr(node, "__dict__", {}).values()]]
    for part in parts:
        module = type(part).__module__
        if module.startswith("brainpy.") and not module.startswith("brainpy.state"):
            return (
                f"{type(part).__name__} is one of brainpy's classic models, whose variables are no "
                "states of brainstate: use its counterpart in brainpy.state, such as "
                "brainpy.state.LIF"
            )
    return ""


def no_neurons(found: str) -> ValueError:
    """The error for a model in which there is nothing to measure."""
    return ValueError(
        "gradient_flow needs neurons with a membrane potential in a state V and a spike function "
        f"spk_fun that each time step calls, outside of inner loops. Here {found}"
    )


def batch_size(inputs: Any) -> int | None:
    """The batch in inputs of shape (time, batch, features...); None for (time, features)."""
    shape = jax.tree.leaves(inputs)[0].shape
    return shape[1] if len(shape) > 2 else None

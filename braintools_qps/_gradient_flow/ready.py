"""Neurons found and their states initialised, in models of every make."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from .._models import (
    batch_size,
    classic_neuron,
    dead_states,
    find_neurons,
    has_membrane,
    initialise,
)


class Ready(NamedTuple):
    """Neurons with a membrane, by name."""

    neurons: dict[str, Any]
    notes: tuple[str, ...] = ()  # what the user should know


def ready_neurons(model: Any, inputs: Any) -> Ready:
    """The neurons of a model; all states are initialised where one is missing or unusable.

    Raises
    ------
    ValueError
        If there is no neuron with a membrane, or time and batch seem to be swapped.
    """
    found = {n: node for n, node in find_neurons(model).items() if callable(node.spk_fun)}
    dead = dead_states(model)
    if dead or not all(map(has_membrane, found.values())):
        initialise(model, inputs)
    ready = {name: node for name, node in sorted(found.items()) if has_membrane(node)}
    if not ready:
        raise no_neurons(
            classic_neuron(model)
            or f"{type(model).__name__} has {len(found)} nodes with spk_fun, 0 with V"
        )
    _check_axes(ready, inputs)
    return Ready(ready, tuple(map(_note, dead[:1])))


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
        f"State {name} held a value from inside a function that JAX has finished tracing, so all "
        "states were initialised again. To measure from others, initialise them outside of "
        "compiled functions."
    )


def no_neurons(found: str) -> ValueError:
    """The error for a model in which there is nothing to measure."""
    return ValueError(
        "gradient_flow needs neurons with a membrane potential in a state V and a spike function "
        f"spk_fun that each time step calls, outside of inner loops. Here {found}"
    )

"""The neurons of a model, marked for the length of one trace, and the model left as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import brainstate
import brainunit as u
import jax
from jax.ad_checkpoint import checkpoint_name

ARGUMENT, SPIKES = "braintools_qps:argument:", "braintools_qps:spikes:"


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Undo every change of the model's attributes and states on the way out, errors included."""
    nodes = list(brainstate.graph.nodes(model).values())
    attributes = [dict(vars(node)) for node in nodes]
    values = [(state, state.value) for state in brainstate.graph.states(model).values()]
    try:
        yield
    finally:
        for node, before in zip(nodes, attributes):
            vars(node).clear()
            vars(node).update(before)
        for state, value in values:
            state.value = value


def ready_neurons(model: Any, inputs: Any) -> dict[str, Any]:
    """Nodes with a membrane ``V`` and a spike function, by name; states initialised if need be.

    Raises
    ------
    ValueError
        If there is none.
    """
    neurons = {
        ".".join(map(str, path)) or type(node).__name__: node
        for path, node in brainstate.graph.nodes(model).items()
        if callable(getattr(node, "spk_fun", None))
    }
    if not all(map(_has_membrane, neurons.values())):
        batch = batch_size(inputs)
        brainstate.nn.init_all_states(model, *([] if batch is None else [batch]))
    ready = {name: node for name, node in sorted(neurons.items()) if _has_membrane(node)}
    if not ready:
        raise no_neurons(f"{type(model).__name__} has {len(neurons)} nodes with spk_fun, 0 with V")
    return ready


def no_neurons(found: str) -> ValueError:
    """The error for a model in which there is nothing to measure."""
    return ValueError(
        "gradient_flow needs neurons with a membrane potential in a state V and a spike function "
        f"spk_fun that each time step calls, outside of inner loops. Here {found}"
    )


def mark(neurons: dict[str, Any]) -> dict[str, u.Unit | None]:
    """Have every call of a spike function leave a mark in the jaxpr that it is traced into.

    Returns
    -------
    dict of str to Unit or None
        Filled in the tracing: for each neuron that spiked, the unit of its spike function's
        argument, None for a number.
    """
    units: dict[str, u.Unit | None] = {}
    for name, neuron in neurons.items():
        neuron.spk_fun = _marked(name, neuron.spk_fun, units)
    return units


def _marked(name: str, spike: Callable[[Any], Any], units: dict[str, u.Unit | None]) -> Callable:
    def marked_spike(x: Any) -> Any:
        if isinstance(x, u.Quantity) and x.dim.is_dimensionless:
            x = x.to_decimal()
        units[name] = x.unit if isinstance(x, u.Quantity) else None
        x = checkpoint_name(x, ARGUMENT + name)
        return checkpoint_name(spike(x), SPIKES + name)

    return marked_spike


def batch_size(inputs: Any) -> int | None:
    """Of inputs of shape (time, batch, features...); None for (time, features)."""
    shape = jax.tree.leaves(inputs)[0].shape
    return shape[1] if len(shape) > 2 else None


def _has_membrane(node: Any) -> bool:
    return isinstance(getattr(node, "V", None), brainstate.State)

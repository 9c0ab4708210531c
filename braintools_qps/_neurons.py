"""What a neuron is, a node with a spike function ``spk_fun``: found, set, marked and restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import brainstate
import brainunit as u
from jax.ad_checkpoint import checkpoint_name

from ._registry import get_surrogate

__all__ = ["set_surrogate"]

ARGUMENT, SPIKES = "braintools_qps:argument:", "braintools_qps:spikes:"


def find_neurons(model: Any) -> dict[str, Any]:
    """Every node with an attribute ``spk_fun``, at any depth, by its path in the model.

    A node that is shared is there once. One that is no part of a larger model goes by its class.
    """
    return {
        ".".join(map(str, path)) or type(node).__name__: node
        for path, node in brainstate.graph.nodes(model).items()
        if hasattr(node, "spk_fun")
    }


def has_membrane(node: Any) -> bool:
    """Whether it keeps its membrane potential in a state ``V``."""
    return isinstance(getattr(node, "V", None), brainstate.State)


def set_surrogate(
    model: Any,
    spec: Any,
    *,
    where: type | tuple[type, ...] | Callable[[Any], bool] | None = None,
) -> int:
    """Put one surrogate into every neuron of a model.

    Neurons are the nodes of the model's graph with an attribute ``spk_fun``, at any depth, in
    lists and dictionaries too; one that is shared counts once. States and parameters stay as they
    are. A function that was compiled before keeps the surrogate it was traced with.

    Parameters
    ----------
    model : brainstate.nn.Module
        Or any brainstate graph node, or a list or dictionary of them.
    spec : str, mapping, type or Surrogate
        As for `get_surrogate`.
    where : type, tuple of types or callable, optional
        Which neurons: instances of a type, or those for which a predicate holds.

    Returns
    -------
    int
        How many neurons were changed.

    Raises
    ------
    ValueError
        If no neuron was found.

    Examples
    --------
    >>> import brainstate
    >>> from braintools_qps import set_surrogate
    >>> class Neuron(brainstate.nn.Module):
    ...     spk_fun = None
    >>> network = brainstate.nn.Sequential(Neuron(), Neuron())
    >>> set_surrogate(network, "QPseudoSpike(alpha=1.5)")
    2
    """
    surrogate = get_surrogate(spec)
    found = list(find_neurons(model).values())
    chosen = [neuron for neuron in found if _is_chosen(neuron, where)]
    if not chosen:
        raise ValueError(
            f"found no neuron to change: the model has {len(found)} nodes with an attribute "
            f"spk_fun, and where={where!r} chose none of them"
        )
    for neuron in chosen:
        neuron.spk_fun = surrogate
    return len(chosen)


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Undo every change of the model's attributes and states on the way out, errors included."""
    nodes = list(brainstate.graph.nodes(model).values())
    attributes = [dict(vars(node)) for node in nodes]
    values = _living_values(model)
    try:
        yield
    finally:
        for node, before in zip(nodes, attributes):
            vars(node).clear()
            vars(node).update(before)
        for state, value in values:
            state.value = value


def _living_values(model: Any) -> list[tuple[Any, Any]]:
    """Every state with its value; those that were made in a trace and died with it are left out."""
    values = []
    for state in brainstate.graph.states(model).values():
        with suppress(brainstate.TraceContextError):
            values.append((state, state.value))
    return values


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


def _is_chosen(neuron: Any, where: Any) -> bool:
    if where is None:
        return True
    if isinstance(where, (type, tuple)):
        return isinstance(neuron, where)
    return bool(where(neuron))

"""Reaching the neurons of a brainstate model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainstate

from ._registry import get_surrogate

__all__ = ["set_surrogate"]


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
    neurons = [node for node in brainstate.graph.nodes(model).values() if hasattr(node, "spk_fun")]
    chosen = [neuron for neuron in neurons if _is_chosen(neuron, where)]
    if not chosen:
        raise ValueError(
            f"found no neuron to change: the model has {len(neurons)} nodes with an attribute "
            f"spk_fun, and where={where!r} chose none of them"
        )
    for neuron in chosen:
        neuron.spk_fun = surrogate
    return len(chosen)


def _is_chosen(neuron: Any, where: Any) -> bool:
    if where is None:
        return True
    if isinstance(where, (type, tuple)):
        return isinstance(neuron, where)
    return bool(where(neuron))

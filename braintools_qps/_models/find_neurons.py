"""Neurons and other nodes by their paths in the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import brainstate
from braintools.surrogate import Surrogate

from ..typing import Model, Node
from .neuron import is_neuron

Path = tuple[str | int, ...]
MAPPED = (brainstate.nn.Vmap, brainstate.nn.Map)  # keep what they wrap under ``module``


def find_neurons(model: Model) -> dict[str, Node]:
    """Every neuron by its path in the model."""
    return find_nodes(model, is_neuron)


def required_neurons(model: Model) -> dict[str, Node]:
    """Every neuron by its path in the model.

    Raises
    ------
    ValueError
        If there is none.
    """
    if neurons := find_neurons(model):
        return neurons
    name = getattr(model, "__name__", None)  # of a class or a function
    if why := (name and f"pass the model that {name}(...) returns") or _misnamed(model):
        raise ValueError(f"the model must have neurons, and {type(model).__name__} has none: {why}")
    raise ValueError(
        f"{type(model).__name__} has no surrogate gradient: no node has an attribute spk_fun, and "
        "a comparison has no gradient. Write self.spk_fun = QPseudoSpike(alpha=8), and spikes = "
        "self.spk_fun(v - 1) in place of v > 1"
    )


def find_nodes(model: Model, is_wanted: Callable[[Node], bool]) -> dict[str, Node]:
    """Every node for which a predicate holds, at any depth, by its path in the model.

    A node that is shared appears once, by its path through the fewest other nodes. The model itself
    goes by the name of its class.
    """
    nodes: dict[Path, Node] = {}
    paths: dict[int, Path] = {}  # by id; a shorter path takes the place of a longer one
    for most in range(max(map(len, brainstate.graph.nodes(model)), default=0), -1, -1):
        found = dict(brainstate.graph.nodes(model, allowed_hierarchy=(0, most)).items())
        nodes |= found
        paths |= {id(node): path for path, node in found.items()}
    return {
        _name(path, nodes) or type(node).__name__: node
        for path in paths.values()
        if is_wanted(node := nodes[path])
    }


def _name(path: Path, nodes: dict[Path, Node]) -> str:
    """The path as the user wrote it: without the ``module`` of a `brainstate.nn.Vmap`."""
    wrapped = lambda i: isinstance(nodes.get(path[:i]), MAPPED)
    return ".".join(str(part) for i, part in enumerate(path) if not wrapped(i))


def is_dropout(node: Node) -> bool:
    """Whether it drops signals at random, and keeps the share ``prob``.

    An AlphaDropout does not count, since it has computed other numbers from its ``prob``.
    """
    name = type(node).__name__
    is_one = "Dropout" in name and "Alpha" not in name
    return is_one and isinstance(getattr(node, "prob", None), float)


def expression(model: Model, path: Path) -> str:
    """Python code for the part of a model at a path."""
    code, node = "model", model
    for part in path:
        if isinstance(part, str) and not isinstance(node, Mapping):
            code, node = f"{code}.{part}", getattr(node, part)
        else:
            code, node = f"{code}[{part!r}]", node[part]
    return code


def code_of(model: Model, node: Node) -> str:
    """Python code for a part of a model."""
    paths = brainstate.graph.nodes(model).items()
    return expression(model, next(path for path, other in paths if other is node))


def _misnamed(model: Model) -> str:
    """A sentence about a surrogate under a name that is none of a spike function, if any."""
    for name, node in find_nodes(model, lambda node: not is_neuron(node)).items():
        for attribute, value in vars(node).items():
            if isinstance(value, Surrogate):
                return f"{name} keeps a surrogate as {attribute}: call it spk_fun"
    return ""


def is_mapped(model: Model) -> bool:
    """Whether a part of it is mapped over some of its states."""
    return bool(find_nodes(model, lambda node: isinstance(node, MAPPED)))

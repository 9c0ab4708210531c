"""What a neuron is, a node with a spike function ``spk_fun``: found, set, marked and restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import brainstate
import brainunit as u
import jax
from braintools.surrogate import Surrogate
from jax.ad_checkpoint import checkpoint_name

from ._registry import get_surrogate
from ._surrogate import takes_numbers
from .typing import SurrogateSpec

__all__ = ["set_surrogate"]

ATTACHED = "_braintools_qps_attached"  # where a class without a reset's gradient keeps the one with
ARGUMENT, SPIKES = "braintools_qps:argument:", "braintools_qps:spikes:"


def find_neurons(model: Any) -> dict[str, Any]:
    """Every node with an attribute ``spk_fun``, as of `find_nodes`."""
    return find_nodes(model, lambda node: hasattr(node, "spk_fun"))


def find_nodes(model: Any, is_wanted: Callable[[Any], bool]) -> dict[str, Any]:
    """Every node for which a predicate holds, at any depth, by its path in the model.

    A node that is shared is there once. One that is no part of a larger model goes by its class.
    """
    nodes = dict(brainstate.graph.nodes(model).items())
    return {
        _name(path, nodes) or type(node).__name__: node
        for path, node in nodes.items()
        if is_wanted(node)
    }


def _name(path: tuple[Any, ...], nodes: dict[tuple[Any, ...], Any]) -> str:
    """The path as the user wrote it: ``Vmap`` keeps what it wraps under ``module``."""
    wrapped = lambda i: isinstance(nodes.get(path[:i]), brainstate.nn.Vmap)
    return ".".join(str(part) for i, part in enumerate(path) if not wrapped(i))


def has_membrane(node: Any) -> bool:
    """Whether it keeps its membrane potential in a state ``V``."""
    return isinstance(getattr(node, "V", None), brainstate.State)


def set_surrogate(
    model: Any,
    spec: SurrogateSpec,
    *,
    where: type | tuple[type, ...] | Callable[[Any], bool] | None = None,
    detach_reset: bool = False,
) -> int:
    """Put a surrogate into every neuron of a model, or one of its own into each population.

    Neurons are the nodes of the model's graph with an attribute ``spk_fun``, at any depth, in
    lists and dictionaries too; one that is shared counts once. States and parameters stay as they
    are. A function that was compiled before keeps the surrogate it was traced with. Either all
    neurons are changed or, after an error, none. Neurons that spike on a voltage, not on a number
    as those of `brainpy.state` do, need a surrogate with a ``scale``; `Scaled` gives one to any.

    Parameters
    ----------
    model : brainstate.nn.Module
        Or any brainstate graph node, or a list or dictionary of them.
    spec : str, mapping, type or Surrogate
        As for `get_surrogate`. Or a mapping of populations to such specs: the key is the path of a
        neuron, as `gradient_flow` shows it (``"layers.0.lif"``), or the first part of one
        (``"layers.0"``), which stands for all neurons below it. Neurons that no key names stay as
        they are.
    where : type, tuple of types or callable, optional
        Which neurons: instances of a type, or those for which a predicate holds.
    detach_reset : bool
        Whether the gradient is to stop at the reset of `brainpy.state`'s neurons, which have no
        option for it. Those that integrate and fire call their spike function before they update
        ``V``, for the reset and, in adaptive neurons, the adaptation; no gradient is then taken of
        that. Neurons without such a call, as HH, raise a ValueError when they are updated.

    Returns
    -------
    int
        How many neurons were changed.

    Raises
    ------
    ValueError
        If no neuron was found, a key names none, or a neuron's reset cannot be detached.
    AttributeError
        If a neuron does not let its ``spk_fun`` be set.

    Examples
    --------
    >>> import brainstate
    >>> from braintools_qps import set_surrogate
    >>> class Neuron(brainstate.nn.Module):
    ...     spk_fun = None
    >>> network = brainstate.nn.Sequential(Neuron(), Neuron())
    >>> set_surrogate(network, "QPseudoSpike(alpha=1.5)")
    2
    >>> set_surrogate(network, {"layers.0": "Sigmoid", "layers.1": "S2NN"})
    2
    """
    found = find_neurons(model)
    chosen = {name: neuron for name, neuron in found.items() if _is_chosen(neuron, where)}
    if not chosen:
        raise ValueError(
            f"found no neuron to change: the model has {len(found)} nodes with an attribute "
            f"spk_fun, and where={where!r} chose none of them"
        )
    surrogates = by_population(spec, chosen)
    if detach_reset:
        _check_detachable({name: chosen[name] for name in surrogates})
    neurons = [chosen[name] for name in surrogates]
    before = [(neuron, neuron.spk_fun) for neuron in neurons]
    try:
        for neuron, surrogate in zip(neurons, surrogates.values()):
            neuron.spk_fun = surrogate
    except BaseException:
        for neuron, spike in before:
            if neuron.spk_fun is not spike:
                neuron.spk_fun = spike
        raise
    for neuron in neurons:
        _set_reset(neuron, detach_reset)
    return len(neurons)


def is_layer_wise(spec: Any) -> bool:
    """Whether it maps populations to specs; a mapping with a ``"name"`` that is text is a spec."""
    return isinstance(spec, Mapping) and not isinstance(spec.get("name"), str)


def by_population(spec: Any, names: Iterable[str]) -> dict[str, Surrogate]:
    """The surrogate of each population by its name; those that a mapping leaves out are not there.

    Raises
    ------
    ValueError
        If a key of a mapping names no population.
    """
    names = list(names)
    if not is_layer_wise(spec):
        surrogate = get_surrogate(spec)
        return dict.fromkeys(names, surrogate)
    chosen: dict[str, Surrogate] = {}
    for key in sorted(spec, key=len):  # the longer, the more special
        matching = [name for name in names if name == key or name.startswith(f"{key}.")]
        if not matching:
            raise ValueError(
                f"a mapping of populations to surrogates needs the names of populations, got "
                f"{key!r}. There are {', '.join(names)}"
            )
        chosen |= dict.fromkeys(matching, get_surrogate(spec[key]))
    return {name: chosen[name] for name in names if name in chosen}


@cache
def _detached(cls: type) -> type:
    """A neuron's class whose update takes no gradient of spikes of the membrane as it was before.

    A class of its own, because the surrogate and the neuron's attributes are to stay what they are.
    """

    def update(self: Any, *args: Any, **kwargs: Any) -> Any:
        spike, before, resets = self.spk_fun, self.V.value, count()

        def called(x: Any) -> Any:
            if self.V.value is not before:
                return spike(x)
            next(resets)
            return jax.lax.stop_gradient(spike(x))

        self.spk_fun = called
        try:
            result = cls.update(self, *args, **kwargs)  # type: ignore[attr-defined]
        finally:
            self.spk_fun = spike
        if next(resets) == 0:
            raise ValueError(
                f"detach_reset=True needs a neuron that calls spk_fun for its reset, before it "
                f"updates V; {cls.__name__} does not. Call set_surrogate without detach_reset"
            )
        return result

    reduce = lambda self: (_new_detached, (cls,), dict(vars(self)))
    members = {"update": update, "__reduce__": reduce, ATTACHED: cls, "__module__": cls.__module__}
    return type(cls)(cls.__name__, (cls,), members)


def _new_detached(cls: type) -> Any:
    return object.__new__(_detached(cls))


def _check_detachable(neurons: dict[str, Any]) -> None:
    other = [
        f"{name} ({type(neuron).__name__})"
        for name, neuron in neurons.items()
        if not any(
            cls.__module__.startswith(("brainpy.state", "brainpy_state"))
            for cls in type(neuron).__mro__
        )
    ]
    if other:
        raise ValueError(
            f"detach_reset=True is for the neurons of brainpy.state, got {', '.join(other)}. In a "
            "neuron of your own, reset with jax.lax.stop_gradient(spikes)"
        )


def _set_reset(neuron: Any, detach: bool) -> None:
    attached: type = getattr(type(neuron), ATTACHED, type(neuron))
    neuron.__class__ = _detached(attached) if detach else attached


def _restore(node: Any, attributes: dict[str, Any]) -> None:
    vars(node).clear()
    vars(node).update(attributes)


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Undo every change of attributes, states and random state on the way out, errors included."""
    nodes = list(brainstate.graph.nodes(model).values())
    attributes = [dict(vars(node)) for node in nodes]
    states = [*brainstate.graph.states(model).values(), brainstate.random.DEFAULT]
    values = [(state, vars(state)["_value"]) for state in states]
    try:
        yield
    finally:
        for node, before in zip(nodes, attributes):
            _restore(node, before)
        for state, value in values:
            if vars(state)["_value"] is not value:
                state.value = value


@contextmanager
def traced_afresh(model: Any) -> Iterator[None]:
    """As `preserved`, and what nodes have compiled for themselves is traced anew, then and after.

    That is what they keep as attributes, as ``self.run = brainstate.transform.jit(self.loop)``.
    """
    with preserved(model):
        _forget_programs(model)
        try:
            yield
        finally:
            _forget_programs(model)


def _forget_programs(model: Any) -> None:
    for node in brainstate.graph.nodes(model).values():
        for value in vars(node).values():
            if callable(clear := getattr(value, "clear_cache", None)):
                clear()


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
        return checkpoint_name(spike_of(spike, x), SPIKES + name)

    return marked_spike


def spike_of(spike: Callable[[Any], Any], x: Any) -> Any:
    """Call a spike function.

    Raises
    ------
    brainunit.UnitMismatchError
        If x has a dimension, and braintools' surrogate, which takes numbers, fails for it.
    """
    try:
        return spike(x)
    except TypeError as error:
        if isinstance(spike, Surrogate) and isinstance(x, u.Quantity):
            raise takes_numbers(spike, x.unit) from error
        raise


def _is_chosen(neuron: Any, where: Any) -> bool:
    if where is None:
        return True
    if isinstance(where, (type, tuple)):
        return isinstance(neuron, where)
    return bool(where(neuron))

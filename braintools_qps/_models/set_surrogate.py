"""Put a surrogate into the neurons of a model: the same into all, or one for each population."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from braintools.surrogate import Surrogate

from .._registry import get_surrogate
from ..typing import SurrogateSpec
from .detached_reset import check_detachable, set_reset
from .find_neurons import classic_neuron, find_neurons
from .restore import forget_programs


def set_surrogate(
    model: Any,
    spec: SurrogateSpec,
    *,
    where: type | tuple[type, ...] | Callable[[Any], bool] | None = None,
    detach_reset: bool = False,
) -> int:
    """Put a surrogate into every neuron of a model, or a different one into each population.

    Neurons are the nodes of the model's graph with an attribute ``spk_fun``, at any depth, in
    lists and dictionaries too; one that is shared counts once. States and parameters stay as they
    are. A function that was compiled before keeps the surrogate it was traced with, but for one
    that the model keeps as an attribute. Either all neurons are changed or, after an error, none.
    Neurons that spike on a voltage, not on a number as those of `brainpy.state` do, need a
    surrogate with a ``scale``; `Scaled` gives one to any.

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
    if not found:
        raise _no_neuron(model)
    chosen = _chosen(found, where)
    surrogates = by_population(spec, chosen)
    if detach_reset:
        check_detachable({name: chosen[name] for name in surrogates})
    neurons = [chosen[name] for name in surrogates]
    _set_all(neurons, list(surrogates.values()))
    for neuron in neurons:
        set_reset(neuron, detach_reset)
    forget_programs(model)
    return len(neurons)


def by_population(spec: Any, names: Iterable[str]) -> dict[str, Surrogate]:
    """The surrogate of each population by its name; those that a mapping leaves out are not there.

    Raises
    ------
    ValueError
        If a key of a mapping names no population.
    """
    names = list(names)
    if not _is_layer_wise(spec):
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


def _is_layer_wise(spec: Any) -> bool:
    """Whether it maps populations to specs; a mapping with a ``"name"`` that is text is a spec."""
    return isinstance(spec, Mapping) and not isinstance(spec.get("name"), str)


def _set_all(neurons: Sequence[Any], surrogates: Sequence[Surrogate]) -> None:
    """Give each neuron its surrogate; after an error all have what they had before."""
    before = [neuron.spk_fun for neuron in neurons]
    try:
        for neuron, surrogate in zip(neurons, surrogates):
            neuron.spk_fun = surrogate
    except BaseException:
        for neuron, spike in zip(neurons, before):
            if neuron.spk_fun is not spike:
                neuron.spk_fun = spike
        raise


def _no_neuron(model: Any) -> ValueError:
    classic = classic_neuron(model)
    why = classic or (
        "no node of the model has an attribute spk_fun. Give each neuron its spike function under "
        "that name"
    )
    return ValueError(f"found no neuron to change: {why}")


def _chosen(neurons: dict[str, Any], where: Any) -> dict[str, Any]:
    chosen = {name: neuron for name, neuron in neurons.items() if _is_chosen(neuron, where)}
    if not chosen:
        raise ValueError(
            f"found no neuron to change: where={where!r} chose none of {', '.join(neurons)}. Pass "
            "the class of some of them, or a function that is true for some"
        )
    return chosen


def _is_chosen(neuron: Any, where: Any) -> bool:
    if where is None:
        return True
    if isinstance(where, (type, tuple)):
        return isinstance(neuron, where)
    return bool(where(neuron))

"""Put a surrogate into the neurons of a model: the same into all, or one for each population."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeGuard

from braintools.surrogate import Surrogate

from .._registry import get_surrogate
from ..typing import Model, Node, SurrogateSpec
from .detached_reset import check_detachable, set_reset
from .find_neurons import required_neurons
from .neuron import set_spike
from .restore import forget_programs, restoring

Where: TypeAlias = type | tuple[type, ...] | Callable[[Node], bool] | None


def set_surrogate(
    model: Model,
    spec: SurrogateSpec,
    *,
    where: Where = None,
    detach_reset: bool | None = None,
) -> int:
    """Put a surrogate into every neuron of a model, or a different one into each population.

    Neurons are the nodes of the model's graph with an attribute ``spk_fun``, at any depth, in lists
    and dictionaries too. A shared neuron counts once. States and parameters do not change. After an
    error, no neuron has changed.

    Neurons of `brainpy.state` pass a number to their surrogate. Neurons that pass a voltage need a
    surrogate with a ``scale``, which `Scaled` gives to any.

    Recompile your own jitted functions afterwards, because they keep the old surrogate. Jitted
    functions that are attributes of the model are recompiled automatically.

    Parameters
    ----------
    model : brainstate.nn.Module
        The model; any brainstate graph node, or a list or dictionary of nodes.
    spec : str, mapping, type or Surrogate
        One surrogate for all neurons, as for `get_surrogate`. Or a mapping from populations to such
        specs. A key is the path of a neuron as `gradient_flow` shows it (``"layers.0.lif"``), or
        its first part (``"layers.0"``) for all neurons below. Other neurons do not change.
    where : type, tuple of types or callable, optional
        Change only instances of this type, or neurons for which this function returns true.
    detach_reset : bool, optional
        True stops the gradient at the reset, and at the adaptation that the same spike drives;
        False lets it through again; None leaves the reset as it is. True works for neurons of
        `brainpy.state` that call ``spk_fun`` for their reset before they update ``V``. Others, such
        as HH, raise a ValueError when they are updated.

    Returns
    -------
    int
        Number of populations of neurons that were changed.

    Raises
    ------
    ValueError
        If no neuron was found, a key matches none, or a neuron's reset cannot be detached.
    AttributeError
        If a neuron does not let its ``spk_fun`` be set.
    UnknownSurrogateError, LookupError, ImportError, TypeError
        If a surrogate cannot be built, as for `get_surrogate`.

    See Also
    --------
    normalize_surrogate : Lowers surrogates that are too high.

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
    chosen = _chosen(model, where)
    surrogates = by_population(spec, chosen)
    if detach_reset:
        check_detachable({name: chosen[name] for name in surrogates})
    with restoring(model, only_errors=True):
        for name, surrogate in surrogates.items():
            set_spike(chosen[name], surrogate)
    if detach_reset is not None:
        for name in surrogates:
            set_reset(chosen[name], detach_reset)
    forget_programs(model)
    return len(surrogates)


def by_population(
    spec: SurrogateSpec | Mapping[str, SurrogateSpec], names: Iterable[str]
) -> dict[str, Surrogate]:
    """The surrogate of each population by its name, without populations that a mapping leaves out.

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
    for key in sorted(spec, key=lambda key: len(str(key))):  # longer ones are more specific
        matching = [name for name in names if name == str(key) or name.startswith(f"{key}.")]
        if not matching:
            raise ValueError(
                f"each key must be the path of a population or the first part of one, got "
                f"{key!r}. The model has {', '.join(names)}"
            )
        chosen |= dict.fromkeys(matching, get_surrogate(spec[key]))
    return {name: chosen[name] for name in names if name in chosen}


def _is_layer_wise(spec: object) -> TypeGuard[Mapping[str, SurrogateSpec]]:
    """Whether it maps populations to specs. A mapping whose ``"name"`` is text is one spec."""
    return isinstance(spec, Mapping) and not isinstance(spec.get("name"), str)


def _chosen(model: Model, where: Where) -> dict[str, Node]:
    """The neurons to change, by their paths."""
    neurons = required_neurons(model)
    if where is None:
        return neurons
    is_wanted = (lambda n: isinstance(n, where)) if isinstance(where, (type, tuple)) else where
    chosen = {name: neuron for name, neuron in neurons.items() if is_wanted(neuron)}
    if not chosen:
        raise ValueError(
            f"found no neuron to change: where={where!r} chose none of {', '.join(neurons)}. Pass "
            "the class of the neurons, or a function that returns true for them"
        )
    return chosen

"""A whole model made frugal: 8-bit slopes in its neurons, packed spikes in the layers they feed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate
from jax.ad_checkpoint import checkpoint_name

from .._jaxpr import settle
from .._models import SPIKES, find_neurons, find_nodes, has_membrane, mark_spikes, traced_afresh
from .._surrogate import adjusted
from ..records import SavedMemory
from .conv import SpikeConv1d, SpikeConv2d
from .linear import SpikeLinear
from .spikes import ByPhase
from .values import ANY, FLAG, Mark, Values, join, spread, values_of

LAYER = "braintools_qps:layer:"
PACKED: dict[type, type] = {
    brainstate.nn.Linear: SpikeLinear,
    brainstate.nn.Conv1d: SpikeConv1d,
    brainstate.nn.Conv2d: SpikeConv2d,
}

_Seen = dict[str, Values]


def save_memory(model: Any, *inputs: Any) -> SavedMemory:
    r"""Have a model train in a fraction of the memory: 8-bit slopes, and spikes in one bit.

    Every surrogate gets ``residual_dtype="uint8"``, one of braintools within `Scaled`, unless it is
    called on a Quantity with a unit. Every `brainstate.nn.Linear`,
    `brainstate.nn.Conv1d` and `brainstate.nn.Conv2d` that is fed by spikes becomes a `SpikeLinear`,
    `SpikeConv1d` or `SpikeConv2d`: the same object with the same states, so that an optimizer or a
    checkpoint that refers to it does not notice. Which layers are fed by spikes is found by tracing
    the model, with and without ``fit`` in `brainstate.environ`, and following which values each
    array can hold: 0 and 1 for spikes, through loops, states, delays and pooling by maximum; behind
    a dropout 0 and 1/p in training, 0 and 1 in evaluation.

    What counts as spikes is the output of a neuron (a node with ``spk_fun``) whose surrogate is one
    of braintools' or of this package, and the result of a comparison. If the input of such a layer
    later holds something else, because a state was set by hand, the gradient of its weights is NaN
    (`spike_matmul`). A function that was compiled before keeps the layers it was traced with, but
    for one that the model keeps as an attribute.

    Parameters
    ----------
    model : brainstate.nn.Module
        Its states are used as they are. Where a neuron has no ``V`` yet,
        `brainstate.nn.init_all_states` is called with the size of the first axis of the inputs, or
        without a size where they have only one axis; afterwards the neurons are as they were.
    *inputs : array_like, Quantity or pytree of them
        What one call of the model takes: ``model(*inputs)``, or ``model.update(*inputs)`` where it
        is not callable. One time step of shape (batch, features), or a whole sequence for a model
        that has the loop inside.

    Returns
    -------
    SavedMemory
        What was changed, what was left, and why.

    Raises
    ------
    ValueError
        If the model has no neuron, that is, no node with ``spk_fun``.

    See Also
    --------
    spike_matmul : What a layer then does.
    QPseudoSpike : For ``residual_dtype``.

    Examples
    --------
    >>> import brainstate
    >>> import jax.numpy as jnp
    >>> from braintools_qps import QPseudoSpike, save_memory
    >>> class Network(brainstate.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.input = brainstate.nn.Linear(4, 8)
    ...         self.spk_fun = QPseudoSpike()
    ...         self.V = brainstate.HiddenState(jnp.zeros(8))
    ...         self.readout = brainstate.nn.Linear(8, 2)
    ...     def update(self, x):
    ...         self.V.value = 0.9 * self.V.value + self.input(x)
    ...         return self.readout(self.spk_fun(self.V.value - 1))
    >>> print(save_memory(Network(), jnp.ones(4)))
    Network  QPseudoSpike(alpha=2.0, residual_dtype='uint8')
    readout  SpikeLinear
    input    left: its input may hold other values than 0 and one more
    """
    neurons = find_neurons(model)
    if not neurons:
        raise ValueError(
            "save_memory needs neurons, nodes with a spike function spk_fun, and found none in "
            f"{type(model).__name__}. Name the attribute that holds your surrogate spk_fun"
        )
    layers = find_nodes(model, lambda node: isinstance(node, tuple(PACKED)))
    training, units = _traced(layers, model, inputs, fit=True)
    evaluation, _ = _traced(layers, model, inputs, fit=False)
    outcomes = {n: _compact(neuron, units.get(n)) for n, neuron in neurons.items()}
    outcomes |= {n: _pack(layer, training[n], evaluation[n]) for n, layer in layers.items()}
    return SavedMemory(
        changed={n: text for n, (done, text) in outcomes.items() if done},
        left={n: text for n, (done, text) in outcomes.items() if not done},
    )


def _compact(neuron: Any, unit: u.Unit | None) -> tuple[bool, str]:
    """Give a neuron's surrogate 8-bit residuals; whether it was possible, and what to report."""
    spike = neuron.spk_fun
    if not isinstance(spike, Surrogate):
        return False, f"{spike!r} has no residual_dtype"
    if unit is not None and not hasattr(spike, "residual_dtype"):
        return False, f"{spike!r} has no residual_dtype, and Scaled needs a scale for {unit}"
    neuron.spk_fun = adjusted(spike, residual_dtype="uint8")
    return True, repr(neuron.spk_fun)


def _pack(layer: Any, *phases: Values) -> tuple[bool, str]:
    """Make a layer that sees spikes, in training and in evaluation, remember them packed."""
    if isinstance(layer, tuple(PACKED.values())):
        return False, f"it is a {type(layer).__name__} already"
    if type(layer) not in PACKED:
        return False, f"{type(layer).__name__} has its own way to multiply"
    called = [values for values in phases if values != set()]
    if not called:
        return False, "it was not called"
    if any(values is None or len(values - {0.0}) > 1 for values in called):
        return False, "its input may hold other values than 0 and one more"
    scales = [scale for values in called if values for scale in values - {0.0}]
    if not scales:
        return False, "its input is always 0"
    # In place of a new layer: everything that refers to this one, states included, stays valid.
    layer.__class__ = PACKED[type(layer)]
    layer.scale, text = _scale(scales[0], scales[-1])
    return True, type(layer).__name__ + text


def _scale(training: float, evaluation: float) -> tuple[float | ByPhase | None, str]:
    """The scale of a layer, and what to report of it."""
    if training != evaluation:
        return ByPhase(training, evaluation), f" with scale={training:.6g} in training"
    return (None, "") if training == 1 else (training, f" with scale={training:.6g}")


def _traced(
    layers: dict[str, Any], model: Any, inputs: Sequence[Any], *, fit: bool
) -> tuple[_Seen, dict[str, u.Unit | None]]:
    """What a layer's input can hold in any step, and in which unit a surrogate is called.

    In training with ``fit``, in evaluation without.
    """
    inputs = jax.tree.map(jnp.asarray, inputs)
    seen: _Seen = dict.fromkeys(layers, frozenset())
    with traced_afresh(model), brainstate.environ.context(fit=fit):
        _initialise(model, inputs)
        # Surrogates give 0 and 1 for sure; of other spike functions the jaxpr may tell.
        neurons = find_neurons(model).items()
        units = mark_spikes({n: node for n, node in neurons if isinstance(node.spk_fun, Surrogate)})
        for name, layer in layers.items():
            layer.update = partial(_marked_update, LAYER + name, layer.update)
        _follow(model, inputs, partial(_note, seen))
    return seen, units


def _initialise(model: Any, inputs: Sequence[Any]) -> None:
    if all(map(has_membrane, find_neurons(model).values())):
        return
    shape = jnp.shape(jax.tree.leaves(inputs)[0]) if inputs else ()
    brainstate.nn.init_all_states(model, *shape[:1] if len(shape) > 1 else ())


def _marked_update(name: str, update: Callable[..., Any], x: Any, *args: Any, **kwargs: Any) -> Any:
    return update(checkpoint_name(x, name), *args, **kwargs)


def _note(seen: _Seen, name: str, values: Values) -> Values:
    if name.startswith(SPIKES):
        return FLAG
    if name.startswith(LAYER):
        layer = name.removeprefix(LAYER)
        seen[layer] = join(seen[layer], values)
    return values


def _follow(model: Any, inputs: Sequence[Any], note: Mark) -> None:
    """Follow the values through one call after another, until the states hold no new ones."""
    function = brainstate.transform.StatefulFunction(model if callable(model) else model.update)
    function.make_jaxpr(*inputs)
    closed = function.get_jaxpr(*inputs)
    states, written = function.get_states(*inputs), function.get_write_states(*inputs)
    leaves = [(state, leaf) for state in states for leaf in jax.tree.leaves(state.value)]
    carried = [i for i, (state, _) in enumerate(leaves) if any(state is w for w in written)]
    first = len(closed.in_avals) - len(leaves)

    def call(values: list[Values]) -> list[Values]:
        arguments: list[Values] = [ANY] * len(closed.in_avals)
        for i, held in zip(carried, values):
            arguments[first + i] = held
        results = spread(closed, arguments, note)
        return results[len(results) - len(carried) :]

    settle(call, [values_of(leaves[i][1]) for i in carried], join)

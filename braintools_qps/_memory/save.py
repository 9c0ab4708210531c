"""Change a model to train in less memory: 8-bit surrogate gradients, and spikes in one bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from .._jaxpr import settle
from .._models import (
    SPIKES,
    advance,
    checked_inputs,
    dead_states,
    find_neurons,
    find_nodes,
    has_membrane,
    initialise,
    is_mapped,
    mark_spikes,
    required_neurons,
    set_spike,
    spike_of,
    traced_afresh,
)
from .._surrogate import adjusted, is_step
from .._wording import cause_of, repeat_cause
from ..records import SavedMemory
from ..typing import Inputs, Model, Node
from .layers import SpikeConv1d, SpikeConv2d, SpikeLinear
from .possible_values import FLAG, Mark, PossibleValues, join, spread, values_by_dtype, values_of
from .spikes import ByPhase

LAYER = "braintools_qps:layer:"
PACKED: dict[type, type] = {
    brainstate.nn.Linear: SpikeLinear,
    brainstate.nn.Conv1d: SpikeConv1d,
    brainstate.nn.Conv2d: SpikeConv2d,
}

_Seen = dict[str, PossibleValues]


def save_memory(model: Model, inputs: Inputs) -> SavedMemory:
    r"""Change a model to train in less memory: surrogate gradients in 8 bits, spikes in one.

    Every surrogate gets ``residual_dtype="uint8"``. For that, braintools' surrogates are wrapped in
    `Scaled`, except where a neuron calls one on a voltage. Every `brainstate.nn.Linear`,
    `brainstate.nn.Conv1d` and `brainstate.nn.Conv2d` that receives only spikes becomes a
    `SpikeLinear`, `SpikeConv1d` or `SpikeConv2d`. It stays the same object with the same states, so
    optimizers and checkpoints keep working. Call it after `prepare`, which may replace surrogates.

    To find these layers, one step is traced for training (``fit=True`` in `brainstate.environ`) and
    one for evaluation. The trace shows which values each array can have, even through loops,
    states, delays and max pooling. Spikes are 0 or 1; after a dropout they are 0 or 1/p in
    training. Only operators such as ``v > 1`` and neurons (nodes with ``spk_fun``) with a
    Surrogate count as sources of spikes.

    If a layer later receives other values, for example because you set a state by hand, the
    gradient of its weights is NaN (see `spike_matmul`). Recompile your own jitted functions
    afterwards, because they keep the old layers. Jitted functions that are attributes of the model
    are recompiled automatically.

    Parameters
    ----------
    model : brainstate.nn.Module
        Called for one time step, with the index of the step as ``i`` in `brainstate.environ`, and
        its time as ``t`` if ``dt`` is there. If a neuron has no ``V`` yet, states are initialised
        for this call. Afterwards all states have their old values.
    inputs : array_like, Quantity or pytree of them
        The inputs of all time steps, of shape (time, features) or (time, batch, features...), as
        for `gradient_flow`. Their values and the number of steps do not matter. For a model that
        takes a whole sequence in one call, pass ``sequence[None]``. If that has time before the
        batch, initialise the states first, with ``brainstate.nn.init_all_states(model, batch)``.

    Returns
    -------
    SavedMemory
        The neurons and layers that were changed, and those that were not, with the reason.

    Raises
    ------
    ValueError
        If the model has no neuron, that is, no node with ``spk_fun``. Errors of the model itself
        stay as they are.

    See Also
    --------
    spike_matmul : The product that these layers use.
    QPseudoSpike : Explains ``residual_dtype``.

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
    >>> print(save_memory(Network(), jnp.ones((10, 4))))
    Network  QPseudoSpike(alpha=2.0, residual_dtype='uint8')
    readout  SpikeLinear
    input    left: its input may hold values other than spikes
    """
    neurons = required_neurons(model)
    packable = find_nodes(model, lambda node: isinstance(node, tuple(PACKED)))
    layers = {name: found.node for name, found in packable.items()}
    inputs = checked_inputs(inputs)
    training, units = _traced(layers, model, inputs, fit=True)
    evaluation, _ = _traced(layers, model, inputs, fit=False)
    outcomes = {n: _compact(found.node, units.get(n)) for n, found in neurons.items()}
    outcomes |= {n: _pack(layer, training[n], evaluation[n]) for n, layer in layers.items()}
    return SavedMemory(
        changed={n: text for n, (done, text) in outcomes.items() if done},
        left={n: text for n, (done, text) in outcomes.items() if not done},
    )


def _compact(neuron: Node, unit: u.Unit | None) -> tuple[bool, str]:
    """Store a neuron's surrogate gradient in 8 bits: whether that worked, and text to report."""
    spike = spike_of(neuron)
    if not is_step(spike):
        return False, f"{spike!r} is no Surrogate that sends 0 or 1"
    if unit is not None and not hasattr(spike, "residual_dtype"):
        return False, f"set Scaled({spike!r}, scale=...) first, with a scale in {unit}"
    compact = adjusted(spike, residual_dtype="uint8")
    set_spike(neuron, compact)
    return True, repr(compact)


def _pack(layer: Node, *phases: PossibleValues) -> tuple[bool, str]:
    """Change a layer that receives spikes in training and in evaluation; and text to report."""
    if isinstance(layer, tuple(PACKED.values())):
        return False, f"it is a {type(layer).__name__} already"
    if type(layer) not in PACKED:
        return False, f"{type(layer).__name__} is a subclass, which may multiply differently"
    called = [values for values in phases if values != set()]
    if not called:
        return False, "the model does not call it"
    if any(values is None or len(values - {0.0}) > 1 for values in called):
        return False, "its input may hold values other than spikes"
    scales = [scale for values in called if values for scale in values - {0.0}]
    if not scales:
        return False, "its input is always 0"
    # Not a new layer: all references to this one, and to its states, stay valid.
    layer.__class__ = PACKED[type(layer)]
    training, evaluation = scales[0], scales[-1]
    if training == evaluation == 1:
        return True, type(layer).__name__
    differ = training != evaluation
    layer.scale = ByPhase(training, evaluation) if differ else training
    shown = f"{type(layer).__name__} with scale={training:.6g}"
    return True, shown + " in training" * differ


def _traced(
    layers: dict[str, Node], model: Model, inputs: Inputs, *, fit: bool
) -> tuple[_Seen, dict[str, u.Unit | None]]:
    """The possible values of each layer's input, and the unit that each surrogate is called with.

    ``fit`` is true for training and false for evaluation.
    """
    seen: _Seen = dict.fromkeys(layers, frozenset())
    with traced_afresh(model), brainstate.environ.context(fit=fit):
        can_stay = not dead_states(model) and not is_mapped(model)
        if not (can_stay and all(map(has_membrane, find_neurons(model).values()))):
            # Initial states must be concrete, even if save_memory is called within a trace.
            with jax.ensure_compile_time_eval(), brainstate.random.seed_context(0):
                initialise(model, inputs)
        # For spike functions that do not give 0 and 1, the jaxpr is followed.
        neurons = find_neurons(model).items()
        units = mark_spikes({n: node for n, node in neurons if is_step(spike_of(node))})
        for name, layer in layers.items():
            layer.update = partial(_marked_update, LAYER + name, layer.update)
        _follow(model, inputs, partial(_note, seen))
    return seen, units


def _marked_update(name: str, update: Callable[..., Any], x: Any, *args: Any, **kwargs: Any) -> Any:
    return update(checkpoint_name(x, name), *args, **kwargs)


def _note(seen: _Seen, name: str, values: PossibleValues) -> PossibleValues:
    if name.startswith(SPIKES):
        return FLAG
    if name.startswith(LAYER):
        layer = name.removeprefix(LAYER)
        seen[layer] = join(seen[layer], values)
    return values


def _follow(model: Model, inputs: Inputs, note: Mark) -> None:
    """Follow the values through one step after another, until the states hold no new ones."""
    arguments = jnp.asarray(0, jnp.int32), jax.tree.map(lambda x: x[0], inputs)
    function = brainstate.transform.StatefulFunction(partial(advance, model))
    try:
        function.make_jaxpr(*arguments)
    except Exception as error:
        if isinstance(cause_of(error), (TypeError, ValueError)):
            error.add_note(
                "If these are the inputs of one step, pass inputs[None]: their first axis is time."
            )
        repeat_cause(error)
        raise
    closed = function.get_jaxpr(*arguments)
    states, written = function.get_states(*arguments), function.get_write_states(*arguments)
    leaves = [(state, leaf) for state in states for leaf in jax.tree.leaves(state.value)]
    carried = [i for i, (state, _) in enumerate(leaves) if any(state is w for w in written)]
    first = len(closed.in_avals) - len(leaves)

    def call(values: list[PossibleValues]) -> list[PossibleValues]:
        arguments = [values_by_dtype(aval.dtype) for aval in closed.in_avals]
        for i, held in zip(carried, values):
            arguments[first + i] = held
        results = spread(closed, arguments, note)
        return results[len(results) - len(carried) :]

    settle(call, [values_of(leaves[i][1]) for i in carried], join)

"""Change a model to train in less memory: 8-bit surrogate gradients, and spikes in one bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import brainstate
import brainunit as u
import jax
from braintools.surrogate import Surrogate
from jax.ad_checkpoint import checkpoint_name

from .._jaxpr import PRODUCTS, JaxprEqn, bind, jaxprs_within, mark_of, settle
from .._models import (
    SPIKES,
    at_a_step,
    checked_inputs,
    find_neurons,
    find_nodes,
    has_dead_states,
    has_membrane,
    initialise,
    is_mapped,
    mark_spikes,
    required_neurons,
    set_spike,
    spike_of,
    traced_afresh,
    traced_step,
)
from .._surrogate import adjusted, is_step
from .._wording import cause_of, repeat_cause
from ..records import SavedMemory
from ..typing import Inputs, Model, Node
from .packed import Columns
from .possible_values import (
    FLAG,
    NONE,
    Mark,
    PossibleValues,
    join,
    spread,
    values_by_dtype,
    values_of,
)
from .products import Packings, storing_spikes_in_bits, with_changed_products

OPERAND = "braintools_qps:operand:"


class _Noted(NamedTuple):
    """The fact about an operand that has a mark: an outer module is not to count it again."""

    values: PossibleValues


@dataclass
class _Operand:
    """An operand of a product, and which values it can have."""

    primitive: str
    values: PossibleValues = NONE
    shape: tuple[int, ...] = ()
    megabytes: float = 0.0

    @property
    def columns(self) -> Columns:
        parts = self.values
        if not isinstance(parts, tuple):
            parts = ((self.shape[-1] if self.shape else 1, parts),)
        return tuple((width, _scale(values)) for width, values in parts)

    @property
    def is_packable(self) -> bool:
        return self.primitive in PRODUCTS and any(scale for _, scale in self.columns)


# By module, number of the product and position. A module that is called has an entry.
_Seen = dict[str, dict[tuple[int, int], _Operand]]


def save_memory(model: Model, inputs: Inputs) -> SavedMemory:
    r"""Change a model to train in less memory: surrogate gradients in 8 bits, spikes in one bit.

    Every surrogate gets ``residual_dtype="uint8"``. braintools' surrogates are wrapped in `Scaled`
    for this, unless a neuron calls one on a voltage. Every module that multiplies spikes by
    weights in a matrix product or a convolution, such as a layer of brainstate or braintrace, gets
    a class of the same name that stores these spikes in one bit. It stays the same object with the
    same states, so optimizers and checkpoints keep working. Call it after `prepare`, which may
    replace surrogates.

    To find these products, one step is traced for training (``fit=True`` in `brainstate.environ`)
    and one for evaluation. The trace shows which values each array can have, even through loops,
    states, delays and max pooling. Spikes are 0 or 1; after a dropout they are 0 or 1/p in
    training. Only operators such as ``v > 1`` and neurons (nodes with ``spk_fun``) with a
    Surrogate count as sources of spikes.

    If a product later receives other values, for example because you set a state by hand, the
    gradient of its weights is NaN (see `spike_matmul`). Recompile your own jitted functions
    afterwards, because they keep the old layers. Jitted functions that are attributes of the model
    are recompiled automatically.

    Parameters
    ----------
    model : brainstate.nn.Module
        Called for one time step, with the index of the step as ``i`` in `brainstate.environ`, and
        its time as ``t`` if ``dt`` is set. If a neuron has no ``V`` yet, states are initialised for
        this call. Afterwards all states have their old values.
    inputs : array_like, Quantity or pytree of them, or Task
        The inputs of all time steps, of shape (time, features) or (time, batch, features...), or a
        task, as for `gradient_flow`. Their values and the number of steps do not matter. For a
        model that takes a whole sequence in one call, pass ``sequence[None]``. If that has time
        before the batch, initialise the states first, with
        ``brainstate.nn.init_all_states(model, batch)``.

    Returns
    -------
    SavedMemory
        The neurons and layers that changed, those that did not, with the reason, and the products
        that store spikes in 32 bits.

    Raises
    ------
    ValueError
        If the model has no neuron, that is, no node with ``spk_fun``. Errors of the model itself
        are raised unchanged.

    See Also
    --------
    spike_matmul : The product that stores spikes in one bit.
    loop_in_parts : Saves more memory over many steps.
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
    readout  Linear, spikes in one bit
    input    left: its input may hold values other than spikes
    """
    neurons, modules = required_neurons(model), _modules_with_weights(model)
    inputs = checked_inputs(inputs)
    training, units = _traced(modules, model, inputs, fit=True)
    evaluation, _ = _traced(modules, model, inputs, fit=False)
    surrogates = {n: _compact(spike_of(neuron), units.get(n)) for n, neuron in neurons.items()}
    fresh = [n for n, module in modules.items() if not hasattr(type(module), "packings")]
    phases = training, evaluation
    packings = {n: tuple(_packings(seen.get(n, {})) for seen in phases) for n in fresh}
    outcomes = [(n, not isinstance(s, str), f"{s}") for n, s in surrogates.items()]
    for name, module in modules.items():
        called = [seen[name] for seen in phases if name in seen]
        told = _outcomes(module, packings.get(name), called)
        outcomes += [(name, *outcome) for outcome in told]

    for name, surrogate in surrogates.items():
        if not isinstance(surrogate, str):
            set_spike(neurons[name], surrogate)
    for name, both in packings.items():
        if any(both):
            # Not a new module: all references to this one, and to its states, stay valid.
            kind = cast(type, type(modules[name]))
            modules[name].__class__ = storing_spikes_in_bits(kind, *both)
    return SavedMemory(changed=_texts(outcomes, done=True), left=_texts(outcomes, done=False))


def _texts(outcomes: list[tuple[str, bool, str]], *, done: bool) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, changed, text in outcomes:
        if changed == done:
            texts[name] = f"{texts[name]}; {text}" if name in texts else text
    return texts


def _modules_with_weights(model: Model) -> dict[str, Node]:
    """The modules with trainable weights of their own, and the model itself."""
    is_state = lambda value: isinstance(value, brainstate.State)

    def is_owner(node: Node) -> bool:
        own = jax.tree.leaves(list(vars(node).values()), is_leaf=is_state)
        return node is model or any(isinstance(value, brainstate.ParamState) for value in own)

    return find_nodes(model, is_owner)


def _compact(spike: Any, unit: u.Unit | None) -> Surrogate | str:
    """The surrogate with its gradient in 8 bits, or the reason why there is none."""
    if not is_step(spike):
        return f"{spike!r} is no Surrogate that sends 0 or 1"
    if unit is not None and not hasattr(spike, "residual_dtype"):
        return f"set Scaled({spike!r}, scale=...) first, with a scale in {unit}"
    return adjusted(spike, residual_dtype="uint8")


def _packings(operands: Mapping[tuple[int, int], _Operand]) -> Packings:
    """Which products to change; at most one operand of each."""
    chosen: dict[int, tuple[int, int, Columns]] = {}
    for (number, position), operand in operands.items():
        if operand.is_packable:
            chosen.setdefault(number, (number, position, operand.columns))
    return tuple(chosen.values())


def _outcomes(
    module: Node, packings: tuple[Packings, ...] | None, called: list[dict]
) -> list[tuple[bool, str]]:
    """What becomes of a module's products, each with whether it is a change.

    ``packings`` are those of training and evaluation, ``called`` the operands in each of the two
    that calls the module.
    """
    if packings is None:
        return [(False, "its spikes take one bit already")]
    if not called:
        return [(False, "the model does not call it")]
    chosen = next(filter(None, packings), ())
    outcomes = [(True, f"{type(module).__name__}, {_described(chosen)}")] if chosen else []
    seen = [each for operands in called for each in operands.values() if each.values != NONE]
    elsewhere = {o.primitive: o.megabytes for o in seen if _scale(o.values) and not o.is_packable}
    outcomes += [
        (False, f"{primitive} stores its spikes in 32 bits, {size:.3g} MB a step")
        for primitive, size in elsewhere.items()
    ]
    if seen and not outcomes:
        silent = any(operand.values == {0.0} for operand in seen)
        why = "is always 0" if silent else "may hold values other than spikes"
        outcomes += [(False, f"its input {why}")]
    return outcomes


def _scale(values: PossibleValues) -> float | None:
    """The value of a spike, if values are 0 and that one."""
    is_spiking = isinstance(values, frozenset) and len(values) == 2 and 0.0 in values
    return next(iter(values - {0.0})) if is_spiking else None  # type: ignore[operator]


def _described(packings: Packings) -> str:
    columns = [column for _, _, columns in packings for column in columns]
    total = sum(width for width, _ in columns)
    bits = sum(width for width, scale in columns if scale is not None)
    return "spikes in one bit" if bits == total else f"{bits} of {total} inputs in one bit"


def _traced(
    modules: dict[str, Node], model: Model, inputs: Inputs, *, fit: bool
) -> tuple[_Seen, dict[str, u.Unit | None]]:
    """The possible values of the products' operands, and the unit of each surrogate's argument.

    ``fit`` is true for training and false for evaluation.
    """
    seen: _Seen = {}
    with traced_afresh(model), brainstate.environ.context(fit=fit):
        can_stay = not has_dead_states(model) and not is_mapped(model)
        if not (can_stay and all(map(has_membrane, find_neurons(model).values()))):
            # Initial states must be concrete, even if save_memory is called within a trace.
            with jax.ensure_compile_time_eval(), brainstate.random.seed_context(0):
                initialise(model, inputs)
        # For spike functions that do not give 0 and 1, the jaxpr is followed.
        neurons = find_neurons(model).items()
        units = mark_spikes({n: node for n, node in neurons if is_step(spike_of(node))})
        for name, module in modules.items():
            module.update = partial(_marked_update, seen, name, module.update)
        _follow(model, inputs, partial(_note, seen))
    return seen, units


def _marked_update(seen: _Seen, name: str, update: Any, *args: Any, **kwargs: Any) -> Any:
    operands = seen.setdefault(name, {})

    def mark(number: int, eqn: JaxprEqn, arrays: list) -> Any:
        if any(jaxprs_within(eqn)):
            return bind(eqn, arrays)
        for i in range(len(arrays)):
            operands.setdefault((number, i), _Operand(eqn.primitive.name))
        label = f"{OPERAND}{name}:{number}:"
        return bind(eqn, [checkpoint_name(x, label + str(i)) for i, x in enumerate(arrays)])

    return with_changed_products(mark, update, *args, **kwargs)


def _note(seen: _Seen, eqn: JaxprEqn, values: list[PossibleValues]) -> list[Any] | None:
    label = mark_of(eqn)
    if label.startswith(SPIKES):
        return [FLAG]
    if not label.startswith(OPERAND):
        return None
    name, number, position = label.removeprefix(OPERAND).rsplit(":", 2)
    operand, aval = seen[name][int(number), int(position)], cast(Any, eqn.outvars[0].aval)
    if isinstance(values[0], _Noted):
        return values
    operand.values, operand.shape = join(operand.values, values[0]), aval.shape
    operand.megabytes = aval.size * aval.dtype.itemsize / 1e6
    return [_Noted(values[0])]


def _follow(model: Model, inputs: Inputs, note: Mark) -> None:
    """Follow the values through one step after another, until the states hold no new ones."""
    try:
        step = traced_step(model, at_a_step(inputs))
    except Exception as error:
        if isinstance(cause_of(error), (TypeError, ValueError)):
            error.add_note(
                "If these are the inputs of one step, pass inputs[None]: their first axis is time. "
                "If the states are those of another batch, first call "
                "brainstate.nn.init_all_states(model, batch)."
            )
        repeat_cause(error)
        raise
    closed = step.jaxpr
    leaves = [(state, leaf) for state in step.states for leaf in jax.tree.leaves(state.value)]
    carried = [i for i, (state, _) in enumerate(leaves) if any(state is w for w in step.written)]
    first = len(closed.in_avals) - len(leaves)

    def call(values: list[PossibleValues]) -> list[PossibleValues]:
        arguments = [values_by_dtype(aval.dtype) for aval in closed.in_avals]
        for i, held in zip(carried, values):
            arguments[first + i] = held
        results = spread(closed, arguments, note)
        return results[len(results) - len(carried) :]

    settle(call, [values_of(leaves[i][1]) for i in carried], join)

"""A model's time step traced, once, by its own code."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import ClosedJaxpr

from .._neurons import mark, traced_afresh
from .jaxpr import callers, inlined, inner_callers, with_constants_as_arguments
from .ready import no_neurons, ready_neurons
from .signature import signature
from .step import Arrays, Population, Source, Step, is_real


def trace(model: Any, inputs: Any) -> Step:
    """Read the step of a model off one call; the model is as before when this returns.

    Raises
    ------
    ValueError
        If no neuron has a membrane and a spike function, or a state does not keep its shape.
    """
    arguments = (jnp.asarray(0, jnp.int32), jax.tree.map(lambda x: x[0], inputs))
    with traced_afresh(model):
        ready = ready_neurons(model, inputs)
        spikes = {name: neuron.spk_fun for name, neuron in ready.neurons.items()}
        units = mark(ready.neurons)
        function = _stateful(model, arguments)
        if ready.alone and _give_batch(function, arguments):
            function = _stateful(model, arguments)
        leaves, written = _state_leaves(function, arguments)
        closed = inlined(function.get_jaxpr(*arguments))
        _check_kept(model, closed, [leaves[i] for i in written])
        parameters, idle_parameters = _parameters(model, leaves, written)
        step = Step(
            jaxpr=with_constants_as_arguments(closed),
            signature=signature(closed),
            arrays=Arrays(closed.consts, tuple(leaf for _, leaf in leaves)),
            populations=_populations(ready.neurons, spikes, units, [leaves[i][0] for i in written]),
            written=written,
            parameters=parameters,
            idle_parameters=idle_parameters,
            output_tree=jax.tree.structure(function.get_out_shapes(*arguments)[0]),
            callers=tuple(callers(closed)),
            sources=_sources(brainstate.graph.states(model), function.get_states(*arguments)),
            notes=ready.notes,
        )
    _check_called(step, inner_callers(closed))
    return step


def _stateful(model: Any, arguments: tuple) -> Any:
    """A step of the model, traced."""
    function = brainstate.transform.StatefulFunction(partial(advance, model))
    function.make_jaxpr(*arguments)
    return function


def _populations(
    neurons: Mapping[str, Any],
    spikes: Mapping[str, Any],
    units: Mapping[str, u.Unit | None],
    written: Sequence[Any],
) -> tuple[Population, ...]:
    """Neurons that spike and whose V is among the written states."""
    place = {id(state): i for i, state in enumerate(written)}
    return tuple(
        Population(
            name=name,
            kind=type(node).__name__,
            spike=spikes[name],
            membrane=place[id(node.V)],
            unit=u.get_unit(node.V.value),
            argument_unit=units[name],
        )
        for name, node in neurons.items()
        if name in units and id(node.V) in place
    )


def with_states_of(step: Step, model: Any) -> Step | None:
    """The step with what the model's states hold now; None where they are not of the same make."""
    states = brainstate.graph.states(model)
    found = [states.get(s.place) if isinstance(s.place, tuple) else s.place for s in step.sources]
    if None in found or step.sources != _sources(states, found):
        return None
    leaves = [leaf for state in found for leaf in jax.tree.leaves(state.value)]
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return None
    fresh = tuple(map(jnp.asarray, leaves))
    if list(map(jax.typeof, fresh)) != list(map(jax.typeof, step.arrays.states)):
        return None
    return dataclasses.replace(step, arrays=Arrays(step.arrays.constants, fresh))


def _sources(known: Mapping[Any, Any], found: Iterable[Any]) -> tuple[Source, ...]:
    """Where states are to be found again, of which ``known`` has those of the model by path."""
    paths = {id(state): path for path, state in known.items()}
    return tuple(
        Source(paths.get(id(state), state), jax.tree.structure(state.value)) for state in found
    )


def _give_batch(function: Any, arguments: tuple) -> bool:
    """Repeat the states that were made for one sample for the batch that the step makes of them."""
    leaves, written = _state_leaves(function, arguments)
    closed = function.get_jaxpr(*arguments)
    results = closed.out_avals[len(closed.out_avals) - len(written) :]
    changed = False
    for i, after in zip(written, results):
        state, before = leaves[i]
        if after.shape[1:] == before.shape and after.shape != before.shape:
            repeat = lambda x, n=after.shape[0]: u.math.broadcast_to(x, (n, *x.shape))
            state.value = jax.tree.map(repeat, state.value, is_leaf=u.math.is_quantity)
            changed = True
    return changed


def advance(model: Any, i: Array, x: Any) -> Any:
    """One step of the model, with the index and the time of the step in its environment."""
    dt = brainstate.environ.get("dt", None)
    # A float before it is multiplied, as JAX may be set to mix no dtypes.
    time = {} if dt is None else {"t": jnp.asarray(i, jnp.result_type(float)) * dt}
    with brainstate.environ.context(i=i, **time):
        return model(x) if callable(model) else model.update(x)


def _state_leaves(
    function: Any, arguments: tuple
) -> tuple[list[tuple[Any, Array]], tuple[int, ...]]:
    """Leaves of all states that a step touches, and the positions of those that it writes."""
    leaves = [
        (state, jnp.asarray(leaf))
        for state in function.get_states(*arguments)
        for leaf in jax.tree.leaves(state.value)
    ]
    written = {id(state) for state in function.get_write_states(*arguments)}
    return leaves, tuple(i for i, (state, _) in enumerate(leaves) if id(state) in written)


def _parameters(
    model: Any, leaves: list[tuple[Any, Array]], written: tuple[int, ...]
) -> tuple[tuple[int, ...], int]:
    """Positions of the parameters, and how many elements the others have, which no step touches."""
    states = brainstate.graph.states(model, brainstate.ParamState).values()
    known = {id(state) for state in states}
    used = tuple(
        i
        for i, (state, leaf) in enumerate(leaves)
        if id(state) in known and i not in written and is_real(leaf)
    )
    touched = {id(state) for state, _ in leaves}
    idle = [leaf for s in states if id(s) not in touched for leaf in jax.tree.leaves(s.value)]
    return used, sum(jnp.size(leaf) for leaf in idle)


def _check_kept(model: Any, jaxpr: ClosedJaxpr, written: list[tuple[Any, Array]]) -> None:
    names = {id(s): ".".join(map(str, p)) for p, s in brainstate.graph.states(model).items()}
    results = jaxpr.out_avals[len(jaxpr.out_avals) - len(written) :]
    for (state, before), after in zip(written, results):
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            raise ValueError(
                f"states must keep their shape and dtype, got {names.get(id(state), 'a state')} of "
                f"shape {before.shape} and dtype {before.dtype} before a step and {after.shape}, "
                f"{after.dtype} after it. Initialise them for these inputs, for example with "
                "brainstate.nn.init_all_states(model, batch_size)"
            )


def _check_called(step: Step, inner: set[str]) -> None:
    """Populations are those that change V and spike, both at the top level of the step."""
    populations, callers = {population.name for population in step.populations}, set(step.callers)
    if looping := inner | (populations - callers):
        raise no_neurons(f"{', '.join(sorted(looping))} spike inside a loop within the step")
    if still := callers - populations:
        raise no_neurons(f"{', '.join(sorted(still))} spike without a change of V")
    if not populations:
        raise no_neurons("no neuron both changes V and calls spk_fun in a step")

"""Trace one time step of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from .._jaxpr import Var, callers, inlined, inner_callers, with_constants_as_arguments
from .._models import (
    Found,
    advance,
    check_takes_steps,
    expression,
    forget_programs,
    has_membrane,
    initialise,
    is_mapped,
    mark_spikes,
    membrane_of,
    required_neurons,
    set_membrane,
    set_spike,
    spike_of,
    states_of,
    traced_afresh,
)
from .._wording import repeat_cause
from ..typing import Inputs, Model, Node, SpikeFunction
from .membranes import membrane_in
from .sent_spikes import sent_spikes
from .step import Arrays, Population, Source, Step, is_real

MOST_CALLS = 2  # of a neuron's spike function in a step: before a reset, and after


def trace(model: Model, inputs: Inputs) -> Step:
    """Trace one step of a model, and leave the model as it was.

    Raises
    ------
    ValueError
        If no neuron has a membrane and a spike function, or a state does not keep its shape.
    """
    with traced_afresh(model):
        try:
            step = _traced_step(model, inputs, ready_neurons(model, inputs))
        except Exception as error:
            check_takes_steps(model, inputs)
            repeat_cause(error)
            raise
        if max(Counter(step.callers).values()) > MOST_CALLS:  # as in a loop over time in Python
            check_takes_steps(model, inputs)
    return step.with_order()


def _traced_step(model: Model, inputs: Inputs, neurons: dict[str, Found]) -> Step:
    spikes = {name: spike_of(found.node) for name, found in neurons.items()}
    units = mark_spikes({name: found.node for name, found in neurons.items()})
    traced = _Traced(model, inputs)
    # The first trace of a mapped model holds extra calls of spike functions: trace again.
    if is_mapped(model):
        traced = _Traced(model, inputs)
    traced.check_kept()
    _check_called(neurons, traced)
    return traced.step(_populations(neurons, spikes, units, traced))


def step_as_is(model: Model, first: Any) -> Step:
    """One step of a model with its present states, without its populations.

    ``first`` are the inputs of the step. Unlike `trace` it also works within a trace.
    """
    return _Traced(model, jax.tree.map(lambda x: x[None], first)).step(())


class _Traced:
    """One call of a model as a jaxpr on one level, and the leaves of all states it reads."""

    def __init__(self, model: Model, inputs: Inputs):
        self.model = model
        first = jax.tree.map(lambda x: x[0], inputs)
        arguments = (jnp.asarray(0, jnp.int32), first)
        function = brainstate.transform.StatefulFunction(partial(advance, model))
        function.make_jaxpr(*arguments)
        self.known = brainstate.graph.states(model)
        self.jaxpr = inlined(function.get_jaxpr(*arguments))
        self.output_tree = jax.tree.structure(function.get_out_shapes(*arguments)[0])
        self.states = function.get_states(*arguments)
        self.leaves = [(s, jnp.asarray(x)) for s in self.states for x in jax.tree.leaves(s.value)]
        written = {id(state) for state in function.get_write_states(*arguments)}
        positions = range(len(self.leaves))
        self.written = tuple(i for i in positions if id(self.leaves[i][0]) in written)

    def spiking(self, neurons: Mapping[str, Found]) -> dict[str, int]:
        """Neurons that spike at the top level and change V, with V among the written states."""
        place = {id(self.leaves[i][0]): n for n, i in enumerate(self.written)}
        called = set(callers(self.jaxpr))
        membranes = {n: place.get(id(membrane_of(found.node))) for n, found in neurons.items()}
        return {n: place for n, place in membranes.items() if n in called and place is not None}

    def membrane(self, place: int) -> Var:
        """The variable of a written state after the step."""
        return self.jaxpr.jaxpr.outvars[place - len(self.written)]

    def variables(
        self, states: Iterable[brainstate.State]
    ) -> tuple[dict[Var, brainstate.State], dict[Var, brainstate.State]]:
        """Those of the states that are written, by their variables before and after the step."""
        ids, first = set(map(id, states)), len(self.jaxpr.jaxpr.invars) - len(self.leaves)
        of = {n: self.leaves[i][0] for n, i in enumerate(self.written)}
        own = {n: state for n, state in of.items() if id(state) in ids}
        old = {self.jaxpr.jaxpr.invars[first + self.written[n]]: s for n, s in own.items()}
        return old, {self.membrane(n): s for n, s in own.items()}

    def check_kept(self) -> None:
        names = {id(state): ".".join(map(str, path)) for path, state in self.known.items()}
        for i, after in zip(self.written, self.jaxpr.out_avals[-len(self.written) :]):
            state, before = self.leaves[i]
            if (before.shape, before.dtype) != (after.shape, after.dtype):
                raise ValueError(
                    "states must keep their shape and dtype, got "
                    f"{names.get(id(state), 'a state')} of shape {before.shape} and dtype "
                    f"{before.dtype} before a step and {after.shape}, {after.dtype} after it. "
                    "Initialise them for these inputs, for example with "
                    "brainstate.nn.init_all_states(model, batch_size)"
                )

    def step(self, populations: tuple[Population, ...]) -> Step:
        return Step(
            jaxpr=with_constants_as_arguments(self.jaxpr),
            arrays=Arrays(self.jaxpr.consts, tuple(_strong(leaf) for _, leaf in self.leaves)),
            populations=populations,
            readouts=(),
            written=self.written,
            lasting=tuple(j for j, i in enumerate(self.written) if outlasts(self.leaves[i][0])),
            parameters=self._read_only(trained=True),
            fixed=self._read_only(trained=False),
            output_tree=self.output_tree,
            callers=tuple(callers(self.jaxpr)),
            sources=_sources(self.model, self.known, self.states),
        )

    def _read_only(self, *, trained: bool) -> tuple[int, ...]:
        """Positions of parameters, or of matrices in other states; the step writes neither."""
        known = {id(state) for state in self.known.values()}
        return tuple(
            i
            for i, (state, leaf) in enumerate(self.leaves)
            if isinstance(state, brainstate.ParamState) is trained
            and id(state) in known
            and i not in self.written
            and is_real(leaf)
            and (trained or leaf.ndim > 1)
        )


def outlasts(state: brainstate.State) -> bool:
    """Whether a state lasts beyond a run: random keys and running statistics, not membranes."""
    return isinstance(state, (brainstate.random.RandomState, brainstate.LongTermState))


def _populations(
    neurons: Mapping[str, Found],
    spikes: Mapping[str, SpikeFunction],
    units: Mapping[str, u.Unit | None],
    traced: _Traced,
) -> tuple[Population, ...]:
    """Neurons that spike and change V."""

    def population(name: str, place: int) -> Population:
        neuron = neurons[name].node
        sent = sent_spikes(traced.jaxpr.jaxpr, name, traced.membrane(place))
        return Population(
            name=name,
            kind=type(neuron),
            spike=spikes[name],
            membrane=place,
            unit=u.get_unit(membrane_of(neuron).value),
            argument_unit=units[name],
            call=sent.call,
            spikes=sent.variable,
        )

    return tuple(population(*sent) for sent in traced.spiking(neurons).items())


def _sources(model: Model, known: Mapping[Any, Any], states: Iterable[Any]) -> tuple[Source, ...]:
    """The place and structure of each state. ``known`` has the model's states by path."""
    paths = {id(state): path for path, state in known.items()}
    return tuple(
        Source(
            place := paths.get(id(state), state),
            jax.tree.structure(state.value),
            expression(model, place) if isinstance(place, tuple) else "",
        )
        for state in states
    )


def _check_called(neurons: Mapping[str, Found], traced: _Traced) -> None:
    """Populations are those that change V and spike, both at the top level of the step."""
    if inner := inner_callers(traced.jaxpr):
        where = ", ".join(sorted(set(inner.values())))
        raise no_neurons(f"{', '.join(sorted(inner))} spike inside {where} within the step")
    if still := set(callers(traced.jaxpr)) - traced.spiking(neurons).keys():
        raise no_neurons(f"{', '.join(sorted(still))} spike without a change of V")
    if not traced.spiking(neurons):
        raise no_neurons("no neuron both changes V and calls spk_fun in a step")


def ready_neurons(model: Model, inputs: Inputs) -> dict[str, Found]:
    """The neurons of a model by name, with all states initialised for the inputs.

    Raises
    ------
    ValueError
        If there is no neuron with a membrane.
    """
    found = required_neurons(model)
    neurons = {name: one for name, one in found.items() if callable(spike_of(one.node))}
    initialise(model, inputs)
    if unknown := {n: one.node for n, one in neurons.items() if not has_membrane(one.node)}:
        _find_membranes(model, inputs, unknown)
    ready = {name: one for name, one in sorted(neurons.items()) if has_membrane(one.node)}
    if not ready:
        raise no_neurons(
            f"{type(model).__name__} has {len(neurons)} nodes with a spike function, and none of "
            "them such a state: call it V"
        )
    return ready


def _find_membranes(model: Model, inputs: Inputs, neurons: dict[str, Node]) -> None:
    """Find the membranes of neurons whose states have other names, by their part in a step."""
    spikes = {name: spike_of(neuron) for name, neuron in neurons.items()}
    mark_spikes(neurons)
    traced = _Traced(model, inputs)
    forget_programs(model)
    for name, neuron in neurons.items():
        set_spike(neuron, spikes[name])
        old, new = traced.variables(states_of(neuron))
        if state := membrane_in(traced.jaxpr.jaxpr, name, old, new):
            set_membrane(neuron, state)


def no_neurons(found: str) -> ValueError:
    """The error for a model in which there is nothing to measure."""
    return ValueError(
        "the model must have neurons: nodes with a membrane potential in a state V, v, mem or u, "
        "or as the only state that meets the threshold, and with a spike function spk_fun, "
        "spike_grad or surrogate_function, or their only surrogate, that each step calls, outside "
        f"of inner loops. Here {found}"
    )


def _strong(leaf: Any) -> Any:
    """The same array without a weak type: training loses it, and programs would compile anew."""
    return jnp.asarray(leaf, leaf.dtype) if getattr(leaf, "weak_type", False) else leaf

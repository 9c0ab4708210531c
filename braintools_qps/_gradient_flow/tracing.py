"""Trace one time step of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._jaxpr import callers, inlined, inner_callers
from .._models import (
    OneStep,
    at_a_step,
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
    traced_step,
)
from .._wording import listed, repeat_cause
from ..typing import Inputs, Model, Node, SpikeFunction
from .neuron_parts import WrittenState, membrane_in, sent_spikes
from .step import Arrays, Place, Population, Step, is_real

MOST_CALLS = 2  # of a neuron's spike function in a step: before a reset, and after


def trace(model: Model, inputs: Inputs) -> Step:
    """Trace one step of a model, and leave the model as it was.

    Raises
    ------
    ValueError
        If no neuron has a membrane and a spike function, or a state does not keep its shape.
    """
    check_has_values(inputs)
    with traced_afresh(model):
        try:
            step = _traced_step(model, inputs)
        except Exception as error:
            check_takes_steps(model, inputs)
            repeat_cause(error)
            raise
        if max(Counter(step.callers).values()) > MOST_CALLS:  # as in a loop over time in Python
            check_takes_steps(model, inputs)
    return step.with_order()


def check_has_values(inputs: Inputs) -> None:
    """Raise a ValueError if JAX is tracing the inputs."""
    if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(inputs)):
        raise ValueError(
            "a model is measured on inputs with values, got inputs that jax is tracing. Call it "
            "outside of jit, grad, vmap and loops, for example between two epochs"
        )


def _traced_step(model: Model, inputs: Inputs) -> Step:
    neurons = {n: node for n, node in required_neurons(model).items() if callable(spike_of(node))}
    spikes = {name: spike_of(neuron) for name, neuron in neurons.items()}
    units = mark_spikes(neurons)
    kept, first = initialise(model, inputs)
    again = lambda: _Traced(model, traced_step(model, at_a_step(inputs)))
    traced = _Traced(model, first) if first else again()
    _find_membranes(neurons, traced)
    without = {name for name, neuron in neurons.items() if not has_membrane(neuron)}
    if without == set(neurons):
        raise no_neurons(
            f"no such state is in {listed(without, 3)}: keep the membrane potential as self.V = "
            "brainstate.HiddenState(...)"
        )
    if without:
        for name in without:
            set_spike(neurons[name], spikes[name])
        forget_programs(model)
        traced = again()
    # The first trace of a mapped model holds extra calls of spike functions.
    if is_mapped(model):
        again()
        traced = again()
    traced.check_kept()
    populations = (
        traced.population(name, neurons[name], membrane, spikes[name], units[name])
        for name, membrane in _membranes(neurons, traced).items()
    )
    return traced.step(tuple(populations), kept)


def step_as_is(model: Model, first: Any) -> Step:
    """One step of a model with its present states, without its populations.

    ``first`` are the inputs of the step. Unlike `trace` it also works within a trace.
    """
    return _Traced(model, traced_step(model, first)).step(())


class _Leaf(NamedTuple):
    """A leaf of a state that a step reads."""

    state: brainstate.State
    value: Array
    place: Place


class _Traced:
    """One call of a model as a jaxpr on one level, and the leaves of all states it reads."""

    def __init__(self, model: Model, step: OneStep):
        self.jaxpr, self.constants = inlined(step.jaxpr)
        self.callers = callers(self.jaxpr)
        self.output_tree = jax.tree.structure(step.outputs)
        self.leaves = _leaves_of(model, step.states)
        written = set(map(id, step.written))
        self.written = tuple(i for i, leaf in enumerate(self.leaves) if id(leaf.state) in written)
        # Variables of the written states after the step.
        self.stored: list[Any] = self.jaxpr.outvars[len(self.jaxpr.outvars) - len(self.written) :]

    def written_states(self) -> list[WrittenState]:
        """The states that are written, with their variables before and after the step."""
        before, written = self.jaxpr.invars[-len(self.leaves) :], zip(self.written, self.stored)
        return [WrittenState(self.leaves[i].state, before[i], after) for i, after in written]

    def check_kept(self) -> None:
        for i, variable in zip(self.written, self.stored):
            (_, before, place), after = self.leaves[i], variable.aval
            if (before.shape, before.dtype) != (after.shape, after.dtype):
                name = ".".join(map(str, place.path)) or "a state"
                raise ValueError(
                    f"states must keep their shape and dtype, got {name} of shape {before.shape} "
                    f"and dtype {before.dtype} before a step and {after.shape}, {after.dtype} "
                    "after it. Initialise them for these inputs, for example with "
                    "brainstate.nn.init_all_states(model, batch_size)"
                )

    def population(
        self, name: str, neuron: Node, membrane: int, spike: SpikeFunction, unit: u.Unit | None
    ) -> Population:
        """A neuron that spikes and stores its membrane among the written states."""
        sent, call = sent_spikes(self.jaxpr, name, self.stored[membrane])
        return Population(
            name=name,
            kind=type(neuron),
            spike=spike,
            membrane=membrane,
            stored=self.stored[membrane],
            unit=u.get_unit(membrane_of(neuron).value),
            argument_unit=unit,
            call=call,
            spikes=sent,
        )

    def step(self, populations: tuple[Population, ...], kept: Collection[tuple] = ()) -> Step:
        """The step with these populations; ``kept`` are paths of states that no init_state sets."""
        passing = [self.leaves[i] for i in self.written if not outlasts(self.leaves[i].state)]
        paths = dict.fromkeys(leaf.place.path for leaf in passing if leaf.place.path in kept)
        trained = lambda i: isinstance(self.leaves[i].state, brainstate.ParamState)
        read_only = [
            i
            for i, leaf in enumerate(self.leaves)
            if leaf.place.path and i not in self.written and is_real(leaf.value)
        ]
        matrices = [i for i in read_only if self.leaves[i].value.ndim > 1]
        return Step(
            jaxpr=self.jaxpr,
            arrays=Arrays(self.constants, tuple(leaf.value for leaf in self.leaves)),
            populations=populations,
            readouts=(),
            written=self.written,
            lasting=tuple(j for j, i in enumerate(self.written) if outlasts(self.leaves[i].state)),
            parameters=tuple(filter(trained, read_only)),
            fixed=tuple(i for i in matrices if not trained(i)),
            output_tree=self.output_tree,
            callers=tuple(self.callers),
            places=tuple(leaf.place for leaf in self.leaves),
            kept=tuple(".".join(map(str, path)) for path in paths),
        )


def _leaves_of(model: Model, states: Iterable[brainstate.State]) -> list[_Leaf]:
    """The leaves of all states.

    No value is of a weak type: training loses that, and programs would compile again.
    """
    paths = {id(state): path for path, state in brainstate.graph.states(model).items()}
    leaves = []
    for state in states:
        path = paths.get(id(state), ())
        for keys, x in jax.tree_util.tree_leaves_with_path(state.value):
            is_weak = getattr(x, "weak_type", False) and not isinstance(x, jax.core.Tracer)
            # By way of NumPy, as JAX would compile a program for each shape.
            value = (
                jax.device_put(np.asarray(x)) if is_weak else jnp.asarray(x, jnp.asarray(x).dtype)
            )
            leaves.append(_Leaf(state, value, Place(path, keys, expression(model, path))))
    return leaves


def outlasts(state: brainstate.State) -> bool:
    """Whether a state lasts beyond a run: random keys and running statistics, not membranes."""
    return isinstance(state, (brainstate.random.RandomState, brainstate.LongTermState))


def _membranes(neurons: Mapping[str, Node], traced: _Traced) -> dict[str, int]:
    """Positions of the membranes among the written states, of all neurons that spike.

    Raises
    ------
    ValueError
        If one spikes in an inner loop or does not change V, or there is none.
    """
    if inner := inner_callers(traced.jaxpr):
        where = ", ".join(sorted(set(inner.values())))
        raise no_neurons(f"{', '.join(sorted(inner))} spike inside {where} within the step")
    position = {id(traced.leaves[i].state): n for n, i in enumerate(traced.written)}
    called = sorted(set(traced.callers))
    membranes = {name: id(membrane_of(neurons[name])) for name in called}
    if still := [name for name, membrane in membranes.items() if membrane not in position]:
        raise no_neurons(
            f"{', '.join(still)} spike without a change of V; if the step calls init_state, call "
            "that before the loop over time, as it makes new states"
        )
    if not membranes:
        raise no_neurons("no neuron both changes V and calls spk_fun in a step")
    return {name: position[membrane] for name, membrane in membranes.items()}


def _find_membranes(neurons: Mapping[str, Node], traced: _Traced) -> None:
    """Find the membranes of neurons whose states have other names."""
    for name, neuron in neurons.items():
        if has_membrane(neuron):
            continue
        own = set(map(id, states_of(neuron)))
        states = [each for each in traced.written_states() if id(each.state) in own]
        if state := membrane_in(traced.jaxpr, name, states):
            set_membrane(neuron, state)


def no_neurons(found: str) -> ValueError:
    """The error for a model in which there is nothing to measure."""
    return ValueError(
        "the model must have neurons: nodes with a membrane potential in a state V, v, mem or u, "
        "or as the only state that meets the threshold, and with a spike function spk_fun, "
        "spike_grad or surrogate_function, or their only surrogate, that each step calls, outside "
        f"of inner loops. Here {found}"
    )

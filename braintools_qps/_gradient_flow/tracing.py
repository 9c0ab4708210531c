"""Trace one time step of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

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
    unset, first = initialise(model, inputs)
    again = lambda: traced_step(model, at_a_step(inputs))
    step = _step_of(model, first or again())
    _find_membranes(neurons, step)
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
        step = _step_of(model, again())
    if is_mapped(model):  # its first trace holds extra calls of spike functions
        again()
        step = _step_of(model, again())
    _check_kept(step)
    populations = tuple(
        _population(step, name, neurons[name], membrane, spikes[name], units[name])
        for name, membrane in _membranes(neurons, step).items()
    )
    passing = (i for j, i in enumerate(step.written) if j not in step.lasting)
    kept = tuple(dict.fromkeys(step.path(i) for i in passing if step.places[i].path in unset))
    return replace(step, populations=populations, kept=kept)


def step_as_is(model: Model, first: Any) -> Step:
    """One step of a model with its present states, without its populations.

    ``first`` are the inputs of the step. Unlike `trace` it also works within a trace.
    """
    return _step_of(model, traced_step(model, first))


def _step_of(model: Model, traced: OneStep) -> Step:
    """A traced step, with the leaves of all states that it reads, without its populations."""
    jaxpr, constants = inlined(traced.jaxpr)
    values, places = _leaves_of(model, traced.states)
    changed = set(map(id, traced.written))
    written = tuple(i for i, place in enumerate(places) if id(place.state) in changed)
    others = [i for i, p in enumerate(places) if p.path and i not in written and is_real(values[i])]
    is_trained = lambda i: isinstance(places[i].state, brainstate.ParamState)
    return Step(
        jaxpr=jaxpr,
        arrays=Arrays(constants, values),
        written=written,
        lasting=tuple(j for j, i in enumerate(written) if outlasts(places[i].state)),
        parameters=tuple(filter(is_trained, others)),
        fixed=tuple(i for i in others if values[i].ndim > 1 and not is_trained(i)),
        output_tree=jax.tree.structure(traced.outputs),
        callers=tuple(callers(jaxpr)),
        places=places,
    )


def _leaves_of(
    model: Model, states: Iterable[brainstate.State]
) -> tuple[tuple[Array, ...], tuple[Place, ...]]:
    """The leaves of all states, and their places.

    No value is of a weak type: training loses that, and programs would compile again.
    """
    paths = {id(state): path for path, state in brainstate.graph.states(model).items()}
    values, places = [], []
    for state in states:
        path = paths.get(id(state), ())
        for keys, x in jax.tree_util.tree_leaves_with_path(state.value):
            is_weak = getattr(x, "weak_type", False) and not isinstance(x, jax.core.Tracer)
            # By way of NumPy, as JAX would compile a program for each shape.
            values.append(
                jax.device_put(np.asarray(x)) if is_weak else jnp.asarray(x, jnp.asarray(x).dtype)
            )
            places.append(Place(state, path, keys, expression(model, path)))
    return tuple(values), tuple(places)


def _check_kept(step: Step) -> None:
    for i, after in zip(step.written, step.stored):
        before, after = step.arrays.states[i], after.aval
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            raise ValueError(
                f"states must keep their shape and dtype, got {step.path(i) or 'a state'} of shape "
                f"{before.shape} and dtype {before.dtype} before a step and {after.shape}, "
                f"{after.dtype} after it. Initialise them for these inputs, for example with "
                "brainstate.nn.init_all_states(model, batch_size)"
            )


def _population(
    step: Step, name: str, neuron: Node, membrane: int, spike: SpikeFunction, unit: u.Unit | None
) -> Population:
    """A neuron that spikes and stores its membrane among the written states."""
    stored = step.stored[membrane]
    sent, call = sent_spikes(step.jaxpr, name, stored)
    own = u.get_unit(membrane_of(neuron).value)
    return Population(name, type(neuron), spike, membrane, stored, own, unit, call, sent)


def outlasts(state: brainstate.State) -> bool:
    """Whether a state lasts beyond a run: random keys and running statistics, not membranes."""
    return isinstance(state, (brainstate.random.RandomState, brainstate.LongTermState))


def _membranes(neurons: Mapping[str, Node], step: Step) -> dict[str, int]:
    """Positions of the membranes among the written states, of all neurons that spike.

    Raises
    ------
    ValueError
        If one spikes in an inner loop or does not change V, or there is none.
    """
    if inner := inner_callers(step.jaxpr):
        where = ", ".join(sorted(set(inner.values())))
        raise no_neurons(f"{', '.join(sorted(inner))} spike inside {where} within the step")
    position = {id(step.places[i].state): n for n, i in enumerate(step.written)}
    called = sorted(set(step.callers))
    membranes = {name: id(membrane_of(neurons[name])) for name in called}
    if still := [name for name, membrane in membranes.items() if membrane not in position]:
        raise no_neurons(
            f"{', '.join(still)} spike without a change of V; if the step calls init_state, call "
            "that before the loop over time, as it makes new states"
        )
    if not membranes:
        raise no_neurons("no neuron both changes V and calls spk_fun in a step")
    return {name: position[membrane] for name, membrane in membranes.items()}


def _find_membranes(neurons: Mapping[str, Node], step: Step) -> None:
    """Find the membranes of neurons whose states have other names."""
    written = [
        WrittenState(step.places[i].state, step.state_variables[i], after)
        for i, after in zip(step.written, step.stored)
    ]
    for name, neuron in neurons.items():
        if not has_membrane(neuron):
            own = set(map(id, states_of(neuron)))
            states = [each for each in written if id(each.state) in own]
            if state := membrane_in(step.jaxpr, name, states):
                set_membrane(neuron, state)


def no_neurons(found: str) -> ValueError:
    """The error for a model in which there is nothing to measure."""
    return ValueError(
        "the model must have neurons: nodes with a membrane potential in a state V, v, mem or u, "
        "or as the only state that meets the threshold, and with a spike function spk_fun, "
        "spike_grad or surrogate_function, or their only surrogate, that each step calls, outside "
        f"of inner loops. Here {found}"
    )

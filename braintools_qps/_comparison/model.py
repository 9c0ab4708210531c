"""Runs a model over a sequence, and sorts its states.

A model is built inside the trace that uses it, so that tracers in its States stay there.

States are of three kinds. Parameters (`brainstate.ParamState` of real numbers) are trained. States
that `init_state` sets, and every `brainstate.ShortTermState`, start afresh with each batch. All
others are kept from batch to batch: running means of BatchNorm, or random states of the model.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._gradient_flow import synaptic_operations
from .._models import (
    advance,
    below_mapped,
    check_takes_steps,
    find_neurons,
    initialise,
    set_spike,
    spike_of,
)
from ..typing import Model
from .tasks import Task
from .typing import Number, Outputs, Values

DEFAULT_STEP = 1.0 * u.ms

# A number from a spike function, its argument and the spikes
Measure = Callable[[Callable, Number, Number], Array]


# brainstate, NumPy and Python have one random state each per process.
_random_states = threading.RLock()


@contextmanager
def seeded(key: Array, number: int = 0) -> Iterator[None]:
    """Seed all random generators: brainstate by a key, which may be traced, others by a number.

    The others are those of NumPy and Python, which JAX cannot trace. Afterwards the user's random
    states are as before. Only one thread at a time can be inside such a block.
    """
    state = brainstate.random.DEFAULT
    # A StateTraceStack lets the global state hold a tracer. For a concrete key there must be none:
    # brainstate would count new states as part of it, and a later trace their weights as constants.
    traced = isinstance(key, jax.core.Tracer)
    with _random_states, brainstate.StateTraceStack() if traced else nullcontext():
        with jax.ensure_compile_time_eval():  # the first reading makes a key, not to be traced
            before = state.value, np.random.get_state(), random.getstate()  # noqa: NPY002
        state.value = key
        np.random.seed(number)  # noqa: NPY002
        random.seed(number)
        try:
            yield
        finally:
            state.value = before[0]
            np.random.set_state(before[1])  # noqa: NPY002
            random.setstate(before[2])


class Weights(NamedTuple):
    """All that training changes in a model, by paths in the model: States, or their values."""

    trained: Values
    kept: Values

    @property
    def values(self) -> Weights:
        """The values of the States, as arrays."""
        value = lambda state: jax.tree.map(jnp.asarray, state.value)
        return Weights(*({path: value(state) for path, state in part.items()} for part in self))


def initialised(model: Model, samples: int, task: Task) -> Weights:
    """Initialise all states; return those that are trained and those that outlive a batch."""
    held = {id(s): s.value for s in brainstate.graph.states(model).values()}
    with environment():
        initialise(model, task.to_model(jnp.zeros((1, samples, task.features))), samples)
    states = {".".join(map(str, p)): s for p, s in brainstate.graph.states(model).items()}
    trained = {path: state for path, state in states.items() if _is_trained(state)}
    kept = {
        path: state
        for path, state in states.items()
        if path not in trained
        and not isinstance(state, brainstate.ShortTermState)
        and held.get(id(state)) is state.value
    }
    return Weights(trained, kept)


def check_steps(model: Model, inputs: Array, task: Task) -> None:
    """Check that an initialised model takes one time step in a call, not all of the inputs.

    Raises
    ------
    ValueError
        If it takes all of them.
    """
    with environment():
        check_takes_steps(model, task.to_model(jnp.swapaxes(inputs, 0, 1)))


def put(states: Weights, weights: Weights) -> None:
    """Set the values of States."""
    for part, values in zip(states, weights):
        for path, state in part.items():
            state.value = values[path]


def outputs_in_training(model: Model, inputs: Array, of_step: Callable[[Array], Array]) -> Outputs:
    """Outputs of all steps, of shape (steps, samples, ...), for inputs (samples, steps, ...).

    ``of_step`` turns the inputs of one step into those of the model.
    """
    with environment(fit=True):
        return brainstate.transform.for_loop(
            lambda i, x: advance(model, i, of_step(x)),
            jnp.arange(inputs.shape[1]),
            jnp.swapaxes(inputs, 0, 1),
        )


def watched(
    model: Model,
    inputs: Array,
    rows: Array,
    of_step: Callable[[Array], Array],
    measure: Measure,
) -> tuple[Outputs, Array, int]:
    """Outputs for some rows of the inputs, in evaluation, and what is measured of the neurons.

    ``measure`` computes a number from a spike function, its argument and the spikes. The numbers
    have the shape (steps, populations). The last value is how many neurons there are, of all
    samples. Inputs are taken step by step, so that a large part of the data is never copied. Some
    neurons call their spike function twice in a step, first to reset the membrane after the
    previous spike; only the last call counts.
    """
    mapped = below_mapped(model)
    neurons = [neuron for neuron in find_neurons(model).values() if callable(spike_of(neuron))]
    meters = [_Meter(neuron, measure, id(neuron) in mapped) for neuron in neurons]

    def step(i: Array) -> tuple[Outputs, Array]:
        output = advance(model, i, of_step(inputs[rows, i]))
        return output, jnp.stack([meter.read() for meter in meters])

    with environment(fit=False):
        outputs, numbers = brainstate.transform.for_loop(step, jnp.arange(inputs.shape[1]))
    return outputs, numbers, sum(meter.neurons for meter in meters)


def operations(
    model: Model, inputs: Array, rows: Array, of_step: Callable[[Array], Array]
) -> Array:
    """Synaptic operations per sample, for some rows of the inputs, in evaluation."""
    with environment(fit=False):
        inputs_at = lambda i: of_step(inputs[rows, i])
        return synaptic_operations(model, inputs_at, inputs.shape[1]) / len(rows)


class _Meter:
    """Replaces a neuron's spike function and keeps a number about its last call."""

    def __init__(self, neuron: Model, measure: Measure, is_mapped: bool) -> None:
        self._spike, self._measure = spike_of(neuron), measure
        self._reads = _with_all_samples(self._number) if is_mapped else self._number
        self._last = brainstate.ShortTermState(jnp.zeros((), jnp.float32))
        self.neurons = 0  # of all samples; known once it has been traced
        set_spike(neuron, self)

    def __call__(self, x: Number) -> Number:
        spikes = self._spike(x)
        self._last.value = self._reads(x, spikes)
        return spikes

    def _number(self, x: Number, spikes: Number) -> Array:
        self.neurons = np.size(spikes)
        return self._measure(self._spike, x, spikes).astype(jnp.float32)

    def read(self) -> Array:
        counted = self._last.value
        self._last.value = jnp.zeros_like(counted)
        return counted


def _with_all_samples(function: Callable[..., Array]) -> Callable[..., Array]:
    """The function, called once for all samples where a model is mapped over them."""
    whole = jax.custom_batching.custom_vmap(function)
    whole.def_vmap(lambda size, batched, *arrays: (function(*arrays), False))
    return whole


@contextmanager
def environment(**settings: Any) -> Iterator[None]:
    """The context in which models run: with the user's ``dt``, or else with steps of 1 ms."""
    if brainstate.environ.get("dt", None) is None:
        settings["dt"] = DEFAULT_STEP
    with brainstate.environ.context(**settings):
        yield


def _is_trained(state: brainstate.State) -> bool:
    """Whether a state is a parameter that holds only real numbers."""
    if not isinstance(state, brainstate.ParamState):
        return False
    kinds = [jnp.result_type(leaf) for leaf in jax.tree.leaves(state.value)]
    return bool(kinds) and all(jnp.issubdtype(kind, jnp.floating) for kind in kinds)

"""The states of a model, and how it runs over a sequence, in training or in evaluation.

Parameters (`brainstate.ParamState` of real numbers) are trained. States that `init_state` sets, and
every `brainstate.ShortTermState`, start afresh with each batch. All others are kept from batch to
batch: running means of BatchNorm, or random states of the model.

A model is built inside the trace that uses it, so that tracers in its States stay there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._gradient_flow import synaptic_operations
from .._models import advance, below_mapped, find_neurons, initialise, set_spike, spike_of
from ..typing import Model
from .contexts import environment
from .tasks import Task
from .typing import Number, Outputs, Values


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
    with environment():
        inputs = task.to_model(jnp.zeros((1, samples, task.features)))
        paths, _ = initialise(model, inputs, samples)
        unset = {".".join(map(str, path)) for path in paths}
    states = {".".join(map(str, p)): s for p, s in brainstate.graph.states(model).items()}
    trained = {path: state for path, state in states.items() if _is_trained(state)}
    kept = {
        path: state
        for path, state in states.items()
        if path not in trained
        and not isinstance(state, brainstate.ShortTermState)
        and path in unset
    }
    return Weights(trained, kept)


def set_values(states: Weights, weights: Weights) -> None:
    """Set the values of States."""
    for part, values in zip(states, weights):
        for path, state in part.items():
            state.value = values[path]


def _is_trained(state: brainstate.State) -> bool:
    """Whether a state is a parameter that holds only real numbers."""
    if not isinstance(state, brainstate.ParamState):
        return False
    kinds = [jnp.result_type(leaf) for leaf in jax.tree.leaves(state.value)]
    return bool(kinds) and all(jnp.issubdtype(kind, jnp.floating) for kind in kinds)


# What is measured at a spike function, from its place in the model, its argument and the spikes
Measure = Callable[[int, Number, Number], Array]


def outputs_in_training(model: Model, inputs: Array, task: Task) -> Outputs:
    """Outputs of all steps, of shape (steps, samples, ...), for inputs (samples, steps, ...)."""
    with environment(fit=True):
        return brainstate.transform.for_loop(
            lambda i, x: advance(model, i, task.to_model(x)),
            jnp.arange(inputs.shape[1]),
            jnp.swapaxes(inputs, 0, 1),
        )


def watched(
    model: Model, inputs: Array, rows: Array, task: Task, measure: Measure, shape: tuple = ()
) -> tuple[Outputs, Array, int]:
    """Outputs for some rows of the inputs, in evaluation, and what is measured of the neurons.

    ``measure`` computes numbers of this ``shape`` from the place of a spike function in `spiking`,
    its argument and the spikes. Stacked, they have the shape (steps, populations, ...). The last
    value is how many neurons there are, of all samples. Inputs are taken step by step, so that a
    large part of the data is never copied. Some neurons call their spike function twice in a step,
    first to reset the membrane after the previous spike; only the last call counts.
    """
    mapped = below_mapped(model)
    meters = [
        _Meter(neuron, partial(measure, number), shape, id(neuron) in mapped)
        for number, neuron in enumerate(_spiking(model))
    ]

    def step(i: Array) -> tuple[Outputs, Array]:
        output = advance(model, i, task.to_model(inputs[rows, i]))
        return output, jnp.stack([meter.read() for meter in meters])

    with environment(fit=False):
        outputs, numbers = brainstate.transform.for_loop(step, jnp.arange(inputs.shape[1]))
    return outputs, numbers, sum(meter.neurons for meter in meters)


def spiking(model: Model) -> list[Callable]:
    """The spike functions of a model."""
    return [spike_of(neuron) for neuron in _spiking(model)]


def _spiking(model: Model) -> list[Model]:
    return [neuron for neuron in find_neurons(model).values() if callable(spike_of(neuron))]


def operations(model: Model, inputs: Array, rows: Array, task: Task) -> Array:
    """Synaptic operations per sample, for some rows of the inputs, in evaluation."""
    with environment(fit=False):
        inputs_at = lambda i: task.to_model(inputs[rows, i])
        return synaptic_operations(model, inputs_at, inputs.shape[1]) / len(rows)


class _Meter:
    """Replaces a neuron's spike function and keeps numbers about its last call."""

    def __init__(
        self,
        neuron: Model,
        measure: Callable[[Number, Number], Array],
        shape: tuple,
        is_mapped: bool,
    ) -> None:
        self._spike, self._measure = spike_of(neuron), measure
        self._reads = _with_all_samples(self._number) if is_mapped else self._number
        self._last = brainstate.ShortTermState(jnp.zeros(shape, jnp.float32))
        self.neurons = 0  # of all samples; known once it has been traced
        set_spike(neuron, self)

    def __call__(self, x: Number) -> Number:
        spikes = self._spike(x)
        self._last.value = self._reads(x, spikes)
        return spikes

    def _number(self, x: Number, spikes: Number) -> Array:
        self.neurons = max(self.neurons, np.size(spikes))  # traced for one sample, too
        return self._measure(x, spikes).astype(jnp.float32)

    def read(self) -> Array:
        counted = self._last.value
        self._last.value = jnp.zeros_like(counted)
        return counted


def _with_all_samples(function: Callable[..., Array]) -> Callable[..., Array]:
    """The function, called once for all samples where a model is mapped over them."""
    whole = jax.custom_batching.custom_vmap(function)
    whole.def_vmap(lambda size, batched, *arrays: (function(*arrays), False))
    return whole

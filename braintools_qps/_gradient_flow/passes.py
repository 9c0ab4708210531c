"""One pass forward through a traced model, and the pass backward for given surrogate slopes.

A surrogate only decides the slope at each call of a spike function. The forward pass records the
arguments of all calls. A candidate then costs its slopes and one backward pass, the same compiled
program for all candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from .._jaxpr import Tap
from .operations import Counter, projections
from .step import Arrays, Step, is_real
from .tracing import step_as_is


class Forward(NamedTuple):
    """The record of a run, with time steps along the first axis of each array."""

    inputs: list[Array]  # the index of the step comes first
    states: list[Array]  # the written states, as they are before each step
    outputs: list[Array]
    arguments: list[Array]  # of each call of a spike function
    fired: list[Array]  # whether the neurons of each population sent a spike
    operations: dict[str, Array]  # by sender: weights met, and those multiplied by a number


class Backward(NamedTuple):
    """Adjoints of each population's membrane, reduced to amplitudes and cosines.

    ``amplitudes`` are root mean squares. ``cosines`` compare the adjoint of a step with that of the
    step after it. Both have the shape (populations, time, draws). ``zeros`` counts the elements of
    each parameter without gradient, and ``not_finite`` those whose gradient is NaN or infinite.
    """

    amplitudes: Array
    cosines: Array
    zeros: Array
    not_finite: Array


def forward(step: Step, arrays: Arrays, indexed: list[Array]) -> Forward:
    """Run the model over inputs from `with_index`, with time along their first axis."""

    weighted = projections(step)

    def advance(written: list[Array], x: list[Array]) -> tuple[list[Array], tuple]:
        states = replaced(arrays.states, step.written, written)
        counter = Counter(weighted)
        result = step(arrays.constants, x, states, tap=Tap(watch=counter.watch))
        fired = [spikes != 0 for spikes in result.spikes]
        return result.written, (written, result.outputs, result.arguments, fired, counter.counts)

    start = [arrays.states[i] for i in step.written]
    return Forward(indexed, *jax.lax.scan(advance, start, indexed)[1])


def synaptic_operations(model: Any, inputs_at: Callable[[Array], Any], steps: int) -> Array:
    """Synaptic operations of a model over time, summed over samples; also within a trace.

    ``inputs_at`` gives the inputs of a step, so that they are never held all at once.
    """
    step = step_as_is(model, inputs_at(jnp.asarray(0, jnp.int32)))
    weighted, (constants, states) = projections(step), step.arrays

    def advance(written: list[Array], i: Array) -> tuple[list[Array], Array]:
        counter = Counter(weighted)
        x = [i, *jax.tree.leaves(inputs_at(i))]
        now = replaced(states, step.written, written)
        result = step(constants, x, now, tap=Tap(watch=counter.watch))
        return result.written, sum(counter.counts.values(), jnp.zeros(2))[0]

    start = [states[i] for i in step.written]
    return jnp.sum(jax.lax.scan(advance, start, jnp.arange(steps, dtype=jnp.int32))[1])


def with_index(inputs: Any) -> list[Array]:
    """The index of each step, followed by the leaves of the inputs."""
    leaves = jax.tree.leaves(inputs)
    return [jnp.arange(leaves[0].shape[0], dtype=jnp.int32), *map(jnp.asarray, leaves)]


def backward(
    step: Step,
    arrays: Arrays,
    run: Forward,
    slopes: Sequence[Array],
    cotangents: Sequence[Array],
) -> Backward:
    """Follow the adjoints of all membranes back through a run.

    Parameters
    ----------
    step, arrays, run
        The traced model, its arrays, and its forward pass.
    slopes : sequence of Array
        The surrogate gradient at the argument of each call, by time step.
    cotangents : sequence of Array
        Derivatives of a loss with respect to the real outputs, of shape (draws, k, ...) for the
        last k steps.
    """
    frame = Frame(step, arrays, run, cotangents)

    def back(carry: tuple, now: tuple) -> tuple[tuple, tuple[list[Array], list[Array]]]:
        adjoint, total, later = carry
        before, share, membranes = frame.pull(now)(frame.loss(now), adjoint)
        cosines = [cosine(one, other) for one, other in zip(membranes, later)]
        total = jax.tree.map(jnp.add, total, share)
        return (before, total, membranes), (list(map(root_mean_square, membranes)), cosines)

    carry = frame.no_adjoint(), frame.zeros(frame.parameters), frame.zeros(frame.membranes)
    by_step = frame.by_step(list(slopes))
    (_, total, _), (amplitudes, cosines) = jax.lax.scan(back, carry, by_step, reverse=True)
    zeros = [jnp.sum(jnp.all(gradient == 0, axis=0)) for gradient in total]
    bad = [jnp.sum(~jnp.all(jnp.isfinite(gradient), axis=0)) for gradient in total]
    return Backward(jnp.stack(amplitudes), jnp.stack(cosines), jnp.asarray(zeros), jnp.asarray(bad))


class Frame:
    """The steps of a run and their pullbacks, shared by all backward passes."""

    def __init__(self, step: Step, arrays: Arrays, run: Forward, cotangents: Sequence[Array]):
        self.step, self.arrays, self.run, self.cotangents = step, arrays, run, cotangents
        self.real = [j for j, i in enumerate(step.written) if is_real(arrays.states[i])]
        self.parameters = [arrays.states[i] for i in step.parameters]
        self.membranes = [run.states[p.membrane][0] for p in step.populations]
        self.draws = cotangents[0].shape[0]

    def by_step(self, slopes: list[Array]) -> tuple:
        """The arrays that a scan over the steps takes."""
        times = jnp.arange(self.run.inputs[0].shape[0])
        return times, self.run.inputs, self.run.states, slopes

    def zeros(self, arrays: Sequence[Array]) -> list[Array]:
        """Zero for every draw."""
        return [jnp.zeros((self.draws, *x.shape), x.dtype) for x in arrays]

    def no_adjoint(self) -> list[Array]:
        """The adjoint of the states after the last step: zero."""
        return self.zeros([self.run.states[j][0] for j in self.real])

    def loss(self, now: tuple) -> list[Array]:
        """Derivatives of the loss with respect to the outputs of a step."""
        steps = self.run.inputs[0].shape[0]
        return [_at(cotangent, now[0] - steps) for cotangent in self.cotangents]

    def no_loss(self) -> list[Array]:
        """Zeros in place of the derivatives of the loss."""
        return [jnp.zeros_like(cotangent[:, 0]) for cotangent in self.cotangents]

    def pull(
        self, now: tuple, *, spiking: bool = True, blocked: bool = False
    ) -> Callable[[list[Array], list[Array]], tuple]:
        """The pullback of one step, for all draws.

        It takes the adjoints of the outputs and of the states after the step. It gives those of the
        states before the step, of the parameters, and of the membrane values that the step stores.
        Without ``spiking``, no derivative passes a spike. With ``blocked``, none passes from one
        neuron to another.
        """
        _, x, written, slopes = now
        if not spiking:
            slopes = [jnp.zeros_like(slope) for slope in slopes]

        def advance(real: Any, weights: Any, perturbations: Any) -> tuple[list, list]:
            states = replaced(written, self.real, real)
            states = replaced(self.arrays.states, self.step.written, states)
            states = replaced(states, self.step.parameters, weights)
            tap = Tap(slopes=iter(slopes), blocked=blocked)
            result = self.step(self.arrays.constants, x, states, perturbations, tap)
            return list(filter(is_real, result.outputs)), [result.written[j] for j in self.real]

        perturbations = [jnp.zeros_like(membrane) for membrane in self.membranes]
        real = [written[j] for j in self.real]
        _, pull = jax.vjp(advance, real, self.parameters, perturbations)
        return lambda loss, adjoint: jax.vmap(pull)((loss, adjoint))


def replaced(values: Sequence[Any], positions: Sequence[int], changed: Sequence[Any]) -> list[Any]:
    """The values, with others in some positions."""
    result = list(values)
    for position, value in zip(positions, changed):
        result[position] = value
    return result


def root_mean_square(adjoint: Array) -> Array:
    """Root mean square per draw, relative to the largest entry: float32 squares may underflow."""
    largest, relative = _relative(adjoint)
    return largest * jnp.sqrt(jnp.mean(relative**2, axis=-1))


def cosine(one: Array, other: Array) -> Array:
    """Cosine of the angle between two adjoints, per draw; 0 where one of them is 0."""
    (_, one), (_, other) = _relative(one), _relative(other)
    norms = jnp.linalg.norm(one, axis=-1) * jnp.linalg.norm(other, axis=-1)
    return jnp.sum(one * other, axis=-1) / jnp.where(norms == 0, 1, norms)


def _relative(adjoint: Array) -> tuple[Array, Array]:
    """The largest entry of each draw, and all entries divided by it, of shape (draws, entries)."""
    flat = adjoint.reshape(len(adjoint), -1)
    flat = flat.astype(jnp.promote_types(flat.dtype, jnp.float32))
    largest = jnp.max(jnp.abs(flat), axis=-1)
    return largest, flat / jnp.where(largest == 0, 1, largest)[:, None]


def _at(cotangent: Array, back: Array) -> Array:
    """The cotangent of one step, where -1 is the last. Zero before the first."""
    index = cotangent.shape[1] + back
    return jnp.where(index >= 0, cotangent[:, jnp.maximum(index, 0)], 0)

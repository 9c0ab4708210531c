"""One pass forward through a traced model, and the pass backward for given surrogate slopes.

What a surrogate decides is its slope at each call of a spike function. The forward pass knows the
arguments of all calls, so that a candidate costs its slopes and one backward pass, which is the
same compiled program for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from .._jaxpr import Call, Tap
from .step import Arrays, Step, is_real


class Forward(NamedTuple):
    """What a run leaves behind, by time step along the first axis."""

    inputs: list[Array]  # the index of the step before all others
    states: list[Array]  # those that are written, before the step
    outputs: list[Array]
    calls: list[Call]


class Backward(NamedTuple):
    """What is left of the adjoints of each population's membrane, and idle parameters.

    ``amplitudes``, the root mean square, and ``cosines``, between the adjoint of a step and that of
    the step after it, have the shape (populations, time, draws).
    """

    amplitudes: Array
    cosines: Array
    zero_parameters: Array


def forward(step: Step, arrays: Arrays, indexed: list[Array]) -> Forward:
    """Run the model over inputs with time along their first axis, the index of each step first."""

    def advance(written: list[Array], x: list[Array]) -> tuple[list[Array], tuple]:
        states = replaced(arrays.states, step.written, written)
        outputs, after, calls = step(arrays.constants, x, states)
        return after, (written, outputs, calls)

    start = [arrays.states[i] for i in step.written]
    return Forward(indexed, *jax.lax.scan(advance, start, indexed)[1])


def with_index(inputs: Any) -> list[Array]:
    """The leaves of the inputs, the index of each step before them."""
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
        The traced model, what it computes with, and its forward pass.
    slopes : sequence of Array
        The surrogate gradient at the argument of each call, by time step.
    cotangents : sequence of Array
        Derivatives of a loss by the real outputs, of shape (draws, k, ...) for the last k steps.
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
    zero = sum(jnp.sum(jnp.all(gradient == 0, axis=0)) for gradient in total)
    return Backward(jnp.stack(amplitudes), jnp.stack(cosines), jnp.asarray(zero))


class Frame:
    """What every pass backward through a run shares: its steps and how to pull through one."""

    def __init__(self, step: Step, arrays: Arrays, run: Forward, cotangents: Sequence[Array]):
        self.step, self.arrays, self.run, self.cotangents = step, arrays, run, cotangents
        self.real = [j for j, i in enumerate(step.written) if is_real(arrays.states[i])]
        self.parameters = [arrays.states[i] for i in step.parameters]
        self.membranes = [run.states[p.membrane][0] for p in step.populations]
        self.draws = cotangents[0].shape[0]

    def by_step(self, slopes: list[Array]) -> tuple:
        """What a scan over the steps runs through."""
        times = jnp.arange(self.run.inputs[0].shape[0])
        return times, self.run.inputs, self.run.states, slopes

    def zeros(self, arrays: Sequence[Array]) -> list[Array]:
        """Zero for every draw."""
        return [jnp.zeros((self.draws, *x.shape), x.dtype) for x in arrays]

    def no_adjoint(self) -> list[Array]:
        """The adjoint of the states after the last step: zero."""
        return self.zeros([self.run.states[j][0] for j in self.real])

    def loss(self, now: tuple) -> list[Array]:
        """Derivatives of the loss by the outputs of a step."""
        steps = self.run.inputs[0].shape[0]
        return [_at(cotangent, now[0] - steps) for cotangent in self.cotangents]

    def no_loss(self) -> list[Array]:
        """The same where the loss does not count."""
        return [jnp.zeros_like(cotangent[:, 0]) for cotangent in self.cotangents]

    def pull(
        self, now: tuple, *, spiking: bool = True, blocked: bool = False
    ) -> Callable[[list[Array], list[Array]], tuple]:
        """The pullback of one step, for all draws: from outputs and states after the step.

        It leads to the states before the step, to the parameters, and to the membranes where they
        are stored. Without ``spiking`` no derivative passes a spike, with ``blocked`` none passes
        from one neuron to another.
        """
        _, x, written, slopes = now
        if not spiking:
            slopes = [jnp.zeros_like(slope) for slope in slopes]

        def advance(real: Any, weights: Any, perturbations: Any) -> tuple[list, list]:
            states = replaced(written, self.real, real)
            states = replaced(self.arrays.states, self.step.written, states)
            states = replaced(states, self.step.parameters, weights)
            tap = Tap(slopes=iter(slopes), blocked=blocked)
            outputs, after, _ = self.step(self.arrays.constants, x, states, perturbations, tap)
            return list(filter(is_real, outputs)), [after[j] for j in self.real]

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
    """Root mean square per draw, by way of the largest: squares would underflow in float32."""
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
    """The cotangent of one step, counted from behind (-1 is the last); 0 before the first."""
    index = cotangent.shape[1] + back
    return jnp.where(index >= 0, cotangent[:, jnp.maximum(index, 0)], 0)

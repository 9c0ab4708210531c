"""One pass forward through a traced model, and the pass backward for given surrogate slopes.

What a surrogate decides is its slope at each call of a spike function. The forward pass knows the
arguments of all calls, so that a candidate costs its slopes and one backward pass, which is the
same compiled program for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array

from .jaxpr import Call
from .step import Step, is_real

STREAM = 20220200  # any number that nobody else folds in


class Forward(NamedTuple):
    """What a run leaves behind, by time step along the first axis."""

    inputs: list[Array]  # the index of the step before all others
    states: list[Array]  # those that are written, before the step
    outputs: list[Array]
    calls: list[Call]


class Backward(NamedTuple):
    """Root mean square of each membrane's adjoint by step and draw, and which parameters have none.

    ``amplitudes`` has the shape (populations, time, draws).
    """

    amplitudes: Array
    zero_parameters: Array


def forward(step: Step, inputs: Any) -> Forward:
    """Run the model over inputs that have time along their first axis."""
    leaves = jax.tree.leaves(inputs)
    indexed = [jnp.arange(leaves[0].shape[0], dtype=jnp.int32), *map(jnp.asarray, leaves)]

    def advance(written: list[Array], x: list[Array]) -> tuple[list[Array], tuple]:
        outputs, after, calls = step(x, _with(step.initial, step.written, written))
        return after, (written, outputs, calls)

    start = [step.initial[i] for i in step.written]
    run = jax.jit(lambda start, xs: jax.lax.scan(advance, start, xs)[1])
    return Forward(indexed, *run(start, indexed))


def backward(
    step: Step, run: Forward, slopes: Sequence[Array], cotangents: Sequence[Array]
) -> Backward:
    """Follow the adjoints of all membranes back through a run.

    Parameters
    ----------
    step, run
        The traced model and its forward pass.
    slopes : sequence of Array
        The surrogate's derivative at the argument of each call, by time step.
    cotangents : sequence of Array
        Derivatives of a loss by the real outputs, of shape (draws, k, ...) for the last k steps.
    """
    perturbations = [jnp.zeros_like(run.states[p.membrane][0]) for p in step.populations]
    written_real = [j for j, i in enumerate(step.written) if is_real(step.initial[i])]
    parameters = [step.initial[i] for i in step.parameters]

    def back(carry: tuple, now: tuple) -> tuple[tuple, list[Array]]:
        time, x, written, slope = now

        def advance(real_states, parameters, perturbations):
            states = _with(step.initial, step.written, _with(written, written_real, real_states))
            states = _with(states, step.parameters, parameters)
            outputs, after, _ = step(x, states, perturbations, slope)
            return list(filter(is_real, outputs)), [after[j] for j in written_real]

        adjoint, total = carry
        _, pull = jax.vjp(advance, [written[j] for j in written_real], parameters, perturbations)
        loss = [_at(c, time - steps) for c in cotangents]
        adjoint, share, membranes = jax.vmap(pull)((loss, adjoint))
        return (adjoint, jax.tree.map(jnp.add, total, share)), list(map(_amplitude, membranes))

    steps = run.inputs[0].shape[0]
    draws = cotangents[0].shape[0]
    zeros = lambda arrays: [jnp.zeros((draws, *x.shape), x.dtype) for x in arrays]
    carry = zeros(run.states[j][0] for j in written_real), zeros(parameters)
    by_step = (jnp.arange(steps), run.inputs, run.states, list(slopes))
    (_, total), amplitudes = jax.lax.scan(back, carry, by_step, reverse=True)
    zero = sum(jnp.sum(jnp.all(gradient == 0, axis=0)) for gradient in total)
    return Backward(jnp.stack(amplitudes), jnp.asarray(zero))


def projections(run: Forward, draws: int, seed: int) -> list[Array]:
    """Cotangents of random projections of the last step's real outputs.

    Raises
    ------
    ValueError
        If the model returns no real numbers.
    """
    outputs = list(filter(is_real, run.outputs))
    if not outputs:
        raise ValueError("the model must return an array of real numbers at each step, got none")
    # Weights that were drawn from the same seed must not be what the outputs are projected on.
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), STREAM), len(outputs))
    return [
        jax.random.normal(key, (draws, 1, *output.shape[1:]), output.dtype)
        for key, output in zip(keys, outputs)
    ]


def loss_cotangents(step: Step, run: Forward, loss: Callable[[Any], Any]) -> list[Array]:
    """Derivatives of a loss by the real outputs of all steps, as a single draw.

    Raises
    ------
    ValueError
        If the loss is not a scalar.
    """
    real = [i for i, output in enumerate(run.outputs) if is_real(output)]

    def value(outputs: list[Array]) -> Array:
        result = loss(jax.tree.unflatten(step.output_tree, _with(run.outputs, real, outputs)))
        result = jnp.asarray(u.get_mantissa(result))
        if result.shape != ():
            raise ValueError(f"loss(outputs) must return a scalar, got shape {result.shape}")
        return result

    gradients = jax.jit(jax.grad(value))([run.outputs[i] for i in real])
    return [gradient[None] for gradient in gradients]


def slopes_of(
    surrogate: Callable[[Any], Any],
    argument: Array,
    unit: u.Unit | None,
    width: Array | float = 1.0,
    gain: Array | float = 1.0,
) -> Array:
    """Derivative of a surrogate, made ``width`` times as wide and ``gain`` times as high."""

    def spikes(x: Array) -> Array:
        return u.get_mantissa(surrogate(x if unit is None else u.Quantity(x, unit=unit)))

    values, pull = jax.vjp(spikes, argument / width)
    (slope,) = pull(jnp.ones_like(values))
    return (slope * (gain / width)).astype(argument.dtype)


def _with(values: Sequence[Any], positions: Sequence[int], changed: Sequence[Any]) -> list[Any]:
    result = list(values)
    for position, value in zip(positions, changed):
        result[position] = value
    return result


def _at(cotangent: Array, back: Array) -> Array:
    """The cotangent of one step, counted from behind (-1 is the last); 0 before the first."""
    index = cotangent.shape[1] + back
    return jnp.where(index >= 0, cotangent[:, jnp.maximum(index, 0)], 0)


def _amplitude(adjoint: Array) -> Array:
    """Root mean square per draw, by way of the largest: squares would underflow in float32."""
    axes = tuple(range(1, adjoint.ndim))
    adjoint = adjoint.astype(jnp.promote_types(adjoint.dtype, jnp.float32))
    largest = jnp.max(jnp.abs(adjoint), axis=axes)
    safe = jnp.where(largest == 0, 1, largest)
    relative = adjoint / safe.reshape(-1, *(1 for _ in axes))
    return largest * jnp.sqrt(jnp.mean(relative**2, axis=axes))

"""One pass forward through a traced model, and the pass backward for given surrogate slopes.

A surrogate only affects the slope at each call of a spike function. The forward pass records the
arguments of all calls. Each candidate then needs its slopes and one backward pass, whose program is
compiled once for all candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.stages import Wrapped

from .._jaxpr import Tap
from ..typing import Inputs, Model, SpikeFunction
from .operations import COUNTS, count, projections
from .step import Arrays, Spikes, Step, is_real
from .tracing import step_as_is

HUGE = 1e9  # of a membrane potential: the largest |x / scale| for which surrogates are promised


class Forward(NamedTuple):
    """The record of a run, with time steps along the first axis of each array."""

    inputs: list[Array]  # the index of the step comes first
    states: list[Array]  # the written states, as they are before each step
    outputs: list[Array]
    arguments: list[Array]  # of each call of a spike function
    fired: list[Array]  # whether the neurons of each population sent a spike
    operations: dict[str, Array]  # by sender: weights met, and those multiplied by a number


_known: ContextVar[dict[Any, Wrapped] | None] = ContextVar("known programs", default=None)


@contextmanager
def compiling_once() -> Iterator[None]:
    """Compile a program once for all steps that compute the same, within this context."""
    known = _known.get()
    token = _known.set({} if known is None else known)
    try:
        yield
    finally:
        _known.reset(token)


def compiled(function: Callable[..., Any], step: Step, *given: Spikes) -> Wrapped:
    """Compile a function for a step, and perhaps surrogates; the program takes the arrays."""
    program, known = jax.jit(partial(function, step, *given)), _known.get()
    key = function, step.program, *(_identity(spike) for of in given for spike in of.values())
    return program if known is None else known.setdefault(key, program)


def _identity(spike: SpikeFunction) -> Any:
    """A key that tells surrogates apart: the surrogate, or the id of one without a hash."""
    try:
        hash(spike)
    except TypeError:
        return id(spike)
    return spike


def forward(step: Step, arrays: Arrays, indexed: list[Array]) -> Forward:
    """Run the model over inputs from `with_index`, with time along their first axis."""
    weighted = projections(step)

    def advance(written: list[Array], x: list[Array]) -> tuple[list[Array], tuple]:
        counts: dict[str, Array] = {}
        result = step(arrays, x, written, Tap(watch=partial(count, weighted, counts)))
        fired = [spikes != 0 for spikes in result.spikes]
        return result.written, (written, result.outputs, result.arguments, fired, counts)

    return Forward(indexed, *jax.lax.scan(advance, step.start(arrays), indexed)[1])


def synaptic_operations(model: Model, inputs_at: Callable[[Array], Any], steps: int) -> Array:
    """Synaptic operations of a model over time, summed over samples; also within a trace.

    ``inputs_at`` gives the inputs of a step, so that they are never held all at once.
    """
    step = step_as_is(model, inputs_at(jnp.asarray(0, jnp.int32)))
    weighted, indices = projections(step), jnp.arange(steps, dtype=jnp.int32)

    def advance(written: list[Array], i: Array) -> tuple[list[Array], Array]:
        counts: dict[str, Array] = {}
        x = [i, *jax.tree.leaves(inputs_at(i))]
        result = step(step.arrays, x, written, Tap(watch=partial(count, weighted, counts)))
        return result.written, sum(counts.values(), jnp.zeros(2, COUNTS))[0]

    return jnp.sum(jax.lax.scan(advance, step.start(step.arrays), indices)[1])


def with_index(inputs: Inputs) -> list[Array]:
    """The index of each step, followed by the leaves of the inputs."""
    leaves = jax.tree.leaves(inputs)
    return [np.arange(len(leaves[0]), dtype=np.int32), *leaves]


def backward(
    step: Step,
    arrays: Arrays,
    run: Forward,
    slopes: Sequence[Array],
    cotangents: Sequence[Array],
) -> tuple[Array, Array]:
    """Take the gradient of a loss back through a run, one step after the other.

    Parameters
    ----------
    step, arrays, run
        The traced model, its arrays, and its forward pass.
    slopes : sequence of Array
        The surrogate gradient at the argument of each call, by time step.
    cotangents : sequence of Array
        Derivatives of a loss with respect to the real outputs, of shape (draws, k, ...) for the
        last k steps.

    Returns
    -------
    amplitudes, cosines : Array
        Root mean squares of the gradient with respect to each membrane, and its cosines with that
        of the step after it, of shape (populations, time, draws).
    """
    start, steps = step.start(arrays), len(run.inputs[0])
    smooth = [j for j, state in enumerate(start) if jnp.issubdtype(state.dtype, jnp.inexact)]
    membranes = [jnp.zeros_like(start[p.membrane]) for p in step.populations]
    stored = [p.stored for p in step.populations]

    def back(after: tuple, now: tuple) -> tuple[tuple, tuple[list[Array], ...]]:
        """Take the gradients with respect to states and membranes back over one step."""
        i, x, written, slopes = now

        def advance(before: Any, perturbations: Any) -> tuple[list, list]:
            each, states = iter(slopes), replaced(written, smooth, before)
            tap = Tap(lambda name, argument: next(each))
            result = step(arrays, x, states, tap, dict(zip(stored, perturbations)))
            return list(filter(is_real, result.outputs)), [result.written[j] for j in smooth]

        _, pull = jax.vjp(advance, [written[j] for j in smooth], membranes)
        of_states, of_membranes = after
        loss = [_at(cotangent, i - steps) for cotangent in cotangents]
        # Not vmap, for which sparse products have no rule.
        before, sensed = jax.lax.map(pull, (loss, of_states))
        cosines = list(map(cosine, sensed, of_membranes))
        return (before, sensed), (list(map(root_mean_square, sensed)), cosines)

    zeros = lambda x: jnp.zeros((len(cotangents[0]), *x.shape), x.dtype)
    last = [zeros(start[j]) for j in smooth], list(map(zeros, membranes))
    by_step = jnp.arange(steps), run.inputs, run.states, list(slopes)
    amplitudes, cosines = jax.lax.scan(back, last, by_step, reverse=True)[1]
    return jnp.stack(amplitudes), jnp.stack(cosines)


def replaced(values: Sequence[Any], positions: Sequence[int], changed: Sequence[Any]) -> list[Any]:
    """A copy of the values, changed at these positions."""
    result = list(values)
    for position, value in zip(positions, changed):
        result[position] = value
    return result


def root_mean_square(adjoint: Array) -> Array:
    """Root mean square per draw, relative to the largest entry: float32 squares may underflow."""
    largest, relative = _relative(adjoint)
    return largest * jnp.sqrt(jnp.mean(jnp.abs(relative) ** 2, axis=-1))


def cosine(one: Array, other: Array) -> Array:
    """Cosine of the angle between two adjoints, per draw; 0 where one of them is 0."""
    (_, one), (_, other) = _relative(one), _relative(other)
    norms = jnp.linalg.norm(one, axis=-1) * jnp.linalg.norm(other, axis=-1)
    return jnp.sum(one * other.conj(), axis=-1).real / jnp.where(norms == 0, 1, norms)


def _relative(adjoint: Array) -> tuple[Array, Array]:
    """The largest entry of each draw, and all entries divided by it, of shape (draws, entries)."""
    flat = adjoint.reshape(len(adjoint), -1)
    flat = flat.astype(jnp.promote_types(flat.dtype, jnp.float32))
    largest = jnp.max(jnp.abs(flat), axis=-1)
    return largest, flat / jnp.where(largest == 0, 1, largest)[:, None]


def _at(cotangent: Array, back: Array) -> Array:
    """The cotangent of one step, counted back from the last, -1; zero before the first."""
    index = cotangent.shape[1] + back
    return jnp.where(index >= 0, cotangent[:, jnp.maximum(index, 0)], 0)

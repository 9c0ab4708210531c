"""Derivatives of an objective with respect to the outputs: the start of the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._wording import listed
from .passes import Forward, replaced
from .step import Step, is_real

ENOUGH, MOST_DRAWS = 16, 8  # enough draws times samples for an average; the most draws
STREAM = 20220200  # keeps our random numbers independent of the user's with the same seed


class Objective(NamedTuple):
    """A function of the outputs, or random projections of the last step's, from a seed.

    The more samples there are to average over, the fewer projections are drawn.
    """

    function: Callable[[Any], Any] | None = None
    seed: int = 0

    def cotangents(self, step: Step, run: Forward, batch: int | None) -> Cotangents:
        """The derivatives of the objective with respect to the outputs of a run.

        Raises
        ------
        ValueError
            If the model returns no real numbers.
        """
        if not any(map(is_real, run.outputs)):
            raise ValueError(
                "the model must return an array of real numbers at each step, got none. Return its "
                "spikes or a readout"
            )
        if self.function is None:
            draws = min(max(ENOUGH // (batch or 1), 1), MOST_DRAWS)
            random = np.random.default_rng([STREAM, self.seed])  # NumPy's: nothing to compile
            draw = lambda x: random.normal(size=(draws, 1, *x.shape[1:])).astype(x.dtype)
            return Cotangents([jax.device_put(draw(x)) for x in run.outputs if is_real(x)])
        return of_function(step, run, self.function)


class Cotangents(NamedTuple):
    """Derivatives of one or several objectives with respect to the real outputs.

    ``values`` have the shape (draws, k, ...) for the last k steps. ``value`` is that of the
    objective, 0 for random projections. An objective ``is_flat`` if its gradient is 0 for other
    outputs, too.
    """

    values: list[Array]
    value: float = 0.0
    is_flat: bool = False


def of_function(step: Step, run: Forward, function: Callable[[Any], Any]) -> Cotangents:
    """The value of the user's objective, and its derivatives with respect to the outputs.

    Raises
    ------
    TypeError
        If the objective cannot be called.
    """
    if not callable(function):
        raise TypeError(
            "objective must be a function from the outputs of all steps to a scalar, got "
            f"{function!r}. For example objective=lambda outputs: jax.numpy.mean(outputs[-1] ** 2)"
        )
    real = [i for i, output in enumerate(run.outputs) if is_real(output)]

    @jax.jit
    def derivatives(outputs: list[Array]) -> tuple[Array, list[Array]]:
        value = lambda x: value_of(function, step, replaced(run.outputs, real, x))
        loss, gradients = jax.value_and_grad(value)(outputs)
        return loss, [gradient[None] for gradient in gradients]

    draws = np.random.default_rng(STREAM)
    given = [run.outputs[i] for i in real]
    loss, gradients = derivatives(given)
    is_flat = bool(np.isfinite(loss)) and not any(map(np.any, gradients))
    if is_flat:
        others = [x + draws.normal(size=x.shape).astype(x.dtype) for x in given]
        is_flat = not any(map(np.any, derivatives(others)[1]))
    return Cotangents(gradients, float(loss), is_flat)


def value_of(function: Callable[[Any], Any], step: Step, outputs: Sequence[Array]) -> Array:
    """The user's objective for the outputs of all steps, without its unit.

    Raises
    ------
    ValueError
        If it is not a scalar. A note on any other error says what the outputs are.
    """
    given = jax.tree.unflatten(step.output_tree, outputs)
    try:
        result = function(given)
    except Exception as error:
        shapes = jax.tree.map(jnp.shape, given)
        error.add_note(
            f"This was in objective(outputs), with outputs of the shapes {shapes}. It gets the "
            "outputs only: let the model return what it needs of the model's states"
        )
        raise
    shapes = [jnp.shape(part) for part in jax.tree.leaves(result)]
    if shapes != [()]:
        raise ValueError(
            f"objective(outputs) must return a scalar, got shape {listed(shapes)}. Return its "
            "mean or sum, and nothing else"
        )
    return jnp.asarray(*jax.tree.leaves(result))

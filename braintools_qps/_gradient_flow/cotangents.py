"""Where the way back begins: derivatives of an objective with respect to the outputs of a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._checks import checked_seed
from .passes import Forward, replaced
from .step import Step, is_real

MOST_DRAWS = 1_000_000
STREAM = 20220200  # any number that nobody else folds in


class Objective(NamedTuple):
    """A function of the outputs, or random projections of the last step's, from a seed."""

    function: Callable[[Any], Any] | None = None
    draws: int = 1
    seed: int = 0

    def cotangents(self, step: Step, run: Forward) -> Cotangents:
        """Its derivatives with respect to the outputs of a run."""
        if self.function is None:
            return projections(run, self.draws, self.seed)
        return of_outputs(step, run, self.function)


class Cotangents(NamedTuple):
    """Derivatives of an objective with respect to the real outputs, several draws of them.

    ``values`` have the shape (draws, k, ...) for the last k steps. ``whole`` are the draws of the
    objective as it is, ``transported`` those of one step's outputs alone.
    """

    values: list[Array]
    whole: slice = slice(None)
    transported: slice = slice(None)


def check_draws(draws: int, seed: int) -> None:
    """Check how many projections there are to be, and from which seed.

    Raises
    ------
    TypeError
        If the seed is not an integer.
    ValueError
        If it is none of JAX's, or there are too few or too many draws.
    """
    whole = isinstance(draws, Integral) and not isinstance(draws, bool)
    if not (whole and 1 <= draws <= MOST_DRAWS):
        raise ValueError(
            f"draws must be an integer of 1 or more, got {draws!r}, and at most "
            f"{MOST_DRAWS:,}. Pass draws=8"
        )
    checked_seed(seed)


def projections(run: Forward, draws: int, seed: int) -> Cotangents:
    """Random projections of the last step's real outputs.

    Raises
    ------
    ValueError
        If the model returns no real numbers.
    """
    outputs = list(filter(is_real, run.outputs))
    if not outputs:
        raise ValueError("the model must return an array of real numbers at each step, got none")
    return Cotangents(_projections(np.uint32(seed), outputs, draws))


@partial(jax.jit, static_argnums=2)
def _projections(seed: Any, outputs: list[Array], draws: int) -> list[Array]:
    # Weights that were drawn from the same seed must not be what the outputs are projected on.
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), STREAM), len(outputs))
    return [
        jax.random.normal(key, (draws, 1, *output.shape[1:]), output.dtype)
        for key, output in zip(keys, outputs)
    ]


def of_outputs(step: Step, run: Forward, function: Callable[[Any], Any]) -> Cotangents:
    """A user's function of the outputs of all steps.

    Where it counts the outputs of several steps, a second draw has those of the last of them alone:
    how they travel back, and nothing that is added on the way.

    Raises
    ------
    TypeError
        If it cannot be called.
    ValueError
        If it is not a scalar.
    """
    if not callable(function):
        raise TypeError(
            "objective must be a function from the outputs of all steps to a scalar, got "
            f"{function!r}. For example objective=lambda outputs: jax.numpy.mean(outputs[-1] ** 2)"
        )
    real = [i for i, output in enumerate(run.outputs) if is_real(output)]

    def value(outputs: list[Array]) -> Array:
        result = function(
            jax.tree.unflatten(step.output_tree, replaced(run.outputs, real, outputs))
        )
        result = jnp.asarray(u.get_mantissa(result))
        if result.shape != ():
            raise ValueError(f"objective(outputs) must return a scalar, got shape {result.shape}")
        return result

    gradients = jax.grad(value)([run.outputs[i] for i in real])
    counted = _steps_that_count(gradients)
    if len(counted) < 2:
        return Cotangents([gradient[None] for gradient in gradients])
    last = counted[-1]
    alone = [jnp.zeros_like(g).at[last].set(g[last]) for g in gradients]
    both = [jnp.stack([g, one]) for g, one in zip(gradients, alone)]
    return Cotangents(both, slice(0, 1), slice(1, 2))


def _steps_that_count(gradients: list[Array]) -> np.ndarray:
    """The steps whose outputs the objective depends on."""
    counts = [np.any(np.asarray(g).reshape(len(g), -1) != 0, axis=1) for g in gradients]
    return np.flatnonzero(np.any(counts, axis=0))

"""A loop over time that stores states between parts, and computes the steps within them twice."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax

from .._checks import checked_count, integer
from .._wording import listed, shown


def loop_in_parts(step: Callable[[Any], Any], inputs: Any, parts: int | None = None) -> Any:
    r"""Run a step over time in parts, so that backpropagation takes the memory of one part.

    Values, states and gradients are those of ``brainstate.transform.for_loop(step, inputs)``. It
    stores only the states between the parts. On the way back it runs each part a second time, and
    stores the steps of that part until they have been used. Random numbers are the same in both
    runs.

    Parameters
    ----------
    step : callable
        A function of the inputs of one step, such as a model. It may write states and return
        arrays, which are stacked along time. To need the least memory, return None, and add up in a
        `brainstate.HiddenState` the numbers that the loss needs.
    inputs : array_like, Quantity or pytree of them
        The inputs of all steps, each with time along its first axis.
    parts : int, optional
        Number of parts of equal length; the last one may be shorter. By default a number near the
        square root of the number of steps, which needs the least memory if a step stores as much as
        the states, and one that divides the number of steps if there is one.

    Returns
    -------
    pytree
        The results of the steps, stacked along time.

    Raises
    ------
    ValueError
        If ``parts`` is below 1, or the inputs differ in their number of steps.
    TypeError
        If ``parts`` is not an integer.
    RuntimeError
        If ``JAX_DISABLE_JIT`` is set.

    See Also
    --------
    save_memory : Reduces the memory of each part.

    Examples
    --------
    >>> import brainstate, jax, jax.numpy as jnp
    >>> from braintools_qps import loop_in_parts
    >>> total = brainstate.HiddenState(jnp.zeros(()))
    >>> def step(x):
    ...     total.value = 0.5 * total.value + x
    ...     return total.value
    >>> loop_in_parts(step, jnp.ones(5), parts=2)
    Array([1.    , 1.5   , 1.75  , 1.875 , 1.9375], dtype=float32)
    """
    if parts is not None and integer(parts) is None:
        raise TypeError(
            f"parts must be an integer, got {shown(parts)}. Pass several inputs as one pytree, "
            "(xs, ys), which step takes as one argument"
        )
    # Without jit, jax.checkpoint traces all the same.
    if jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        raise RuntimeError(
            "loop_in_parts needs jit, and JAX_DISABLE_JIT is set. Unset it, or use "
            "brainstate.transform.for_loop while you debug"
        )
    steps, *others = map(len, jax.tree.leaves(inputs))
    if {*others} - {steps}:
        raise ValueError(
            "all inputs must have the same number of steps, along their first axis, got "
            f"{listed([steps, *others], last='and')}. Cut them to one length"
        )
    parts = _about_the_root(steps) if parts is None else checked_count("parts", parts)
    size = max(1, math.ceil(steps / parts))
    part = brainstate.transform.checkpoint(partial(brainstate.transform.for_loop, step))
    count = steps // size
    split = lambda x: x[: count * size].reshape(count, size, *x.shape[1:])
    whole = brainstate.transform.for_loop(part, jax.tree.map(split, inputs))
    whole = jax.tree.map(lambda y: y.reshape(count * size, *y.shape[2:]), whole)
    if count * size == steps:
        return whole
    rest = part(jax.tree.map(lambda x: x[count * size :], inputs))
    return jax.tree.map(lambda *pair: u.math.concatenate(pair), whole, rest)


def _about_the_root(steps: int) -> int:
    """A divisor of the steps, from half to twice their square root; else the root.

    A shorter last part would take copies of the inputs.
    """
    root = max(round(math.sqrt(steps)), 1)
    near = sorted(range(root // 2 + 1, 2 * root), key=lambda parts: abs(parts - root))
    return next((parts for parts in near if steps % parts == 0), root)

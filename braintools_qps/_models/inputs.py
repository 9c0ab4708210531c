"""Inputs by time step: checked, and described as they are read."""

from __future__ import annotations

from functools import partial
from os import PathLike
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from .._defaults import SAMPLES
from .._wording import listed
from ..typing import Batches, Inputs

SHOWN = 3  # shapes in a message

# By ``batch_first``: the axes, and the code for a table of samples and for one sequence.
AXES = "(time, samples, features...)", "(samples, time, features...)"
WITH_SAMPLES = (
    ("jnp.broadcast_to(inputs, (30, *inputs.shape))", "inputs[:, None]"),
    ("jnp.repeat(inputs[:, None], 30, axis=1)", "inputs[None]"),
)


def described_inputs(inputs: Inputs, used: int | None = None) -> str:
    """Describe checked inputs, as "30 time steps of 1 ms, 64 samples, 20 features in mA".

    ``used`` is the number of samples that are used, by default all.
    """
    arrays = jax.tree.leaves(inputs, is_leaf=u.math.is_quantity)
    batch, dt = batch_size(inputs), brainstate.environ.get("dt", None)
    steps = len(arrays[0])
    size = "" if dt is None else f" of {u.get_mantissa(dt):g} {u.get_unit(dt)}".removesuffix(" 1")
    parts = [f"{steps} time step{'s' * (steps != 1)}{size}"]
    if batch is not None:
        some = "" if used in (None, batch) else f"{used} of "
        parts.append(f"{some}{batch} sample{'s' * (batch != 1)}")
    return ", ".join([*parts, listed(map(partial(_features, batch), arrays), last="and")])


def _features(batch: int | None, x: Any) -> str:
    """The features of an array, with their unit."""
    sizes, unit = x.shape[1 + (batch is not None) :], u.get_unit(x)
    named = f"{' x '.join(map(str, sizes)) or 1} feature{'s' * (sizes not in [(), (1,)])}"
    return named if unit.is_unitless else f"{named} in {unit}"


def checked_inputs(
    data: Inputs, *, batch_first: bool = False, several_samples: bool = False
) -> Any:
    """The inputs as arrays, each with time along its first axis.

    ``data`` is an array, a pytree of arrays, or a task, of which a batch is taken. With
    ``batch_first``, arrays have samples along their first axis and time along the second.

    Raises
    ------
    TypeError
        If it is a name or a path.
    ValueError
        If an axis is empty, or not all parts have the same numbers of time steps and samples, or
        there must be ``several_samples`` and no axis is for them.
    """
    if isinstance(data, (str, PathLike)):
        raise TypeError(f"inputs must be arrays or a Task, got {data!r}. Pass load_task({data!r})")
    if isinstance(data, Batches):
        return jax.tree.map(jnp.asarray, data.batch(SAMPLES)[0])
    arrays = jax.tree.map(jnp.asarray, data)
    inputs = axes_swapped(arrays) if batch_first else arrays
    batch = batch_size(inputs)
    _check_axes(inputs, 1 if batch is None else 2, is_list=isinstance(data, (list, tuple)))
    if several_samples and batch is None:
        table, sequence = WITH_SAMPLES[batch_first]
        raise ValueError(
            f"inputs must have the shape {AXES[batch_first]}, got {shapes_text(arrays)}. If it is "
            f"a table of samples, show each row at every step: {table}. If it is one sequence, "
            f"pass {sequence}"
        )
    return inputs


def axes_swapped(inputs: Inputs) -> Inputs:
    """The inputs with the axes of time and samples exchanged."""
    return jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1) if x.ndim > 1 else x, inputs)


def _check_axes(inputs: Inputs, common: int, *, is_list: bool) -> None:
    """Check that no axis is empty, and that all parts agree in the first axes."""
    shapes = [x.shape for x in jax.tree.leaves(inputs)]
    agree = len({shape[:common] for shape in shapes}) == 1
    if agree and shapes[0] and not any(0 in shape for shape in shapes):
        return
    advice = "For a single step, pass inputs[None]"
    if is_list:
        advice = (
            "A list means several inputs. If it is one, pass jax.numpy.asarray(inputs); labels "
            "go into labels=, or with their samples into load_task((X, y))"
        )
    raise ValueError(
        "inputs must have the shape (time, features) or (time, batch, features...), without an "
        "empty axis and with the same numbers of time steps and samples in all parts, got "
        f"{shapes_text(inputs)}. {advice}"
    )


def shapes_text(inputs: Inputs) -> str:
    """The shapes of all parts, as text; the first few of many."""
    shapes = [x.shape for x in jax.tree.leaves(inputs)]
    more = f" and {len(shapes) - SHOWN} more" if len(shapes) > SHOWN else ""
    return listed(shapes[:SHOWN]) + more


def at_a_step(inputs: Inputs) -> Any:
    """The shapes and dtypes of the inputs of one step."""
    return jax.eval_shape(partial(jax.tree.map, lambda x: x[0]), inputs)


def batch_size(inputs: Inputs) -> int | None:
    """The batch in inputs of shape (time, batch, features...); None for (time, features)."""
    shapes = [x.shape for x in jax.tree.leaves(inputs)]
    longest: tuple[int, ...] = max(shapes, key=len, default=())
    return longest[1] if len(longest) > 2 else None

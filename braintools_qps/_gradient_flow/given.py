"""What the user gave, checked before anything is traced."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._checks import is_positive

SHOWN = 3  # shapes in a message


class Sought(NamedTuple):
    """What is looked for besides the figures of a candidate: nothing unless it is asked for."""

    target: float | None = None  # growth per step to find candidates for
    rate: float | None = None  # firing rate to bring silent and saturated populations to
    paths: bool = False  # whether to split the gain of one step


def checked_inputs(inputs: Any) -> Any:
    """The inputs as arrays, each with time along its first axis.

    Raises
    ------
    ValueError
        If there is no time step, or not the same number of them in all parts.
    """
    arrays = jax.tree.map(jnp.asarray, inputs)
    shapes = [leaf.shape for leaf in jax.tree.leaves(arrays)]
    if not shapes or any(shape[:1] in ((), (0,)) for shape in shapes):
        raise ValueError(
            "inputs must have the shape (time, features) or (time, batch, features...) with one "
            f"time step or more, got {_listed(shapes)}.{_of_a_list(inputs)}"
        )
    if len({shape[0] for shape in shapes}) > 1:
        raise ValueError(
            "all parts of the inputs must have the same number of time steps along their first "
            f"axis, got {_listed(shapes)}.{_of_a_list(inputs)}"
        )
    return arrays


def check_aims(target: Any, rate: Any) -> None:
    """Check the growth per step and the firing rate to aim at; None is for neither.

    Raises
    ------
    ValueError
        If no growth, or no firing rate, can be that.
    """
    if target is not None and not is_positive(target):
        raise ValueError(
            "target, the growth per step to aim at, must be finite and greater than 0, got "
            f"{target!r}. Pass 1.0, or None to leave the search out"
        )
    if rate is not None and not (is_positive(rate) and rate < 1):
        raise ValueError(
            "rate, the spikes per neuron and step to aim at, must lie between 0 and 1, got "
            f"{rate!r}. Pass 0.1, or None to leave the search out"
        )


def _listed(shapes: list[tuple[int, ...]]) -> str:
    more = f" and {len(shapes) - SHOWN} more" if len(shapes) > SHOWN else ""
    return (", ".join(map(str, shapes[:SHOWN])) or "nothing") + more


def _of_a_list(inputs: Any) -> str:
    if not isinstance(inputs, (list, tuple)):
        return ""
    return " A list counts as inputs of several parts: pass jax.numpy.asarray(inputs) for one"

"""Run one time step of a model, or trace it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..typing import Inputs, Model
from .inputs import batch_size, shapes_text
from .restore import traced_afresh

Shape = tuple[int, ...]


def advance(model: Model, i: Array, x: Any) -> Any:
    """One step of the model, with the index and the time of the step in its environment.

    Unless the user has set ``fit``, it is a step of training, in which dropout acts.
    """
    dt = brainstate.environ.get("dt", None)
    fit = brainstate.environ.get("fit", True)
    # The index becomes a float first, for users who set JAX to refuse mixed dtypes.
    time = {} if dt is None else {"t": jnp.asarray(i, jnp.result_type(float)) * dt}
    with brainstate.environ.context(i=i, fit=fit, **time):
        return model(x) if callable(model) else model.update(x)


def check_takes_steps(model: Model, inputs: Inputs) -> None:
    """Check that a model, whose states are initialised, takes one time step in a call.

    Raises
    ------
    ValueError
        If it takes all steps at once: it runs on them, and its states keep their shapes.
    """
    sequences = [inputs]
    if batch_size(inputs):
        sequences.append(jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), inputs))
    for sequence in sequences:
        step = step_if_possible(model, sequence)
        changes = step.shapes() if step else []
        if changes and all(new == old for _, old, new in changes):
            raise ValueError(
                f"the model must take one time step in a call, got {type(model).__name__}, which "
                f"takes all of them: inputs of shape {shapes_text(sequence)}. Pass the module that "
                "it calls in each step, or give it an update without the loop over time"
            )


class OneStep(NamedTuple):
    """A traced step of a model."""

    jaxpr: Any  # closed
    states: Sequence[brainstate.State]  # that it reads
    written: Sequence[brainstate.State]
    outputs: Any  # their shapes and dtypes
    after: Sequence[Any]  # for each state, its shapes and dtypes if the step writes it, or None

    def shapes(self) -> list[tuple[brainstate.State, Shape, Shape]]:
        """The written states, each with the shape of a leaf before and after the step."""
        return [
            (state, jnp.shape(old), new.shape)
            for state, values in zip(self.states, self.after)
            for old, new in zip(jax.tree.leaves(state.value), jax.tree.leaves(values))
        ]


def traced_step(model: Model, x: Any) -> OneStep:
    """Trace one step of a model, for inputs of these shapes and dtypes."""
    arguments = np.int32(0), x
    function = brainstate.transform.StatefulFunction(partial(advance, model))
    function.make_jaxpr(*arguments)
    return OneStep(
        function.get_jaxpr(*arguments),
        function.get_states(*arguments),
        function.get_write_states(*arguments),
        *function.get_out_shapes(*arguments),
    )


def step_if_possible(model: Model, x: Any) -> OneStep | None:
    """Trace one step of a model, and restore the model; None if the step fails.

    The caller meets the same error later, and explains it.
    """
    with suppress(Exception), traced_afresh(model):
        return traced_step(model, x)
    return None

"""The states of a model: those that are trained, and those that outlive a batch.

Parameters (`brainstate.ParamState` of real numbers) are trained. States that `init_state` sets, and
every `brainstate.ShortTermState`, start afresh with each batch. All others are kept from batch to
batch: running means of BatchNorm, or random states of the model.
"""

from __future__ import annotations

from typing import NamedTuple

import brainstate
import jax
import jax.numpy as jnp

from .._models import initialise
from ..typing import Model
from .contexts import environment
from .tasks import Task
from .typing import Values


class Weights(NamedTuple):
    """All that training changes in a model, by paths in the model: States, or their values."""

    trained: Values
    kept: Values

    @property
    def values(self) -> Weights:
        """The values of the States, as arrays."""
        value = lambda state: jax.tree.map(jnp.asarray, state.value)
        return Weights(*({path: value(state) for path, state in part.items()} for part in self))


def initialised(model: Model, samples: int, task: Task) -> Weights:
    """Initialise all states; return those that are trained and those that outlive a batch."""
    with environment():
        inputs = task.to_model(jnp.zeros((1, samples, task.features)))
        paths, _ = initialise(model, inputs, samples)
        unset = {".".join(map(str, path)) for path in paths}
    states = {".".join(map(str, p)): s for p, s in brainstate.graph.states(model).items()}
    trained = {path: state for path, state in states.items() if _is_trained(state)}
    kept = {
        path: state
        for path, state in states.items()
        if path not in trained
        and not isinstance(state, brainstate.ShortTermState)
        and path in unset
    }
    return Weights(trained, kept)


def set_values(states: Weights, weights: Weights) -> None:
    """Set the values of States."""
    for part, values in zip(states, weights):
        for path, state in part.items():
            state.value = values[path]


def _is_trained(state: brainstate.State) -> bool:
    """Whether a state is a parameter that holds only real numbers."""
    if not isinstance(state, brainstate.ParamState):
        return False
    kinds = [jnp.result_type(leaf) for leaf in jax.tree.leaves(state.value)]
    return bool(kinds) and all(jnp.issubdtype(kind, jnp.floating) for kind in kinds)

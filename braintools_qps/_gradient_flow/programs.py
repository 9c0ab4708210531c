"""The compiled passes of a step, kept for the next call with the same step.

Constants, states, inputs and slopes are arguments of the programs, so that other weights, other
candidates and another model of the same make need no compilation.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.stages import Wrapped

from . import paths
from .passes import backward, forward
from .step import Step

KEPT = 16  # steps


class Programs(NamedTuple):
    """Compiled functions of a step's arrays and of a run."""

    forward: Wrapped
    backward: Wrapped
    split: Wrapped
    rates: Wrapped


def programs(step: Step) -> Programs:
    """The programs of a step: those of an earlier one where it was the same."""
    step = step.without_model()
    try:
        return _kept(_Key(step))
    except TypeError:  # something in it has no hash
        return _compiled(step)


class _Key:
    """A step as a key, equal to that of another step that computes the same."""

    def __init__(self, step: Step):
        self.step = step

    def __hash__(self) -> int:
        return hash(self.step.identity)

    def __eq__(self, other: Any) -> bool:
        return bool(self.step.identity == other.step.identity)


@lru_cache(KEPT)
def _kept(key: _Key) -> Programs:
    return _compiled(key.step)


def _compiled(step: Step) -> Programs:
    return Programs(
        jax.jit(partial(forward, step)),
        jax.jit(partial(backward, step)),
        jax.jit(partial(paths.split, step)),
        jax.jit(partial(_rates, step)),
    )


def _rates(step: Step, arrays: Any, indexed: list[Array], gain: Any, shifts: Any) -> list[Array]:
    """Spikes per neuron and step of each population."""
    calls = forward(step, arrays, indexed, gain, shifts).calls
    return [calls[step.last_call(population)].spikes.mean() for population in step.populations]

"""Split the gain of one step back by the paths that the gradient takes.

Leak: no spike and no connection on the path. Reset: a spike, but no connection. Recurrence: a
connection from a population to itself. Feed-forward: the path comes from layers above or from the
objective. Each part is found with a masked pullback: without slopes, or with connections blocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from .passes import Forward, Frame, root_mean_square
from .step import Arrays, Step

MASKS = (
    {"spiking": True, "blocked": False},
    {"spiking": True, "blocked": True},
    {"spiking": False, "blocked": True},
)


class Split(NamedTuple):
    """Root mean square of each part of a step's adjoint, of shape (populations, time, draws).

    ``later`` is the root mean square of the whole adjoint of the step after it.
    """

    leak: Array
    reset: Array
    recurrence: Array
    feedforward: Array
    without_reset: Array
    later: Array


def split(
    step: Step,
    arrays: Arrays,
    run: Forward,
    slopes: Sequence[Array],
    cotangents: Sequence[Array],
) -> Split:
    """Split each adjoint by the path it came on. The arguments are those of ``backward``."""
    frame = Frame(step, arrays, run, cotangents)
    populations = range(len(step.populations))

    def back(carry: tuple, now: tuple) -> tuple[tuple, list[tuple[Array, ...]]]:
        adjoint, seeds, later = carry
        before, _, membranes = frame.pull(now)(frame.loss(now), adjoint)
        pulls = [frame.pull(now, **mask) for mask in MASKS]
        own = [
            [pull(frame.no_loss(), seeds[m][p])[2][p] for m, pull in enumerate(pulls)]
            for p in populations
        ]
        seeds = [
            [pull(frame.no_loss(), _only(frame, p, membranes[p]))[0] for p in populations]
            for pull in pulls
        ]
        parts = [_parts(membranes[p], later[p], *own[p]) for p in populations]
        return (before, seeds, membranes), parts

    nothing = [[frame.no_adjoint() for _ in populations] for _ in MASKS]
    carry = frame.no_adjoint(), nothing, frame.zeros(frame.membranes)
    _, parts = jax.lax.scan(back, carry, frame.by_step(list(slopes)), reverse=True)
    return Split(*map(jnp.stack, zip(*parts)))


def _only(frame: Frame, population: int, adjoint: Array) -> list[Array]:
    """An adjoint of the states that is zero except for the membrane of one population."""
    zero = frame.no_adjoint()
    zero[frame.real.index(frame.step.populations[population].membrane)] = adjoint
    return zero


def _parts(whole: Array, later: Array, own: Array, alone: Array, leak: Array) -> tuple[Array, ...]:
    reset = alone - leak
    parts = (leak, reset, own - alone, whole - own, own - reset, later)
    return tuple(map(root_mean_square, parts))

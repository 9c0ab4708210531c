"""The compiled passes of a step, kept for the next call with the same step.

Constants, states, inputs and slopes are arguments of the programs, so that other weights, other
candidates and another model of the same make need no compilation.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
from braintools.surrogate import Surrogate
from jax import Array
from jax.stages import Wrapped

from .._surrogate import QPseudoSpike
from . import paths
from .passes import backward, forward, slopes_of
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
    last = {name: call.spikes for name, call in zip(step.callers, calls)}
    return [last[population.name].mean() for population in step.populations]


def slopes(
    surrogate: Any, argument: Array, unit: u.Unit | None, width: Any = 1.0, gain: Any = 1.0
) -> Array:
    """The derivative of a surrogate, compiled once for surrogates with equal parameters."""
    if not _is_constant(surrogate):
        return slopes_of(surrogate, argument, unit, width, gain)
    return _slopes(_first_like(_Parameters(surrogate)), argument, unit, width, gain)


def slopes_with_alpha(
    surrogate: QPseudoSpike, argument: Array, unit: u.Unit | None, alpha: Any
) -> Array:
    """The derivative of a q-PseudoSpike with another alpha, compiled once for all of them."""
    rest = surrogate.replace(alpha=1.0)
    function = _slopes_with_alpha if _is_constant(rest) else _alpha_slopes
    return function(rest, argument, unit, alpha)


class _Parameters:
    """A surrogate as a key: braintools 0.3 compares surrogates by identity."""

    def __init__(self, surrogate: Surrogate):
        self.surrogate = surrogate
        self.key = type(surrogate), tuple(sorted(vars(surrogate).items()))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: Any) -> bool:
        return bool(self.key == other.key)


@lru_cache(128)
def _first_like(parameters: _Parameters) -> Surrogate:
    return parameters.surrogate


def _is_constant(surrogate: Any) -> bool:
    """Whether it can stand for itself in a compiled function: no State in it, and a hash."""
    if not isinstance(surrogate, Surrogate):
        return False
    values = vars(surrogate).values()
    try:
        hash((surrogate, *values))
    except TypeError:
        return False
    inner = [value for value in values if isinstance(value, Surrogate)]
    return not any(isinstance(value, brainstate.State) for value in values) and all(
        map(_is_constant, inner)
    )


def _alpha_slopes(
    surrogate: QPseudoSpike, argument: Array, unit: u.Unit | None, alpha: Any
) -> Array:
    return slopes_of(surrogate.replace(alpha=alpha), argument, unit)


_slopes = jax.jit(slopes_of, static_argnums=(0, 2))
_slopes_with_alpha = jax.jit(_alpha_slopes, static_argnums=(0, 2))

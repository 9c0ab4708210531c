"""The slope of a surrogate: its derivative at the arguments of a run, compiled once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

from .._models import call_spike
from .._surrogate import QPseudoSpike, current


def slopes(
    surrogate: Any,
    argument: Array,
    unit: u.Unit | None,
    scale: Any = 1.0,
    dampening: Any = 1.0,
    alpha: Any = None,
) -> Array:
    """The derivative of a surrogate with its parameters multiplied.

    It is compiled once for all factors, and for all surrogates with equal parameters.
    """
    if alpha is not None:
        return _with_alpha(surrogate, argument, unit, _alpha(surrogate) * alpha)
    if not is_constant(surrogate):
        return slopes_of(surrogate, argument, unit, scale, dampening)
    return _slopes(_first_like(_Parameters(surrogate)), argument, unit, scale, dampening)


def slopes_of(
    surrogate: Callable[[Any], Any],
    argument: Array,
    unit: u.Unit | None,
    width: Array | float = 1.0,
    gain: Array | float = 1.0,
) -> Array:
    """Derivative of a surrogate, made ``width`` times as wide and ``gain`` times as high.

    Raises
    ------
    brainunit.UnitMismatchError
        If the argument has a unit that the surrogate does not take.
    """

    def spikes(x: Array) -> Array:
        x = x if unit is None else u.Quantity(x, unit=unit)
        return u.get_mantissa(call_spike(surrogate, x))

    values, pull = jax.vjp(spikes, argument / width)
    (slope,) = pull(jnp.ones_like(values))
    return (slope * (gain / width)).astype(argument.dtype)


def has_alpha(surrogate: Any) -> bool:
    """Whether there is a finite alpha to multiply."""
    return isinstance(surrogate, QPseudoSpike) and bool(np.all(np.isfinite(_alpha(surrogate))))


def _alpha(surrogate: QPseudoSpike) -> Any:
    return current("alpha", surrogate.alpha)


def _with_alpha(surrogate: QPseudoSpike, argument: Array, unit: u.Unit | None, alpha: Any) -> Array:
    rest = surrogate.replace(alpha=1.0)
    function = _slopes_with_alpha if is_constant(rest) else _alpha_slopes
    return function(rest, argument, unit, alpha)


class _Parameters:
    """A surrogate as a key, and a copy that its owner cannot change.

    braintools 0.3 compares surrogates by identity.
    """

    def __init__(self, surrogate: Surrogate):
        self.surrogate = copy.copy(surrogate)
        values = vars(surrogate)
        inner = {n: _Parameters(v) for n, v in values.items() if isinstance(v, Surrogate)}
        vars(self.surrogate).update({name: each.surrogate for name, each in inner.items()})
        self.key = type(surrogate), tuple(sorted((values | inner).items()))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: Any) -> bool:
        return bool(self.key == other.key)


@lru_cache(128)
def _first_like(parameters: _Parameters) -> Surrogate:
    return parameters.surrogate


def is_constant(surrogate: Any) -> bool:
    """Whether it can stand for itself in a compiled function: no State or array, and a hash."""
    if not isinstance(surrogate, Surrogate):
        return False
    values = vars(surrogate).values()
    try:
        hash((surrogate, *values))
    except TypeError:
        return False
    inner = [value for value in values if isinstance(value, Surrogate)]
    return not any(isinstance(value, brainstate.State) for value in values) and all(
        map(is_constant, inner)
    )


def _alpha_slopes(
    surrogate: QPseudoSpike, argument: Array, unit: u.Unit | None, alpha: Any
) -> Array:
    return slopes_of(surrogate.replace(alpha=alpha), argument, unit)


_slopes = jax.jit(slopes_of, static_argnums=(0, 2))
_slopes_with_alpha = jax.jit(_alpha_slopes, static_argnums=(0, 2))

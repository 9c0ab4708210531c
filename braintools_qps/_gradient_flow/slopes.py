"""The slope of a surrogate: its derivative at the arguments of a run, compiled once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

from .._models import call_spike
from .._surrogate import QPseudoSpike, adjusted, current, surrogate_key


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
        alpha = alpha * current("alpha", surrogate.alpha)
        surrogate = adjusted(surrogate, alpha=1.0)  # whatever it was, it is replaced
    if not is_constant(surrogate):
        return _slopes(surrogate, argument, unit, scale, dampening, alpha)
    return _compiled_slopes(_Constant.of(surrogate), argument, unit, scale, dampening, alpha)


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
    if not isinstance(surrogate, QPseudoSpike):
        return False
    return bool(np.all(np.isfinite(current("alpha", surrogate.alpha))))


@dataclass(frozen=True)
class _Constant:
    """A surrogate in a compiled function, which serves all that are the same."""

    key: Hashable
    surrogate: Surrogate = field(compare=False)

    @classmethod
    def of(cls, surrogate: Surrogate) -> _Constant:
        return cls(surrogate_key(surrogate), surrogate)


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


def _slopes(
    surrogate: Any, argument: Array, unit: u.Unit | None, scale: Any, dampening: Any, alpha: Any
) -> Array:
    spike = surrogate if alpha is None else adjusted(surrogate, alpha=alpha)
    return slopes_of(spike, argument, unit, scale, dampening)


@partial(jax.jit, static_argnums=(0, 2))
def _compiled_slopes(constant: _Constant, argument: Array, *rest: Any) -> Array:
    return _slopes(constant.surrogate, argument, *rest)

"""Surrogates as keys, which compare their parameters."""

from __future__ import annotations

from collections.abc import Hashable

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate


def surrogate_key(surrogate: Surrogate) -> Hashable:
    """A key that is equal for two surrogates exactly when they are the same.

    It holds the class and all attributes, those that a subclass adds included. Numbers are compared
    by value, NumPy's arrays by their contents, inner surrogates by their own key, and JAX's arrays,
    tracers and States by identity.
    """
    return type(surrogate), value_key(dict(sorted(vars(surrogate).items())))


def value_key(value: object) -> Hashable:
    """One parameter's part of a `surrogate_key`."""
    if isinstance(value, Surrogate):
        return surrogate_key(value)
    if isinstance(value, u.Quantity):
        return value_key(value.mantissa), value.unit
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(value_key, value))
    if isinstance(value, dict):
        return type(value), tuple((name, value_key(part)) for name, part in value.items())
    if isinstance(value, (jax.Array, brainstate.State)) or not isinstance(value, Hashable):
        return Same(value)
    return value


class Same:
    """Compares an object by identity, and keeps it alive."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

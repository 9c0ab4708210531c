"""Turn any value of the package into JSON's types."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .parsing import read


def plain(value: object, other: Callable[[Any], Any]) -> Any:
    """The value as dict, list, str, int, float, bool or None, ready for strict JSON.

    Arrays and tuples become lists, Quantities text such as ``"15.0 mV"``, and numbers that are not
    finite ``"nan"``, ``"inf"`` and ``"-inf"``.

    Parameters
    ----------
    value : object
    other : callable
        Called with a value that has no such form: a function, a surrogate, a random key, a traced
        number, or a Quantity whose unit cannot be read back. Returns the value to write instead, or
        raises.

    Raises
    ------
    TypeError
        If a key of a mapping is not a string.
    """
    if isinstance(value, jax.core.Tracer) or _is_key(value):
        return other(value)
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        value = np.asarray(value).tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Mapping):
        return {_checked_key(key): plain(item, other) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, other) for item in value]
    if isinstance(value, u.Quantity) and (text := _quantity_text(value)):
        return text
    return other(value)


def _is_key(value: object) -> bool:
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(
            f"the keys of a mapping must be strings to be written, got {key!r}. Pass {str(key)!r}"
        )
    return key


def _quantity_text(value: u.Quantity) -> str | None:
    """Magnitude and unit; None where they would be read back as something else."""
    if isinstance(value.mantissa, jax.core.Tracer):
        return None
    text = f"{np.asarray(value.mantissa).tolist()} {value.unit}"
    return text if u.get_unit(read(text)) == value.unit else None

"""Values as JSON has them, and back by the type of the field that they belong to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, NoReturn, Union, get_args, get_origin

import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

from .._registry import get_surrogate, read_value, surrogate_spec, write_value

NON_FINITE = ("nan", "inf", "-inf")


def to_plain(value: Any) -> Any:
    """The value in terms of dict, list, str, int, float, bool and None, all of them finite.

    Numbers that are not finite become ``"nan"``, ``"inf"`` and ``"-inf"``, arrays and tuples lists,
    Quantities ``"15.0 mV"``, surrogates their spec and records dictionaries. What has no such form,
    as a function or a surrogate with a State, becomes ``{"repr": ...}``.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        return to_plain(np.asarray(value).tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return _written(value)


def from_plain(kind: Any, value: Any) -> Any:
    """The inverse of `to_plain`, for a value of a given type.

    Where the type is Any, the value stays as it is.

    Raises
    ------
    ValueError
        If a value of that type is not written so.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or _is_written(kind, value):
        return value
    if origin in (Union, UnionType):
        return _read_first(arguments, kind, value)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        return tuple(from_plain(one, item) for one, item in zip(kinds, value, strict=True))
    if origin in (Mapping, dict) and isinstance(value, Mapping):
        return {key: from_plain(arguments[1], item) for key, item in value.items()}
    if isinstance(kind, type):
        return _read_object(kind, value)
    _refuse(kind, value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the keys of a mapping in a record are strings, got {key!r}")
    return key


def _written(value: Any) -> Any:
    """Surrogates, Quantities and records in the form that is read back, or else the repr."""
    try:
        if isinstance(value, Surrogate):
            return surrogate_spec(value)
        if isinstance(value, u.Quantity):
            return write_value("value", value)
    except TypeError:
        return {"repr": repr(value)}
    return value.to_dict() if hasattr(type(value), "from_dict") else {"repr": repr(value)}


def _is_written(kind: Any, value: Any) -> bool:
    """Whether JSON has the type, so that the value is what it was."""
    return kind in (bool, int, str, NoneType) and type(value) is kind


def _read_first(kinds: tuple[Any, ...], union: Any, value: Any) -> Any:
    """Read the value by the first type of a union that it fits."""
    for kind in kinds:
        try:
            return from_plain(kind, value)
        except (TypeError, ValueError):
            continue
    _refuse(union, value)


def _read_object(kind: type, value: Any) -> Any:
    if kind is float and _is_number(value):
        return float(value)
    if kind is np.ndarray and isinstance(value, (list, np.ndarray)):
        return np.asarray(_numbers(value))
    if issubclass(kind, Surrogate) and isinstance(value, Mapping):
        return get_surrogate(value)
    if issubclass(kind, u.Quantity) and isinstance(quantity := read_value(value), u.Quantity):
        return quantity
    if hasattr(kind, "from_dict") and isinstance(value, Mapping):
        return kind.from_dict(value)
    _refuse(kind, value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or value in NON_FINITE


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return float(value) if isinstance(value, str) else value


def _refuse(kind: Any, value: Any) -> NoReturn:
    name = getattr(kind, "__name__", kind)
    raise ValueError(f"expected a value of type {name} as to_dict writes it, got {value!r}")

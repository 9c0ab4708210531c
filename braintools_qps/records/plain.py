"""To values that JSON can hold, and back by the type of the field."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from types import NoneType, UnionType
from typing import Any, NoReturn, Union, get_args, get_origin

import brainunit as u
import numpy as np
from braintools.surrogate import Surrogate

from .._registry import get_surrogate, plain, read_value, surrogate_spec

NON_FINITE = ("nan", "inf", "-inf")
WRITTEN = bool, int, str, NoneType  # as they are
LARGEST, DEEPEST = 2**63, 50  # an integer, and the levels of a value


def to_plain(value: Any) -> Any:
    """The value in terms of dict, list, str, int, float, bool and None, ready for strict JSON.

    Surrogates become their spec, records dictionaries, and the rest is as `plain` of the registry
    writes it. An object that has no such form, such as a surrogate with a State, becomes
    ``{"repr": ...}``. That text is the same in every process: functions, classes and partials are
    written by their import path.
    """
    return plain(value, _written)


def from_plain(kind: Any, value: Any) -> Any:
    """The inverse of `to_plain`, for a value of a given type.

    Where the type is Any, the value stays as it is.

    Raises
    ------
    ValueError
        If the value cannot be read as that type.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or (kind in WRITTEN and type(value) is kind):
        return _checked(value)
    for each in arguments if origin in (Union, UnionType) else ():
        with suppress(TypeError, ValueError):
            return from_plain(each, value)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        return tuple(from_plain(kind, item) for kind, item in zip(kinds, value, strict=True))
    if origin in (Mapping, dict) and isinstance(value, Mapping):
        return {_checked(key): from_plain(arguments[1], item) for key, item in value.items()}
    if isinstance(kind, type):
        return _read_object(kind, value)
    _refuse(kind, value)


def _written(value: Any) -> Any:
    if hasattr(type(value), "from_dict"):
        return value.to_dict()
    if isinstance(value, Surrogate):
        with suppress(TypeError):
            return surrogate_spec(value)
    if isinstance(value, partial):
        arguments = {"args": to_plain(value.args), "keywords": to_plain(value.keywords)}
        return _written(value.func) | arguments
    if hasattr(value, "__qualname__"):
        return {"repr": f"{getattr(value, '__module__', '?')}:{value.__qualname__}"}
    return {"repr": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))}


def _read_object(kind: type, value: Any) -> Any:
    if kind is float and _is_number(value):
        return float(_checked(value))
    if kind is np.ndarray and isinstance(value, (list, np.ndarray)):
        array = np.asarray(_numbers(value))
        if array.dtype.kind in "biuf":
            return array
    if issubclass(kind, Surrogate) and isinstance(value, Mapping):
        return get_surrogate(_checked(value))
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
    raise ValueError(
        f"expected a value of type {name} as to_dict writes it, got {reprlib.repr(value)}"
    )


def _checked(value: Any, depth: int = 0) -> Any:
    """The value, if it is short and flat enough to be printed and written again.

    Raises
    ------
    ValueError
        If it holds an integer that no float comes near, or is nested too deeply.
    """
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"integers must be at most 2**63, got one of {value.bit_length()} bits")
    if isinstance(value, (Mapping, list, tuple)):
        if depth == DEEPEST:
            raise ValueError(f"values must be nested at most {DEEPEST} deep, got more levels")
        for item in value.values() if isinstance(value, Mapping) else value:
            _checked(item, depth + 1)
    return value


def refuse(what: str, rule: str, value: Any) -> NoReturn:
    """Raise the error for a record that could not be shown."""
    raise ValueError(
        f"{what} must be {rule}, got {reprlib.repr(value)}. Use the file of compare as it is"
    )

"""Parameters of a surrogate written in terms of what JSON has: the inverse of `reading`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

from .reading import NO_DEFAULT, read, shown

_Parameter = inspect.Parameter


def written_parameters(surrogate: Surrogate, nested: Callable[[Surrogate], Any]) -> dict[str, Any]:
    """What JSON can hold of the parameters, keyword-only ones left out at their default.

    ``nested`` writes one that is a surrogate itself.

    Raises
    ------
    TypeError
        If a parameter is not an attribute, or has no written form.
    """
    written = {}
    for name, parameter in inspect.signature(type(surrogate)).parameters.items():
        if parameter.kind in (_Parameter.VAR_POSITIONAL, _Parameter.VAR_KEYWORD):
            continue
        value = _attribute(surrogate, name)
        if parameter.kind is _Parameter.KEYWORD_ONLY and value is parameter.default:
            continue
        if isinstance(value, Surrogate):
            value = nested(value)
        else:
            value = write(name, value, parameter.default)
        if name == "name":
            _unwritable(name, value, "a spec has the name of the surrogate there")
        if parameter.kind is not _Parameter.KEYWORD_ONLY or not _is_default(value, parameter):
            written[name] = value
    return written


def write(name: str, value: Any, default: Any = NO_DEFAULT) -> Any:
    """The inverse of `read`, in terms of what JSON has."""
    try:
        return _written(name, value, default)
    except RecursionError:
        _unwritable(name, value, "it is nested too deeply or contains itself")


def _written(name: str, value: Any, default: Any) -> Any:
    if isinstance(value, u.Quantity):
        return _write_quantity(name, value)
    if isinstance(value, (brainstate.State, jax.core.Tracer)):
        _unwritable(name, value, "its value is known only where it is used")
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        value = np.asarray(value).tolist()
    if isinstance(value, list):
        return [_written(name, element, default) for element in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str) and not _is_text(value, default):
        _unwritable(name, value, "the text would be read as a number")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    _unwritable(name, value, "only numbers, arrays, Quantities, strings, None can be written")


def _write_quantity(name: str, value: u.Quantity) -> Any:
    magnitude = value.mantissa
    if isinstance(magnitude, jax.core.Tracer):
        write(name, magnitude)
    text = f"{np.asarray(magnitude).tolist()} {value.unit}"
    if u.get_unit(read(text)) == value.unit:
        return text
    _unwritable(name, value, f"it would not be read back from {text!r}")


def _is_text(value: str, default: Any) -> bool:
    with suppress(ValueError):
        return read(value, default) is value
    return False


def _is_default(written: Any, parameter: inspect.Parameter) -> bool:
    """Whether the written value is that of the default: arrays and Quantities compare as text."""
    with suppress(TypeError):
        return bool(written == write(parameter.name, parameter.default, parameter.default))
    return False


def _attribute(surrogate: Surrogate, name: str) -> Any:
    try:
        return getattr(surrogate, name)
    except AttributeError:
        raise TypeError(
            f"{type(surrogate).__name__} takes the parameter {name!r} but keeps no attribute of "
            f"that name, so no spec can be written. Set self.{name} = {name} in its __init__"
        ) from None


def _unwritable(name: str, value: Any, reason: str) -> NoReturn:
    raise TypeError(f"the parameter {name}={shown(value)} cannot be written in a spec: {reason}")

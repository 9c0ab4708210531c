"""The parameters of a surrogate as a spec holds them: the inverse of `reading`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import brainstate
import brainunit as u
import jax
from braintools.surrogate import Surrogate

from .plain_values import plain
from .reading import read, shown

_Parameter = inspect.Parameter


def written_parameters(surrogate: Surrogate, nested: Callable[[Surrogate], Any]) -> dict[str, Any]:
    """The parameters in terms of what JSON has, keyword-only ones left out at their default.

    ``nested`` writes a parameter that is a surrogate itself.

    Raises
    ------
    TypeError
        If a parameter is not an attribute, or could not be read back.
    """
    written = {}
    for name, parameter in inspect.signature(type(surrogate)).parameters.items():
        if parameter.kind in (_Parameter.VAR_POSITIONAL, _Parameter.VAR_KEYWORD):
            continue
        value = _attribute(surrogate, name)
        if name == "name":
            _refuse(name, value, "a spec has the name of the surrogate there")
        if parameter.kind is _Parameter.KEYWORD_ONLY and _is_default(value, parameter):
            continue
        written[name] = (
            nested(value) if isinstance(value, Surrogate) else _written(name, value, parameter)
        )
    return written


def _written(name: str, value: Any, parameter: inspect.Parameter) -> Any:
    try:
        _check_read_back(name, value, parameter.default)
        return plain(value, lambda other: _refuse(name, other, _reason(other)))
    except RecursionError:
        _refuse(name, value, "it is nested too deeply or contains itself")


def _check_read_back(name: str, value: Any, default: Any) -> None:
    """Raise where the written form would be read as something else."""
    if isinstance(value, list):
        for element in value:
            _check_read_back(name, element, default)
    elif isinstance(value, str) and not _is_text(value, default):
        _refuse(name, value, "the text would be read as a number")
    elif isinstance(value, (tuple, dict)):
        _refuse(name, value, _reason(value))


def _reason(value: Any) -> str:
    if isinstance(value, (brainstate.State, jax.core.Tracer)) or isinstance(
        u.get_mantissa(value), jax.core.Tracer
    ):
        return "its value is known only where it is used"
    if isinstance(value, u.Quantity):
        return f"it would not be read back from '{value.mantissa} {value.unit}'"
    return "only numbers, arrays, Quantities, strings, None can be written"


def _is_text(value: str, default: Any) -> bool:
    with suppress(ValueError):
        return read(value, default) is value
    return False


def _is_default(value: Any, parameter: inspect.Parameter) -> bool:
    """Whether the value is written like the default: arrays and Quantities compare as text."""
    if value is parameter.default:
        return True
    with suppress(TypeError):
        default = _written(parameter.name, parameter.default, parameter)
        return bool(_written(parameter.name, value, parameter) == default)
    return False


def _attribute(surrogate: Surrogate, name: str) -> Any:
    try:
        return getattr(surrogate, name)
    except AttributeError:
        raise TypeError(
            f"{type(surrogate).__name__} takes the parameter {name!r} but keeps no attribute of "
            f"that name, so no spec can be written. Set self.{name} = {name} in its __init__"
        ) from None


def _refuse(name: str, value: Any, reason: str) -> NoReturn:
    raise TypeError(f"the parameter {name}={shown(value)} cannot be written in a spec: {reason}")

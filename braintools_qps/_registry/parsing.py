"""Call strings and the values in specs, parsed without evaluating anything."""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import brainunit as u
import numpy as np

from .._wording import shown

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# A number needs no space before its unit ("15mV"). "inf" does, because words may begin with it.
_QUANTITY = re.compile(rf"\s*({_NUMBER}|[-+]?inf(?=\s)|\[.*\])(?:\s+|(?=[^\s\d.]))(\S.*)")
_WHOLE = re.compile(r"[-+]?\d{1,15}")
_NON_FINITE = ("inf", "-inf", "nan")
NO_DEFAULT = inspect.Parameter.empty


class Call(NamedTuple):
    """A name and the literal arguments after it."""

    name: str
    args: tuple
    kwargs: dict[str, Any]


class UnknownUnitError(ValueError):
    """The unit of a Quantity in a text is unknown."""


def parse(text: str) -> Call:
    """The parts of ``"Name"`` or ``"Name(1.5, scale='15 mV')"``; nothing is evaluated.

    Raises
    ------
    ValueError
        If the text is neither, or an argument is not a literal.
    """
    name, parenthesis, rest = text.partition("(")
    if not parenthesis:
        return Call(text.strip(), (), {})
    # The name may be "distribution:Name", which is not Python, so a stand-in takes its place.
    call = _parsed("_(" + rest, text)
    return call._replace(name=name.strip()) if isinstance(call, Call) else _malformed(text)


def read(value: Any, default: object = NO_DEFAULT) -> Any:
    """The value that a parameter in a string or mapping stands for.

    Text becomes a number or a Quantity if it can be read as one (YAML gives ``1e3`` as text),
    unless the default of the parameter is text. A number with an unknown unit is an error if there
    is a default, and stays text otherwise.
    """
    if isinstance(value, str) and not isinstance(default, str):
        return _read_text(value, is_unit=default is not NO_DEFAULT)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, tuple)):
        return _read_list(value, default)
    return _malformed(f"{value.name}(...)") if isinstance(value, Call) else value


def _read_text(text: str, is_unit: bool) -> int | float | str | u.Quantity:
    """The value of a text; ``is_unit`` tells whether what follows a number must be a unit."""
    if _WHOLE.fullmatch(text):
        return int(text)
    if text in _NON_FINITE or re.fullmatch(_NUMBER, text):
        return float(text)
    quantity = _QUANTITY.fullmatch(text)
    if not quantity:
        return text
    magnitude, unit_text = quantity.groups()
    try:
        unit = _unit(unit_text, text)
    except UnknownUnitError:
        if is_unit:
            raise
        return text
    is_list = magnitude.startswith("[")
    return u.Quantity(read(_parsed(magnitude, text)) if is_list else float(magnitude), unit=unit)


def _read_list(values: Sequence, default: object) -> np.ndarray | list:
    """An array where the list holds numbers only, at whatever depth."""
    elements = [read(value, default) for value in values]
    if elements and all(type(value) in (int, float, np.ndarray) for value in elements):
        with suppress(ValueError):  # ragged
            return np.asarray(elements)
    return elements


def _unit(unit: str, text: str) -> u.Unit:
    try:
        return u.parse_unit(unit.strip())
    except (ValueError, OverflowError, RecursionError):  # mV^1e999, a thousand parentheses
        raise UnknownUnitError(
            f"the unit in {shown(text)} is unknown. Write it as brainunit prints it, like '15 mV'"
        ) from None


def _parsed(source: str, text: str) -> Any:
    """The literal or call that a source stands for, which is a part of the text."""
    try:
        return _literal(ast.parse(source, mode="eval").body)
    except UnknownUnitError:
        raise
    except (SyntaxError, TypeError, ValueError, MemoryError, RecursionError):
        _malformed(text)


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id="inf"):
            return math.inf
        case ast.UnaryOp(
            op=ast.USub() | ast.UAdd() as sign,
            operand=(ast.Constant(value=int() | float()) | ast.Name(id="inf")) as operand,
        ):
            return -_literal(operand) if isinstance(sign, ast.USub) else _literal(operand)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_literal(element) for element in elements]
        case ast.Call(func=function, args=arguments, keywords=keywords):
            return _called(_dotted(function), arguments, keywords)
    raise ValueError("no literal")


def _called(name: str, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Any:
    """A surrogate, or another call that a repr writes: infinity or a Quantity."""
    match name, arguments, keywords:
        case "float", [ast.Constant(value="inf" | "-inf" | "nan" as number)], []:
            return float(number)
        case "Quantity", [magnitude, ast.Constant(value=str() as unit)], []:
            return u.Quantity(read(_literal(magnitude)), unit=_unit(unit, unit))
    kwargs = {keyword.arg or "": _literal(keyword.value) for keyword in keywords}
    if "" in kwargs or len(kwargs) < len(keywords):
        raise ValueError("unpacked or repeated arguments")
    return Call(name, tuple(map(_literal, arguments)), kwargs)


def _dotted(node: ast.expr) -> str:
    """``name`` or ``package.module.name``."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name):
            return f"{_dotted(inner)}.{name}"
    raise ValueError("no name")


def _malformed(text: str) -> NoReturn:
    raise ValueError(
        "a surrogate string is a name or a call with literal arguments, such as "
        f"\"QPseudoSpike(alpha=1.5, scale='15 mV')\", got {shown(text)}"
    )

"""Call strings and the values in specs, parsed without evaluating anything."""

from __future__ import annotations

import ast
import inspect
import math
import re
import reprlib
from typing import Any, NamedTuple, NoReturn

import brainunit as u
import jax
import numpy as np

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# "15mV" needs no space; "inf mV" does, as a word may begin with inf, and a unit with a digit.
_QUANTITY = re.compile(rf"\s*({_NUMBER}|[-+]?inf(?=\s)|\[.*\])(?:\s+|(?=[^\s\d.]))(\S.*)")
_WHOLE = re.compile(r"[-+]?\d{1,15}")
_NON_FINITE = ("inf", "-inf", "nan")
NO_DEFAULT = inspect.Parameter.empty
_NUMERIC = (int, float, np.ndarray, np.generic, jax.Array, u.Quantity)
_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = 200


class Call(NamedTuple):
    """A name and the literal arguments after it."""

    name: str
    args: tuple
    kwargs: dict[str, Any]


def parse(text: str) -> Call:
    """Read ``"Name"`` or ``"Name(1.5, scale='15 mV')"``, evaluating nothing.

    Raises
    ------
    ValueError
        If it is a call of something else, or an argument is not a literal.
    """
    name, parenthesis, rest = text.partition("(")
    if not parenthesis:
        return Call(text.strip(), (), {})
    # The name may be "distribution:Name", which is not Python, so a stand-in takes its place.
    tree = _syntax_tree("_(" + rest, text)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        _malformed(text)
    return _call(name.strip(), tree.args, tree.keywords, text)


def read(value: Any, default: Any = NO_DEFAULT) -> Any:
    """The value that a parameter in a string or mapping stands for.

    Where the default is text, text is taken as it is. Elsewhere it is a number or a Quantity if it
    can be one: YAML takes ``1e3`` for text. A number with an unknown unit is an error where the
    default is a number, and text where the parameter may hold text.

    Raises
    ------
    ValueError
        If text is a number with an unknown unit in place of a number.
    """
    if isinstance(value, str) and not isinstance(default, str):
        return _read_text(value, isinstance(default, _NUMERIC))
    if isinstance(value, list):
        return _read_list(value, default)
    if isinstance(value, Call):
        _malformed(f"{value.name}(...)")
    return value


def check_unit(value: Any) -> None:
    """Raise where a value that a surrogate has refused is a number with an unknown unit.

    Raises
    ------
    ValueError
        With the fix.
    """
    if isinstance(value, str):
        _read_text(value, must_be_number=True)


def shown(value: Any) -> str:
    """A repr for messages, of bounded length and depth."""
    return _shortener.repr(value)


def _syntax_tree(source: str, text: str) -> ast.expr:
    try:
        return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        _malformed(text)


def _literal(node: ast.expr, text: str) -> Any:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id="inf"):
            return math.inf
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            match operand:
                case ast.Constant(value=int() | float()) | ast.Name(id="inf"):
                    value = _literal(operand, text)
                    return -value if isinstance(sign, ast.USub) else value
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_literal(element, text) for element in elements]
        case ast.Call(func=function, args=arguments, keywords=keywords):
            return _call_in_call(_dotted(function, text), arguments, keywords, text)
    _malformed(text)


def _dotted(node: ast.expr, text: str) -> str:
    """``name`` or ``package.module.name``."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return ".".join([node.id, *parts]) if isinstance(node, ast.Name) else _malformed(text)


def _call(name: str, arguments: list[ast.expr], keywords: list[ast.keyword], text: str) -> Call:
    args = tuple(_literal(argument, text) for argument in arguments)
    names = [keyword.arg or _malformed(text) for keyword in keywords]
    if len(set(names)) < len(names):
        _malformed(text)
    values = [_literal(keyword.value, text) for keyword in keywords]
    return Call(name, args, dict(zip(names, values)))


def _call_in_call(
    name: str, arguments: list[ast.expr], keywords: list[ast.keyword], text: str
) -> Any:
    """A surrogate, or what a repr writes as a call: infinity, a Quantity, an array."""
    match name, arguments, keywords:
        case "float", [ast.Constant(value="inf" | "-inf" | "nan" as number)], []:
            return float(number)
        case "Quantity", [magnitude, ast.Constant(value=str() as unit)], []:
            return u.Quantity(read(_literal(magnitude, text)), unit=_unit(unit, text))
        case "array" | "Array", [numbers], []:
            return _array(_literal(numbers, text), None, text)
        case "array" | "Array", [numbers], [ast.keyword("dtype", ast.Name(id=dtype))]:
            return _array(_literal(numbers, text), dtype, text)
    return _call(name, arguments, keywords, text)


def _array(numbers: Any, dtype: str | None, text: str) -> np.ndarray:
    try:
        return np.asarray(numbers, dtype)
    except (TypeError, ValueError):  # ragged, or no such dtype
        _malformed(text)


def _read_text(text: str, must_be_number: bool) -> Any:
    if text in _NON_FINITE:
        return float(text)
    if _WHOLE.fullmatch(text):
        return int(text)
    if re.fullmatch(_NUMBER, text):
        return float(text)
    quantity = _QUANTITY.fullmatch(text)
    if not quantity:
        return text
    magnitude, unit = quantity.groups()
    try:
        unit = _unit(unit, text)
    except ValueError:
        if must_be_number:
            raise
        return text
    return u.Quantity(_magnitude(magnitude, text), unit=unit)


def _unit(unit: str, text: str) -> u.Unit:
    try:
        return u.parse_unit(unit.strip())
    except (ValueError, OverflowError, RecursionError):  # mV^1e999, a thousand parentheses
        raise ValueError(
            f"the unit in {shown(text)} is unknown. Write it as brainunit prints it, like '15 mV'"
        ) from None


def _magnitude(magnitude: str, text: str) -> float | np.ndarray:
    if magnitude.startswith("["):
        return read(_literal(_syntax_tree(magnitude, text), text))
    return float(magnitude)


def _read_list(values: list, default: Any) -> Any:
    """An array where the list holds numbers only, at whatever depth."""
    elements = [read(value, default) for value in values]
    if not elements or not all(type(value) in (int, float, np.ndarray) for value in elements):
        return elements
    try:
        return np.asarray(elements)
    except ValueError:  # ragged
        return elements


def _malformed(text: str) -> NoReturn:
    raise ValueError(
        "a surrogate string is a name or a call with literal arguments, such as "
        f"\"QPseudoSpike(alpha=1.5, scale='15 mV')\", got {shown(text)}"
    )

"""Surrogates as text: call strings, mappings, and the values of parameters in them."""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# "15mV" needs no space; "inf mV" does, as a word may begin with inf, and a unit with a digit.
_QUANTITY = re.compile(rf"\s*({_NUMBER}|[-+]?inf(?=\s)|\[.*\])(?:\s+|(?=[^\s\d.]))(\S.*)")
_NON_FINITE = ("inf", "-inf", "nan")
_Parameter = inspect.Parameter


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
    args = tuple(_literal(node, text) for node in tree.args)
    names = [keyword.arg or _malformed(text) for keyword in tree.keywords]
    if len(set(names)) < len(names):
        _malformed(text)
    values = [_literal(keyword.value, text) for keyword in tree.keywords]
    return Call(name.strip(), args, dict(zip(names, values)))


def name_and_parameters(spec: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Split ``{"name": ..., "alpha": ...}``.

    Raises
    ------
    ValueError
        If there is no name.
    TypeError
        If a key, or the name, is not a string.
    """
    if "name" not in spec:
        raise ValueError(f"a mapping must have the key 'name', got the keys {list(spec)}")
    parameters = dict(spec)
    name = parameters.pop("name")
    for text in (name, *parameters):
        if not isinstance(text, str):
            raise TypeError(f"names of surrogates and parameters are strings, got {text!r}")
    return name, parameters


def signature(surrogate: type[Surrogate]) -> list[str]:
    """The parameters with their defaults: ``["alpha=2.0", "scale=None"]``."""
    parameters = inspect.signature(surrogate).parameters.values()
    return [str(parameter.replace(annotation=_Parameter.empty)) for parameter in parameters]


def read(value: Any) -> Any:
    """The value that a parameter in a string or mapping stands for.

    Raises
    ------
    ValueError
        If a string is a number with an unknown unit.
    """
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, list):
        return _read_list(value)
    return value


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
        value = nested(value) if isinstance(value, Surrogate) else write(name, value)
        if name == "name":
            _unwritable(name, value, "a spec has the name of the surrogate there")
        if parameter.kind is not _Parameter.KEYWORD_ONLY or value != parameter.default:
            written[name] = value
    return written


def write(name: str, value: Any) -> Any:
    """The inverse of `read`, in terms of what JSON has."""
    if isinstance(value, u.Quantity):
        return _write_quantity(name, value)
    if isinstance(value, (brainstate.State, jax.core.Tracer)):
        _unwritable(name, value, "its value is known only where it is used")
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        value = np.asarray(value).tolist()
    if isinstance(value, list):
        return [write(name, element) for element in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str) and read(value) is not value:
        _unwritable(name, value, "the text would be read as a number")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    _unwritable(name, value, "only numbers, arrays, Quantities, strings, None can be written")


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
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return -math.inf
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_literal(element, text) for element in elements]
    _malformed(text)


def _read_text(text: str) -> Any:
    if text in _NON_FINITE:
        return float(text)
    quantity = _QUANTITY.fullmatch(text)
    if not quantity:
        return text
    magnitude, unit = quantity.groups()
    try:
        unit = u.parse_unit(unit.strip())
    except ValueError:
        raise ValueError(
            f"the unit in {text!r} is unknown. Write it as brainunit prints it, like '15 mV'"
        ) from None
    return u.Quantity(_magnitude(magnitude, text), unit=unit)


def _magnitude(magnitude: str, text: str) -> float | np.ndarray:
    if magnitude.startswith("["):
        return read(_literal(_syntax_tree(magnitude, text), text))
    return float(magnitude)


def _read_list(values: list) -> Any:
    """An array where the list holds numbers only, at whatever depth."""
    elements = [read(value) for value in values]
    if not elements or not all(type(value) in (int, float, np.ndarray) for value in elements):
        return elements
    try:
        return np.asarray(elements)
    except ValueError:  # ragged
        return elements


def _attribute(surrogate: Surrogate, name: str) -> Any:
    try:
        return getattr(surrogate, name)
    except AttributeError:
        raise TypeError(
            f"{type(surrogate).__name__} takes the parameter {name!r} but keeps no attribute of "
            f"that name, so no spec can be written. Set self.{name} = {name} in its __init__"
        ) from None


def _write_quantity(name: str, value: u.Quantity) -> Any:
    magnitude = value.mantissa
    if isinstance(magnitude, jax.core.Tracer):
        write(name, magnitude)
    text = f"{np.asarray(magnitude).tolist()} {value.unit}"
    with suppress(ValueError):
        if u.get_unit(read(text)) == value.unit:
            return text
    _unwritable(name, value, f"it would not be read back from {text!r}")


def _malformed(text: str) -> NoReturn:
    raise ValueError(
        "a surrogate string is a name or a call with literal arguments, such as "
        f"\"QPseudoSpike(alpha=1.5, scale='15 mV')\", got {text!r}"
    )


def _unwritable(name: str, value: Any, reason: str) -> NoReturn:
    raise TypeError(f"the parameter {name}={value!r} cannot be written in a spec: {reason}")

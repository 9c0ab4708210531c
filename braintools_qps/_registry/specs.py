"""Build a surrogate from a spec, and write the spec of a surrogate."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

import brainstate
import brainunit as u
import jax
from braintools.surrogate import Surrogate

from ..typing import SurrogateSpec
from .discovery import is_surrogate_class
from .parsing import Call, check_unit, parse, read, shown
from .plain_values import plain
from .resolution import find, name_of

_Parameter = inspect.Parameter
_SURROGATE = (Surrogate, "Surrogate")  # text where a module has annotations from __future__


def build(spec: SurrogateSpec, params: dict[str, Any]) -> Surrogate:
    """The surrogate for whatever `get_surrogate` takes."""
    if isinstance(spec, Surrogate):
        if params:
            raise TypeError(
                "parameters cannot be changed on a surrogate that is already built, got "
                f"{spec!r} and {', '.join(params)}. Pass its class or name, or call its replace()"
            )
        return spec
    if is_surrogate_class(spec):
        return _call(Call(spec.__name__, (), params), spec)
    if isinstance(spec, str):
        spec = parse(spec)
    if isinstance(spec, Mapping):
        spec = _call_of(spec)
    if isinstance(spec, Call):
        return _call(spec._replace(kwargs=spec.kwargs | params), find(spec.name))
    raise TypeError(
        "a surrogate is chosen by a name, a call string, a mapping with a 'name', a subclass of "
        f"braintools.surrogate.Surrogate or an instance of one, got {shown(spec)}. For example "
        "'Sigmoid'"
    )


def write(surrogate: Surrogate) -> dict[str, Any]:
    """The name and the parameters, keyword-only ones left out at their default.

    Raises
    ------
    TypeError
        If the class has no name, or a parameter is no attribute or could not be read back.
    """
    written = {}
    for name, parameter in inspect.signature(type(surrogate)).parameters.items():
        if parameter.kind in (_Parameter.VAR_POSITIONAL, _Parameter.VAR_KEYWORD):
            continue
        value = _attribute(surrogate, name)
        if name == "name":
            _refuse(
                name,
                value,
                "a spec keeps the surrogate's own name under 'name'. Rename the parameter",
            )
        if parameter.kind is not _Parameter.KEYWORD_ONLY or not _is_default(value, parameter):
            written[name] = _written(value, parameter)
    return {"name": name_of(type(surrogate)), **written}


def _call_of(spec: Mapping[str, Any]) -> Call:
    """``{"name": ..., "alpha": ...}`` as a call."""
    if "name" not in spec:
        raise ValueError(
            f"a mapping must have the key 'name', got the keys {list(spec)}. For example "
            "{'name': 'QPseudoSpike', 'alpha': 2.0}"
        )
    parameters = dict(spec)
    name = parameters.pop("name")
    for text in (name, *parameters):
        if not isinstance(text, str):
            raise TypeError(
                f"names of surrogates and parameters must be strings, got {shown(text)}. For "
                "example {'name': 'QPseudoSpike', 'alpha': 2.0}"
            )
    return Call(name, (), parameters)


def _call(call: Call, maker: Callable[..., Surrogate]) -> Surrogate:
    """Call a class, or a function that makes a surrogate, with what the arguments stand for."""
    if "q" in call.kwargs and hasattr(maker, "from_q"):  # the paper's parameters
        maker = maker.from_q
    signature = inspect.signature(maker)
    try:
        bound = signature.bind(*call.args, **call.kwargs)
    except TypeError as error:
        parameters = signature.parameters.values()
        taken = [str(p.replace(annotation=_Parameter.empty)) for p in parameters]
        raise TypeError(f"{error}. Call it as {call.name}({', '.join(taken)})") from None
    for name, value in bound.arguments.items():
        bound.arguments[name] = _read_argument(value, signature.parameters[name])
    try:
        return maker(*bound.args, **bound.kwargs)
    except (TypeError, ValueError):
        for value in bound.arguments.values():
            check_unit(value)
        raise


def _read_argument(value: Any, parameter: inspect.Parameter) -> Any:
    if parameter.kind is _Parameter.VAR_POSITIONAL:
        return tuple(map(read, value))
    if parameter.kind is _Parameter.VAR_KEYWORD:
        return {key: read(item) for key, item in value.items()}
    if parameter.annotation in _SURROGATE:
        return build(value, {})
    return read(value, parameter.default)


def _written(value: object, parameter: inspect.Parameter) -> Any:
    if isinstance(value, Surrogate):
        return write(value)
    _check_read_back(value, parameter)
    return plain(value, lambda other: _refuse(parameter.name, other, _reason(other)))


def _check_read_back(value: object, parameter: inspect.Parameter) -> None:
    """Raise where the written form would be read as something else."""
    if isinstance(value, list):
        for element in value:
            _check_read_back(element, parameter)
    elif isinstance(value, str) and not _is_text(value, parameter.default):
        _refuse(parameter.name, value, "this text would be read as a number. Pass the number")
    elif isinstance(value, (tuple, Mapping)):
        _refuse(parameter.name, value, _reason(value))


def _is_text(value: str, default: object) -> bool:
    with suppress(ValueError):
        return read(value, default) is value
    return False


def _is_default(value: object, parameter: inspect.Parameter) -> bool:
    """Whether value and default have the same written form; arrays have no single ``==``."""
    if value is parameter.default:
        return True
    with suppress(TypeError):
        return bool(_written(value, parameter) == _written(parameter.default, parameter))
    return False


def _attribute(surrogate: Surrogate, name: str) -> Any:
    try:
        return getattr(surrogate, name)
    except AttributeError:
        raise TypeError(
            f"{type(surrogate).__name__} takes the parameter {name!r} but keeps no attribute of "
            f"that name, so no spec can be written. Set self.{name} = {name} in its __init__"
        ) from None


def _reason(value: object) -> str:
    """Why a value cannot be written."""
    if isinstance(u.get_mantissa(value), (brainstate.State, jax.core.Tracer)):
        return "a spec cannot hold a State or a traced value. Pass a number"
    if isinstance(value, u.Quantity):
        return f"it would not be read back from '{value.mantissa} {value.unit}'"
    return "only numbers, arrays, Quantities, strings and None can be written"


def _refuse(name: str, value: object, reason: str) -> NoReturn:
    raise TypeError(f"the parameter {name}={shown(value)} cannot be written in a spec: {reason}")

"""Build a surrogate from a spec, and write the spec of a surrogate."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

import brainstate
import brainunit as u
import jax
from braintools.surrogate import Surrogate

from .._surrogate import Scaled, arguments
from .._wording import shown
from ..typing import SurrogateSpec
from .discovery import is_surrogate_class
from .parsing import Call, parse, read
from .plain_values import plain
from .resolution import find, name_of

_Parameter = inspect.Parameter
_OF_SCALED = {*inspect.signature(Scaled).parameters} - {"surrogate"}
_SURROGATE = (Surrogate, "Surrogate")  # text where a module has annotations from __future__


def build(spec: SurrogateSpec, **params: Any) -> Surrogate:
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
    parameters = inspect.signature(type(surrogate)).parameters
    written = {n: _written(value, parameters[n]) for n, value in arguments(surrogate).items()}
    if "name" in written:
        raise TypeError(
            f"{type(surrogate).__name__} has a parameter called name, which is the key of the "
            "surrogate's own name in a spec. Rename the parameter"
        )
    return {"name": name_of(type(surrogate)), **written}


def call_text(surrogate: Surrogate) -> str:
    """The surrogate as text for `get_surrogate`: ``"QPseudoSpike(alpha=8, scale='15.0 mV')"``.

    Raises
    ------
    TypeError
        As for `write`.
    """
    return _shown_call(**write(surrogate))


def _shown_call(name: str, *args: Any, **parameters: Any) -> str:
    texts = [*map(_argument, args), *(f"{n}={_argument(v)}" for n, v in parameters.items())]
    return f"{name}({', '.join(texts)})"


def _argument(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(_shown_call(**value) if isinstance(value, dict) else value)


def _call_of(spec: Mapping[str, Any]) -> Call:
    """``{"name": ..., "alpha": ...}`` as a call."""
    if not isinstance(spec.get("name"), str):
        raise ValueError(
            f"a mapping must have a text under the key 'name', got {shown(dict(spec))}. For "
            "example {'name': 'QPseudoSpike', 'alpha': 2.0}"
        )
    return Call(spec["name"], (), {key: value for key, value in spec.items() if key != "name"})


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
        fix = f"{call.name}({', '.join(taken)}){_or_scaled(call, signature)}"
        raise TypeError(f"{error}. Call it as {fix}") from None
    for name, value in bound.arguments.items():
        bound.arguments[name] = _read_argument(value, signature.parameters[name])
    return maker(*bound.args, **bound.kwargs)


def _or_scaled(call: Call, signature: inspect.Signature) -> str:
    """The call with `Scaled` around it, if it has parameters of that."""
    own = {n: value for n, value in call.kwargs.items() if n in signature.parameters}
    scaling = {n: value for n, value in call.kwargs.items() if n in _OF_SCALED - own.keys()}
    inner = _shown_call(call.name, *call.args, **own).removesuffix("()")
    return f", or as {_shown_call('Scaled', inner, **scaling)}" if scaling else ""


def _read_argument(value: Any, parameter: inspect.Parameter) -> Any:
    if parameter.kind is _Parameter.VAR_POSITIONAL:
        return tuple(map(read, value))
    if parameter.kind is _Parameter.VAR_KEYWORD:
        return {key: read(item) for key, item in value.items()}
    if parameter.annotation in _SURROGATE:
        return build(value)
    return read(value, parameter.default)


def _written(value: object, parameter: inspect.Parameter) -> Any:
    """The value in JSON's types, if it is read back as it is."""
    if isinstance(value, Surrogate):
        return write(value)
    is_number = isinstance(value, str) and read(value, parameter.default) is not value
    if is_number or isinstance(value, (tuple, Mapping)):
        _refuse(parameter.name, value)
    return plain(value, partial(_refuse, parameter.name))


def _refuse(name: str, value: object) -> NoReturn:
    if isinstance(u.get_mantissa(value), (brainstate.State, jax.core.Tracer)):
        reason = "a spec cannot hold a State or a traced value. Pass a number"
    elif isinstance(value, u.Quantity):
        reason = f"it would not be read back from '{value.mantissa} {value.unit}'"
    elif isinstance(value, str):
        reason = "this text would be read as a number. Pass the number"
    else:
        reason = "only numbers, arrays, Quantities, strings and None can be written"
    raise TypeError(f"the parameter {name}={shown(value)} cannot be written in a spec: {reason}")

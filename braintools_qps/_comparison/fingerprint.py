"""Fingerprints of functions: their code, and the user's code and values that they depend on.

They tell whether a function has changed. Its name does not: every lambda of a notebook is
``__main__:<lambda>``, and an edited function keeps its name.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import inspect
import re
import sys
import sysconfig
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

import brainunit as u
import jax
import numpy as np

PACKAGE = str(Path(__file__).parents[1])
INSTALLED = PACKAGE, *map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
CODE, SOURCE = "functions", "sources"  # in the settings of a comparison
BYTECODE = f"code of Python {sys.version_info.major}.{sys.version_info.minor}: "
PLAIN = bool, int, float, complex, str, bytes, NoneType
CONTAINERS = list, tuple, dict
MOST_ITEMS = 100  # of a container that are compared one by one
WITHIN = {
    property: "fget",
    staticmethod: "__func__",
    classmethod: "__func__",
    functools.cached_property: "func",
}
LONGEST = 80  # characters of a value; of a longer one, the digest


def fingerprint(value: Any) -> dict[str, str]:
    """All that a function's results depend on: names, each with a value or a digest.

    That is its bytecode, defaults and closure, arguments of partials, and the same for all
    functions, classes and values that it refers to. Installed packages are left out, because their
    versions are recorded. The same code has the same fingerprint in every process.

    Examples
    --------
    >>> from functools import partial
    >>> from braintools_qps._comparison.fingerprint import fingerprint
    >>> fingerprint(partial(max, 3))
    {'builtins:max': 'builtins:max', 'builtins:max argument 0': '3'}
    """
    found: dict[str, str] = {}
    for name, text in _parts(name_of(value), value, {}):
        same = name in found and found[name] != text
        found[name] = _digest(found[name] + text) if same else text  # such as two lambdas
    return found


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Differences between two fingerprints; bytecode of different Pythons is not compared."""
    found = []
    for name in {**before, **now}:
        one, other = before.get(name), now.get(name)
        if one == other:
            continue
        if one is None or other is None:
            found.append(f"{name} is {'new' if one is None else 'gone'}")
        elif not (one.startswith("code of") and other.startswith("code of")):
            found.append(f"{name} was {one}, now {other}")
        elif one.partition(":")[0] == other.partition(":")[0]:
            found.append(f"the code of {name} has changed")
    return found


def sources(functions: Mapping[str, Any]) -> dict[str, str]:
    """The sources of the user's functions and classes, if they can be found."""
    found = {}
    for name, function in functions.items():
        function = inspect.unwrap(_without_partial(function))
        with suppress(OSError, TypeError, AttributeError):
            if _is_users(function):
                found[name] = textwrap.dedent(inspect.getsource(function))
    return found


def name_of(function: Any) -> str:
    """Import path of a function, of the function in a partial, or of the type of an object."""
    function = _without_partial(function)
    kind = type(function)
    name = getattr(function, "__qualname__", kind.__qualname__)
    module = getattr(function, "__module__", None) or kind.__module__
    return f"{module}:{name}"


def _without_partial(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _parts(name: str, value: Any, seen: dict[int, Any]) -> Iterator[tuple[str, str]]:
    """Names and texts of a value and of all that it depends on, except for values in ``seen``."""
    if isinstance(value, PLAIN) or (isinstance(value, CONTAINERS) and len(value) > MOST_ITEMS):
        yield name, _text(value)
        return
    if id(value) in seen:
        return
    seen[id(value)] = value  # kept, so that no other object gets its id
    if isinstance(value, functools.partial):
        yield from _parts(name, value.func, seen)
        for key, item in (*enumerate(value.args), *value.keywords.items()):
            yield from _parts(f"{name} argument {key}", item, seen)
    elif isinstance(value, MethodType):
        yield from _parts(name_of(value.__func__), value.__func__, seen)
        yield from _parts(f"{name} of", value.__self__, seen)
    elif isinstance(value, FunctionType):
        yield from _of_function(name_of(value), value, seen)
    elif isinstance(value, type):
        yield from _of_class(name_of(value), value, seen)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _parts(f"{name}[{key!r}]", item, seen)
    elif isinstance(value, (tuple, list)):
        yield name, f"{len(value)} items"
        for number, item in enumerate(value):
            yield from _parts(f"{name}[{number}]", item, seen)
    elif isinstance(getattr(value, "__wrapped__", None), FunctionType):  # by jax.jit, say
        yield from _parts(name, value.__wrapped__, seen)
    elif _is_users(type(value)):
        yield from _parts(name_of(type(value)), type(value), seen)
        for key, item in getattr(value, "__dict__", {}).items():
            yield from _parts(f"{name}.{key}", item, seen)
    else:
        yield name, _text(value)


def _of_function(name: str, value: FunctionType, seen: dict[int, Any]) -> Iterator[tuple[str, str]]:
    inner = dict(zip(value.__code__.co_freevars, value.__closure__ or ()))
    for key, cell in inner.items():
        with suppress(ValueError):  # not filled yet
            yield from _parts(f"{name} with {key}", cell.cell_contents, seen)
    if not _is_users(value):
        yield name, name
        return
    yield name, BYTECODE + _digest(repr(_plain_code(value.__code__)))
    parameters = inspect.signature(value, follow_wrapped=False).parameters.values()
    for parameter in parameters:
        if parameter.default is not parameter.empty:
            yield from _parts(f"{name} default {parameter.name}", parameter.default, seen)
    names = sorted(_names(value.__code__))
    for module in (value.__globals__, *_modules(value.__globals__, names)):
        for key in names:
            if key in module and not isinstance(module[key], ModuleType):
                own = f"{module.get('__name__', '?')}:{key}"
                yield from _parts(own, module[key], seen)


def _of_class(name: str, value: type, seen: dict[int, Any]) -> Iterator[tuple[str, str]]:
    if not _is_users(value):
        yield name, name
        return
    yield name, f"{len(value.__bases__)} bases"
    for base in value.__bases__:
        yield from _parts(name_of(base), base, seen)
    for key, item in vars(value).items():
        item = getattr(item, WITHIN.get(type(item), ""), item)
        if not key.startswith("__") or isinstance(item, FunctionType):
            yield from _parts(f"{name}.{key}", item, seen)


def _modules(scope: Mapping[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """The user's own modules among the names of a scope, each with its contents."""
    found = (scope.get(name) for name in names)
    return [vars(m) for m in found if isinstance(m, ModuleType) and _is_users_file(m.__name__)]


def _is_users(value: Any) -> bool:
    """Whether a function or class is the user's: not of Python, of an installed package or ours."""
    code = getattr(value, "__code__", None)
    if code is not None and not code.co_filename.startswith("<"):
        return _is_users_path(code.co_filename)
    return _is_users_file(value.__module__)


def _is_users_file(module: str) -> bool:
    if module == "__main__" or module not in sys.modules:
        return True
    file = getattr(sys.modules[module], "__file__", None)
    return file is not None and _is_users_path(file)


def _is_users_path(file: str) -> bool:
    return not file.startswith(INSTALLED)


def _names(code: CodeType) -> set[str]:
    """Names of globals and attributes in the code and in the functions within it."""
    inner = (_names(one) for one in code.co_consts if isinstance(one, CodeType))
    return set(code.co_names).union(*inner)


def _plain_code(code: CodeType) -> tuple:
    """Instructions and their arguments, without line numbers and docstrings."""
    line = code.co_firstlineno if "__firstlineno__" in code.co_names else None

    def plain(argument: Any) -> Any:
        if isinstance(argument, CodeType):
            return _plain_code(argument)
        if isinstance(argument, frozenset):
            return sorted(map(repr, argument))
        return None if argument == line else repr(argument)

    steps = [(one.opname, plain(one.argval)) for one in dis.get_instructions(code)]
    form = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0xFF
    return steps, code.co_varnames, form


def _text(value: Any) -> str:
    """A value, or its digest where it is long."""
    if isinstance(value, (np.ndarray, jax.Array, u.Quantity)):
        array = np.asarray(u.get_mantissa(value))
        return _digest(f"{array.dtype}{array.shape}{u.get_unit(value)}", array.tobytes())
    if isinstance(value, (set, frozenset)):
        text = repr(sorted(map(repr, value)))
    elif callable(value) and hasattr(value, "__qualname__"):
        text = name_of(value)
    else:
        text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    return text if len(text) <= LONGEST else _digest(text)


def _digest(text: str, contents: bytes = b"") -> str:
    return hashlib.sha256(text.encode() + contents).hexdigest()[:16]

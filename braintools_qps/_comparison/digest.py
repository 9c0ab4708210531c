"""Digests of values, and of the user's code as it is in memory.

No digest sees all that numbers depend on. What these do not see, such as a global of a notebook, a
file that is read or a library that was patched, shows when kept runs are tried (`kept`).
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from types import CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

import jax
import numpy as np

from .._wording import is_users
from .packing import raw

SCRIPT = "__main__", "__mp_main__"  # or a notebook; the second is the same in processes it starts
BY_VALUE = bool, int, float, complex, str, bytes, range, slice, NoneType, type(...)
OPAQUE = {*sys.stdlib_module_names, "jax", "jaxlib", "numpy"}  # their objects go by their types
WITHIN: dict[type, tuple[str, ...]] = {
    property: ("fget", "fset"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    functools.cached_property: ("func",),
    functools.partial: ("func", "args", "keywords"),
    MethodType: ("__func__", "__self__"),
}


def digest(value: object) -> str:
    """A digest that is the same in every process; the user's functions go by their code.

    Examples
    --------
    >>> from functools import partial
    >>> from braintools_qps._comparison.digest import digest
    >>> digest(partial(max, 3)) == digest(partial(max, 3)) != digest(partial(max, 4))
    True
    """
    return _Digests().of(value)


def modules() -> dict[str, str]:
    """Digests of the user's imported modules, by name: of their code and their plain globals.

    Of a script or a notebook only the functions and classes count, because variables change.
    """
    users = [name for name in sorted(sys.modules) if _is_users_module(name) and name != SCRIPT[1]]
    return {name: digest(_content(name)) for name in users}


def name_of(function: Any) -> str:
    """Import path of a function, of the function in a partial, or of the type of an object."""
    function = without_partial(function)
    kind = type(function)
    name = getattr(function, "__qualname__", kind.__qualname__)
    module = getattr(function, "__module__", None) or kind.__module__
    return f"{module}:{name}"


def without_partial(function: Any) -> Any:
    """The function that a partial calls."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


class _Digests:
    """Digests of values that may hold each other, each computed once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, Any]] = {}  # with the value, so that its id stays its own

    def of(self, value: Any) -> str:
        if type(value) in BY_VALUE:
            return f"{type(value).__name__} {value!r}"
        if id(value) not in self._known:
            self._known[id(value)] = "circle", value
            parts: Any = "opaque"
            with suppress(Exception):  # such as an array that was donated
                parts = self._parts(value)
            text = repr((type(value).__qualname__, parts))
            self._known[id(value)] = sha256(text.encode()).hexdigest()[:32], value
        return self._known[id(value)][0]

    def _parts(self, value: Any) -> Any:
        if isinstance(value, (np.ndarray, np.generic, jax.Array)):
            return self._of_array(value)
        if isinstance(value, Mapping):
            return [(self.of(key), self.of(item)) for key, item in value.items()]
        if isinstance(value, (list, tuple)):
            return [self.of(item) for item in value]
        if isinstance(value, (set, frozenset)):
            return sorted(map(self.of, value))
        if isinstance(value, CodeType):
            return self._of_code(value)
        name = getattr(value, "__name__", "")  # of a module or a ufunc, which has no other
        return name_of(value), name, [self.of(part) for part in _inner(value)]

    def _of_array(self, value: Any) -> Any:
        array, mask = raw(value), np.ma.getmaskarray(value) if np.ma.isMA(value) else None
        content = array.tolist() if array.dtype.hasobject else sha256(array.tobytes()).hexdigest()
        is_weak = getattr(value, "weak_type", False)
        return str(value.dtype), is_weak, array.shape, self.of(content), self.of(mask)

    def _of_code(self, code: CodeType) -> Any:
        """Instructions, names and constants, without line numbers."""
        line = code.co_firstlineno if "__firstlineno__" in code.co_names else None
        constants = [self.of(constant) for constant in code.co_consts if constant != line]
        names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        return code.co_code.hex(), names, counts, code.co_exceptiontable.hex(), constants


def _inner(value: Any) -> Iterable[Any]:
    """What counts of a function, a class or another object."""
    if type(value) in WITHIN:
        return [getattr(value, name) for name in WITHIN[type(value)]]
    if isinstance(value, type):
        return [value.__bases__, _members(value)] if _is_users(value) else []
    if isinstance(value, FunctionType) and _is_users(value):
        given = value.__defaults__, value.__kwdefaults__
        return [value.__code__, given, _cells(value), vars(value)]
    if wrapped := getattr(value, "__dict__", {}).get("__wrapped__"):
        return [wrapped]  # of jit, whose other parts are caches
    if isinstance(value, FunctionType):
        return _cells(value)
    if type(value).__module__.partition(".")[0] in OPAQUE or isinstance(value, ModuleType):
        return []
    return value.__reduce_ex__(4)[:3]  # what pickle would keep


def _members(value: type) -> dict[str, Any]:
    kinds = (FunctionType, *WITHIN)
    return {
        name: item
        for name, item in sorted(vars(value).items())
        if name != "_abc_impl" and (not name.startswith("__") or isinstance(item, kinds))
    }


def _cells(function: FunctionType) -> list[Any]:
    cells = []
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not filled yet
            cells.append(cell.cell_contents)
    return cells


def _is_users(value: Any) -> bool:
    """Whether a function or class is the user's: not of Python, of an installed package or ours."""
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType) and not code.co_filename.startswith("<"):  # a class has a slot
        return is_users(code.co_filename)
    return _is_users_module(getattr(value, "__module__", None) or type(value).__module__)


def _is_users_module(name: str) -> bool:
    """The same of a module; a cell of a notebook has no file."""
    file = getattr(sys.modules.get(name), "__dict__", {}).get("__file__")
    return name == SCRIPT[0] if file is None else is_users(file)


def _content(name: str) -> Any:
    """The globals of a module; of a script the functions and classes that it defines."""
    content = sorted(vars(sys.modules[name]).items())
    if name not in SCRIPT:
        return {n: value for n, value in content if not n.startswith("__")}
    functions = [value for _, value in content if _is_defined_in_script(value)]
    return set(map(digest, functions))


def _is_defined_in_script(value: Any) -> bool:
    inner = inspect.unwrap(value) if callable(value) else value
    is_code = isinstance(inner, (FunctionType, type))
    return is_code and inner.__module__ in SCRIPT and _is_users(inner)

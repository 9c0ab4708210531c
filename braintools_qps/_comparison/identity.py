"""The identity of code: a digest of all that a function's results depend on.

The name of a function does not tell: every lambda of a notebook is ``__main__:<lambda>``, and an
edited function keeps its name. A digest that is new without need costs a training; one that stays
when something has changed would be a wrong answer. So bytecode, closures, arguments and globals
count by value, the sources of the user's modules count as a whole, and an object that cannot be
taken apart never equals anything.
"""

from __future__ import annotations

import ast
import copyreg
import dis
import functools
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib import import_module
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType, NoneType
from typing import Any
from uuid import uuid4

import brainstate
import jax
import numpy as np

from .._wording import is_users
from .numerics import PACKAGES
from .packing import raw

KNOWN = {name.replace("-", "_") for name in PACKAGES} | {"jaxlib", "saiunit"}
SCRIPT = "__main__", "__mp_main__"  # counts by its functions alone: a call in it may change
UNKNOWN = "unknown:"  # begins a digest that equals no other
BY_VALUE = bool, int, float, complex, str, bytes, NoneType, type(...), type(NotImplemented)
WITHIN = {
    property: ("fget", "fset"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    functools.cached_property: ("func",),
}


def identity(*values: object) -> str:
    """A digest of functions and values; it is the same in every process.

    With an object that cannot be taken apart, such as an open file, it equals no other digest.

    Examples
    --------
    >>> from functools import partial
    >>> from braintools_qps._comparison.identity import identity
    >>> identity(partial(max, 3)) == identity(partial(max, 3)) != identity(partial(max, 4))
    True
    """
    walk = _Walk()
    parts = [walk.of(value) for value in values]
    if walk.unknown:
        return f"{UNKNOWN} {walk.unknown[0]} {uuid4()}"
    return sha256(repr((parts, walk.sources(), walk.packages())).encode()).hexdigest()[:32]


def name_of(function: Any) -> str:
    """Import path of a function, of the function in a partial, or of the type of an object."""
    function = without_partial(function)
    kind = type(function)
    name = getattr(function, "__qualname__", kind.__qualname__)
    module = getattr(function, "__module__", None) or kind.__module__
    return f"{module}:{name}"


def sources(functions: Mapping[str, Any]) -> dict[str, str]:
    """The sources of the user's functions and classes, if they can be found, for the record."""
    texts = {}
    for name, function in functions.items():
        function = inspect.unwrap(without_partial(function))
        with suppress(OSError, TypeError, AttributeError):
            if _is_users(function):
                texts[name] = textwrap.dedent(inspect.getsource(function))
    return texts


class _Walk:
    """Takes values apart into nested tuples of text, and remembers the modules on the way."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, Any]] = {}  # with the value, so that its id stays its own
        self._modules: dict[str, ModuleType] = {}
        self._packages: set[str] = set()
        self.unknown: list[str] = []  # types of objects that cannot be taken apart

    def of(self, value: Any) -> Any:
        if type(value) in BY_VALUE or (type(value) is tuple and {*map(type, value)} <= {*BY_VALUE}):
            return f"{type(value).__name__} {value!r}"
        if id(value) in self._seen:
            return self._seen[id(value)][0]
        self._seen[id(value)] = f"number {len(self._seen)}", value
        if isinstance(value, (np.ndarray, np.generic, jax.Array)):
            return self._of_array(value)
        if isinstance(value, (set, frozenset)):
            return "set", sorted(repr(self.of(item)) for item in value)
        if type(value) in (list, tuple):
            return type(value).__name__, [self.of(item) for item in value]
        if type(value) in (dict, MappingProxyType):
            return "dict", [(self.of(key), self.of(item)) for key, item in value.items()]
        if isinstance(value, brainstate.State):
            return self.of(type(value)), self.of(value.value)
        if isinstance(value, CodeType):
            return self._of_code(value)
        if isinstance(value, ModuleType):
            return self._of_module(value.__name__)
        if isinstance(value, FunctionType):
            return self._of_function(value)
        if isinstance(value, MethodType):
            return self.of(value.__func__), self.of(value.__self__)
        if type(value) in WITHIN:
            return [self.of(getattr(value, name)) for name in WITHIN[type(value)]]
        return self._of_class(value) if isinstance(value, type) else self._of_object(value)

    def sources(self) -> list[str]:
        """Digests of the user's imported modules, and of those that they import."""
        modules = list(self._modules.values())
        for module in modules:  # grows
            for value in list(vars(module).values()):
                name = getattr(
                    value, "__name__" if isinstance(value, ModuleType) else "__module__", ""
                )
                if isinstance(name, str) and self._is_new(name):
                    self._of_module(name)
                    modules.append(self._modules[name])
        return sorted(filter(None, map(_source, self._modules.values())))

    def packages(self) -> list[str]:
        """Versions, and digests of the files, of other installed packages."""
        return sorted(map(_distributions, self._packages))

    def _of_array(self, value: Any) -> Any:
        array = raw(value)
        if array.dtype.hasobject:
            return "array", array.shape, self.of(array.tolist())
        return "array", str(value.dtype), array.shape, sha256(array.tobytes()).hexdigest()

    def _of_object(self, value: Any) -> Any:
        """By what pickle would keep of it: attributes, slots, items."""
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except Exception:
            if hasattr(value, "__name__") and not _is_users(value):
                return self._of_installed(value)  # such as a ufunc, which is known by its name
            self.unknown.append(type(value).__qualname__)
            return "unknown"
        if isinstance(reduced, str):
            return self._of_installed(value), self.of(getattr(value, "__wrapped__", None))
        parts = [list(part) if isinstance(part, Iterator) else part for part in reduced]
        return "object", [self.of(part) for part in parts]

    def _of_installed(self, value: Any) -> str:
        name = name_of(value)
        self._packages.add(name.partition(":")[0].partition(".")[0])
        return name

    def _of_function(self, value: FunctionType) -> Any:
        cells = []
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            with suppress(ValueError):  # not filled yet
                cells.append((name, self.of(cell.cell_contents)))
        if not _is_users(value):
            return self._of_installed(value), cells
        self._of_module(value.__module__)
        given = [self.of(part) for part in (value.__defaults__, value.__kwdefaults__)]
        attributes = {n: v for n, v in vars(value).items() if n != "__wrapped__"}
        used = self._of_names(value.__code__, value.__globals__)
        return "function", self.of(value.__code__), cells, given, self.of(attributes), used

    def _of_names(self, code: CodeType, scope: dict[str, Any]) -> list[Any]:
        """The globals that a function uses, those in other modules of the user included."""
        codes = list(_codes(code))
        names = sorted({name for part in codes for name in part.co_names})
        scopes = [scope]
        scopes.append(dict(_imported(codes, scope.get("__package__") or "")))
        parts = []
        for within in scopes:  # grows
            for name in names:
                value = within.get(name)
                if isinstance(value, ModuleType) and self._of_module(value.__name__) is None:
                    if all(vars(value) is not scope for scope in scopes):
                        scopes.append(vars(value))
                elif name in within and not isinstance(value, ModuleType):
                    parts.append((name, self.of(value)))
        return parts

    def _of_class(self, value: type) -> Any:
        if not _is_users(value):
            return self._of_installed(value)
        self._of_module(value.__module__)
        members = {
            name: self.of(item)
            for name, item in list(vars(value).items())  # a member may be added on reading
            if name != "_abc_impl"
            and (not name.startswith("__") or isinstance(item, (FunctionType, *WITHIN)))
        }
        return "class", [self.of(base) for base in value.__bases__], self.of(type(value)), members

    def _of_module(self, name: str) -> str | None:
        """Remember a module; the name of one that is installed, None for one of the user's."""
        if not _is_users_module(name):
            self._packages.add(name.partition(".")[0])
            return name
        if name in sys.modules and name not in SCRIPT:
            self._modules[name] = sys.modules[name]
        return None

    def _is_new(self, name: str) -> bool:
        known = name not in sys.modules or name in SCRIPT or name in self._modules
        return not known and _is_users_module(name)

    def _of_code(self, code: CodeType) -> Any:
        """Instructions, names and constants, without line numbers."""
        line = code.co_firstlineno if "__firstlineno__" in code.co_names else None
        constants = [self.of(constant) for constant in code.co_consts if constant != line]
        names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        return code.co_code.hex(), names, counts, code.co_exceptiontable.hex(), constants


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _imported(codes: Iterable[CodeType], package: str) -> Iterator[tuple[str, ModuleType]]:
    """Modules of the user's that a function imports when it is called, by their last names."""
    module = ""
    for step in (step for code in codes for step in dis.get_instructions(code)):
        if step.opname == "IMPORT_NAME":
            module = step.argval
        elif step.opname != "IMPORT_FROM":
            continue
        for path in {module, f"{module}.{step.argval}", f"{package}.{step.argval}"}:
            with suppress(Exception):  # the name of something in a module
                if _is_users_import(path):
                    import_module(path)
                    yield path.rpartition(".")[2], sys.modules[path]


@functools.cache
def _distributions(package: str) -> str:
    if package in KNOWN or package in sys.stdlib_module_names:
        return ""
    versions = []
    for name in packages_distributions().get(package, ()):
        files = distribution(name).read_text("RECORD") or ""
        version = distribution(name).version
        versions.append(f"{name} {version} {sha256(files.encode()).hexdigest()}")
    return ", ".join(sorted({*versions}))


def _source(module: ModuleType) -> str | None:
    """A digest of a module's file, without its comments; None for the cells of a notebook."""
    file = _file(module)
    if file is None or not Path(file).is_file():
        return None
    content = Path(file).read_bytes()
    with suppress(SyntaxError, ValueError):
        content = ast.dump(ast.parse(content)).encode()
    return sha256(content).hexdigest()


def without_partial(function: Any) -> Any:
    """The function that a partial calls."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _is_users(value: Any) -> bool:
    """Whether a function or class is the user's: not of Python, of an installed package or ours."""
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType) and not code.co_filename.startswith("<"):  # a class has a slot
        return is_users(code.co_filename)
    return _is_users_module(getattr(value, "__module__", None) or type(value).__module__)


def _is_users_module(name: str) -> bool:
    if name == "__main__" or name not in sys.modules:
        return name.partition(".")[0] not in sys.stdlib_module_names
    file = _file(sys.modules[name])
    return file is not None and is_users(file)


def _is_users_import(path: str) -> bool:
    """The same of what may not be imported yet; the packages of others are left alone."""
    name = path.partition(".")[0]
    spec = None if name in sys.stdlib_module_names else find_spec(name)
    places = spec and (spec.submodule_search_locations or [spec.origin or "<"])
    return any(map(is_users, places or ()))


def _file(module: ModuleType) -> str | None:
    """The file of a module, or a folder of a package without ``__init__``."""
    folders = getattr(module, "__path__", None) or (None,)
    return getattr(module, "__file__", None) or next(iter(folders))

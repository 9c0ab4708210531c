"""The user's code as keys have it: source without comments, docstrings and places of files.

What a source does not show, such as a file that it reads or a variable of a notebook, shows in the
probe of a run (`kept`).
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import json
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from .._wording import is_users
from ..records import to_plain

SCRIPT = "__main__", "__mp_main__"  # or a notebook; the second is the same in processes it starts
PLAIN = bool, int, float, complex, str, bytes, type(None)
LONG = 200  # characters of a value that a key has as it is

# Source and imported modules by name, with the spec that an import or a reload has made: a module
# that is edited afterwards still runs as it was
_read: dict[str, tuple[ModuleSpec, str, list[str]]] = {}


def name_of(function: Any) -> str:
    """Import path of a function, of the function in a partial, or of the type of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    kind = type(function)
    name = getattr(function, "__qualname__", kind.__qualname__)
    module = getattr(function, "__module__", None) or kind.__module__
    return f"{module}:{name}"


def described(value: Any) -> Any:
    """A value as keys have it, in JSON's types: what is long goes by its digest.

    Functions go by their names and by the numbers and texts that they close over.
    """
    if isinstance(value, Mapping):
        return {str(name): described(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if isinstance(value, functools.partial):
        return [described(part) for part in (value.func, value.args, value.keywords)]
    if isinstance(value, FunctionType):
        held = [each for each in _closed_over(value) if isinstance(each, PLAIN)]
        code = _digest_of_loaded(value) if value.__name__ == "<lambda>" else ""
        return [name_of(value) + code, *held] if held else name_of(value) + code
    plain = to_plain(value)
    return plain if len(text := json.dumps(plain)) < LONG else _digest(text)


def _closed_over(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # it has no value yet
            yield cell.cell_contents


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _digest_of_loaded(function: FunctionType) -> str:
    """A digest of a function as it is in memory."""
    code = function.__code__
    constants = [constant for constant in code.co_consts if isinstance(constant, PLAIN)]
    return _digest(repr((code.co_code, code.co_names, constants)))


def loaded_code(file: str) -> list[str]:
    """Digests of the functions and methods of a module in memory, by its name in `sources`."""
    module = sys.modules.get(file.removesuffix(".py").replace("/", "."))
    members = [*vars(module or object).values()]
    members += [each for kind in members if isinstance(kind, type) for each in vars(kind).values()]
    return sorted(_digest_of_loaded(each) for each in members if isinstance(each, FunctionType))


def sources(values: Iterable[object]) -> dict[str, str]:
    """Digests of the user's code behind functions, classes and partials, by name.

    A module counts as a whole, under the name of its file, and so do the modules that it imports.
    Of a script or a notebook each function and class counts that is used, under its own name.

    Examples
    --------
    >>> from braintools_qps._comparison.code import sources
    >>> sources([print])
    {}
    """
    texts: dict[str, str] = {}
    for value in values:
        _collect(value, texts)
    return {name: _digest(text) for name, text in sorted(texts.items())}


def _collect(value: Any, texts: dict[str, str]) -> None:
    """Add the source of a value, and of what it uses; other values than code have none."""
    if isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            _collect(part, texts)
    elif isinstance(value, ModuleType):
        _collect_module(value.__name__, texts)
    elif callable(value):
        value = inspect.unwrap(getattr(value, "__func__", value))
        value = value if isinstance(value, (FunctionType, type)) else type(value)
        if value.__module__ in SCRIPT:
            _collect_definition(value, texts)
        else:
            _collect_module(value.__module__, texts)


def _collect_module(name: str, texts: dict[str, str]) -> None:
    spec = _spec(name)
    path = (spec and spec.origin) or "<"
    if spec is None or not (path.endswith(".py") and is_users(path)):
        return
    if name not in _read or _read[name][0] is not spec:
        tree: ast.AST = ast.Module([], [])
        with suppress(OSError, SyntaxError):
            tree = ast.parse(Path(path).read_bytes())
        _read[name] = spec, _text(tree), [*_imported(tree, spec.parent or "")]
    file, (_, text, imported) = f"{name.replace('.', '/')}.py", _read[name]
    if file not in texts:
        texts[file] = text
        for other in imported:
            _collect_module(other, texts)


def _spec(name: str) -> ModuleSpec | None:
    with suppress(ImportError, AttributeError, ValueError):
        return getattr(sys.modules.get(name), "__spec__", None) or importlib.util.find_spec(name)
    return None


def _collect_definition(value: Any, texts: dict[str, str]) -> None:
    """Add a function or a class of a script or a notebook, as far as its source is known."""
    if value.__qualname__ in texts:
        return
    nodes: list[Any] = []
    with suppress(StopIteration, SyntaxError):
        functions = (f for f in (value, *vars(value).values()) if isinstance(f, FunctionType))
        lines = linecache.getlines(next(functions).__code__.co_filename)
        nodes = [*ast.walk(ast.parse("".join(lines)))]
    own = ast.Module([node for node in nodes if _name(node) == value.__name__], [])
    texts[value.__qualname__] = _text(own)
    for name in sorted({node.id for node in ast.walk(own) if isinstance(node, ast.Name)}):
        _collect(vars(sys.modules[value.__module__]).get(name), texts)
    for name in _imported(own, ""):
        _collect_module(name, texts)


def _name(node: ast.AST) -> str:
    """The name of a definition."""
    return "<lambda>" if isinstance(node, ast.Lambda) else getattr(node, "name", "")


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Names of the modules that a source imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            with suppress(ImportError):
                name = importlib.util.resolve_name(name, package)
                yield name
                if (spec := _spec(name)) and is_users(spec.origin or "<"):
                    yield from (f"{name}.{each.name}" for each in node.names)


def _text(tree: ast.AST) -> str:
    """The source without comments and docstrings."""
    for node in ast.walk(tree):
        body: Any = getattr(node, "body", None)
        match body:
            case [ast.Expr(value=ast.Constant(value=str())), *others]:
                body[:1] = [] if others else [ast.Pass()]
    return ast.unparse(tree)

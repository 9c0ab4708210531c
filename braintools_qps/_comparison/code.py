"""The user's code as keys have it: source without comments, docstrings and places of files.

What a source does not show, such as a file that it reads, shows in the probe of a run (`kept`).
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
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .._wording import is_users
from ..records import to_plain

SCRIPT = "__main__", "__mp_main__"  # or a notebook; the second is the same in processes it starts
PLAIN = bool, int, float, complex, str, bytes, type(None)
LONG = 200  # characters of a value that a key has as it is
DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda

# By name, with the spec that an import or a reload has made: a module that is edited afterwards
# still runs as it was
_seen: dict[str, tuple[ModuleSpec, str, list[str]]] = {}


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
        code = _digest(_code_text(value.__code__)) if value.__name__ == "<lambda>" else ""
        return [name_of(value) + code, *held] if held else name_of(value) + code
    plain = to_plain(value)
    return plain if len(text := json.dumps(plain)) < LONG else _digest(text)


def _closed_over(function: FunctionType) -> list[Any]:
    values = []
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not filled yet
            values.append(cell.cell_contents)
    return values


def _code_text(code: CodeType) -> str:
    """The code of a function whose source is not known."""
    constants = [constant for constant in code.co_consts if isinstance(constant, PLAIN)]
    return repr((code.co_code, code.co_names, constants))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


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
    digests: dict[str, str] = {}
    waiting: list[Any] = [*values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, functools.partial):
            waiting += [value.func, *value.args, *value.keywords.values()]
        elif isinstance(value, ModuleType):
            waiting.append(value.__spec__)
        elif isinstance(value, ModuleSpec) or callable(value):
            name, digest, others = _source(value)
            if name not in digests:
                digests |= {name: digest} if digest else {}
                waiting += others
    return dict(sorted(digests.items()))


def _source(value: Any) -> tuple[str, str, list[Any]]:
    """The name and the digest of a source, and what else it uses; no digest if not the user's."""
    if isinstance(value, ModuleSpec):
        return _of_module(value)
    value = inspect.unwrap(getattr(value, "__func__", value))
    value = value if isinstance(value, (FunctionType, type)) else type(value)
    if value.__module__ in SCRIPT:
        return _of_definition(value)
    held = [] if isinstance(value, type) else _closed_over(value)
    return "", "", [each for each in (_spec(value.__module__), *held) if each is not None]


def _spec(name: str) -> ModuleSpec | None:
    with suppress(ImportError, AttributeError, ValueError):
        return getattr(sys.modules.get(name), "__spec__", None) or importlib.util.find_spec(name)
    return None


def _of_module(spec: ModuleSpec) -> tuple[str, str, list[Any]]:
    name, file = spec.name, spec.origin or ""
    if not (file.endswith(".py") and is_users(file)):
        return "", "", []
    if name not in _seen or _seen[name][0] is not spec:
        with suppress(OSError, SyntaxError):
            tree = ast.parse(Path(file).read_bytes())
            texts = _running(name, file)
            is_current = texts <= {*map(_code_text, _codes(compile(tree, file, "exec")))}
            text = _text(tree) if is_current else repr(sorted(texts))
            _seen[name] = spec, _digest(text), [*_imported(tree, spec.parent or "")]
    _, digest, imported = _seen.get(name, (None, "unreadable", []))
    return f"{name.replace('.', '/')}.py", digest, [*filter(None, map(_spec, imported))]


def _running(name: str, file: str) -> set[str]:
    """The code of the functions of a module in memory: its file may have changed since."""
    members = [*vars(sys.modules.get(name, object)).values()]
    members += [m for each in members if isinstance(each, type) for m in vars(each).values()]
    codes = [member.__code__ for member in members if isinstance(member, FunctionType)]
    return {_code_text(code) for code in codes if code.co_filename == file}


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _of_definition(value: Any) -> tuple[str, str, list[Any]]:
    """The same of a function or a class of a script or a notebook."""
    functions = [f for f in (value, *vars(value).values()) if isinstance(f, FunctionType)]
    nodes: list[ast.AST] = []
    for function in functions[:1]:
        code = function.__code__
        line = None if isinstance(value, type) else code.co_firstlineno
        with suppress(SyntaxError):
            for node in ast.walk(ast.parse("".join(linecache.getlines(code.co_filename)))):
                name = getattr(node, "name", "<lambda>")
                if isinstance(node, DEFINITIONS) and name == value.__name__:
                    nodes += [node] * (line in (None, _line(node)))
    text = "\n".join(map(_text, nodes)) or "\n".join(_code_text(f.__code__) for f in functions)
    used = {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}
    used |= {name for function in functions for name in function.__code__.co_names}
    script = vars(sys.modules[value.__module__])
    imported = [_spec(name) for node in nodes for name in _imported(node, "")]
    held = [each for function in functions for each in _closed_over(function)]
    others = [script[name] for name in sorted(used) if name in script] + held
    return value.__qualname__, _digest(text), [*others, *filter(None, imported)]


def _line(node: Any) -> int:
    return min(part.lineno for part in (node, *getattr(node, "decorator_list", ())))


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

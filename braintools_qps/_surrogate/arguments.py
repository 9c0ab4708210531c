"""The arguments with which a surrogate can be made again: what its repr and its spec show."""

from __future__ import annotations

import inspect
from typing import Any

from braintools.surrogate import Surrogate

from .keys import value_key


def arguments(surrogate: Surrogate) -> dict[str, Any]:
    """Positional arguments, and keyword-only ones that differ from their default.

    Raises
    ------
    TypeError
        If a parameter of the class is no attribute of the surrogate.
    """
    parameters = inspect.signature(type(surrogate)).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    values = {p.name: _attribute(surrogate, p.name) for p in named}
    needed = lambda p: value_key(values[p.name]) != value_key(p.default)
    return {p.name: values[p.name] for p in named if p.kind is not p.KEYWORD_ONLY or needed(p)}


def _attribute(surrogate: Surrogate, name: str) -> Any:
    try:
        return getattr(surrogate, name)
    except AttributeError:
        raise TypeError(
            f"{type(surrogate).__name__} takes the parameter {name!r} but keeps no attribute of "
            f"that name, so no spec can be written. Set self.{name} = {name} in its __init__"
        ) from None

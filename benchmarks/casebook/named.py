"""Functions by the names that TOML files have: ``"mean"``, ``{ of = "times", factor = 255 }``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from types import SimpleNamespace
from typing import Any


def function(of: str | Mapping[str, Any], names: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of a name, which may have dots, with its arguments."""
    if isinstance(of, str):
        return attrgetter(of)(SimpleNamespace(**names))
    given = dict(of)
    return partial(function(given.pop("of"), names), **given)

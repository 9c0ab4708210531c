"""Reads a comparison back from JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from .._wording import shortened

LONGEST_REASON = 200  # characters

Read = TypeVar("Read")


def read_comparison(kind: type[Read], text: str) -> Read:
    """A comparison from the JSON that it wrote.

    Raises
    ------
    ValueError
        If it has another format, or cannot be read and shown.
    """
    try:
        values = json.loads(text)
        form: Any = kind
        written, expected = values["format"], form.FORMAT
        if written != expected:
            raise ValueError(f"it has the format {written!r}, and this version reads {expected!r}")
        comparison: Any = _from_plain(kind, values)
        comparison.to_dict()
        comparison.table(wide=True)
        comparison.to_csv()
        comparison.methods()
    except Exception as error:
        why = shortened(f"{type(error).__name__}: {error}", LONGEST_REASON)
        raise ValueError(
            f"a comparison is read from the JSON that compare wrote, as it is, got {why}. Read it "
            "with the version that wrote it"
        ) from error
    return comparison


def _from_plain(kind: Any, value: Any) -> Any:
    """A value of a type that a field of a comparison has; keys that are no fields are left out."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:  # with None
        return None if value is None else _from_plain(arguments[0], value)
    if origin is tuple:
        return tuple(_from_plain(arguments[0], item) for item in value)
    if dataclasses.is_dataclass(kind):
        types, known = get_type_hints(kind), {field.name for field in dataclasses.fields(kind)}
        make: Any = kind
        return make(**{n: _from_plain(types[n], value[n]) for n in known & {*value}})
    if kind is float:
        return float(value)
    if not isinstance(value, Mapping if origin is Mapping else kind):
        raise TypeError(f"a value of type {kind} is needed, got {value!r}")
    return value

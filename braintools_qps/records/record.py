"""The base class of all results: plain values, equality, a table."""

from __future__ import annotations

import dataclasses
import json
import re
from contextlib import suppress
from functools import partial, singledispatch
from typing import Any, ClassVar

from braintools.surrogate import Surrogate

from .._registry import plain, surrogate_spec
from .table import Table, fields_table


class Record:
    """Base class of all results: a frozen dataclass that can be saved as JSON.

    Two records are equal if they have the same plain values: NaN equals NaN, and arrays are
    compared element by element. Declare a subclass with ``@dataclass(frozen=True, eq=False)``, and
    with ``repr=False`` if it prints as a table: the one registered in ``table_of``, or its fields.

    Examples
    --------
    >>> from braintools_qps.records import Cost
    >>> record = Cost(0.35, peak_bytes=1000)
    >>> record.to_json()
    '{"seconds_per_epoch": 0.35, "peak_bytes": 1000}'
    """

    # The name and version of the format, for records that are saved in files of their own.
    FORMAT: ClassVar[str | None] = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for strict JSON.

        Records become dictionaries, arrays and tuples lists, surrogates their spec and Quantities
        text such as ``"15.0 mV"``. Numbers that are not finite become ``"nan"``, ``"inf"`` and
        ``"-inf"``. A function, or a surrogate without a spec, becomes ``{"repr": ...}``.

        Returns
        -------
        dict

        Examples
        --------
        >>> from braintools_qps.records import Cost
        >>> Cost(0.35, peak_bytes=1000).to_dict()
        {'seconds_per_epoch': 0.35, 'peak_bytes': 1000}
        """
        this: Any = self  # mypy knows no dataclass without its decorator
        names = (field.name for field in dataclasses.fields(this))
        fields = {name: to_plain(getattr(self, name)) for name in names}
        return {"format": self.FORMAT} | fields if self.FORMAT else fields

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the result of `to_dict` as strict JSON.

        Parameters
        ----------
        indent : int, optional
            Spaces for each level; by default everything is on one line.

        Returns
        -------
        str

        Examples
        --------
        >>> from braintools_qps.records import Cost
        >>> Cost(0.35, peak_bytes=1000).to_json()
        '{"seconds_per_epoch": 0.35, "peak_bytes": 1000}'
        """
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        texts = (value for value in self.to_dict().values() if isinstance(value, str))
        return hash((type(self), *texts))

    def __repr__(self) -> str:
        return table_of(self).text

    def _repr_html_(self) -> str:
        return table_of(self).html


@singledispatch
def table_of(record: Any) -> Table:
    """The table that a record prints as: its fields, or what is registered for its class."""
    return fields_table(record)


def to_plain(value: Any) -> Any:
    """The value in terms of dict, list, str, int, float, bool and None, ready for strict JSON.

    Surrogates become their spec, records dictionaries, and the rest is as `plain` of the registry
    writes it. An object that has no such form, such as a surrogate with a State, becomes
    ``{"repr": ...}``. That text is the same in every process: functions, classes and partials are
    written by their import path.
    """
    return plain(value, _written)


def _written(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Surrogate):
        with suppress(TypeError):
            return surrogate_spec(value)
    if isinstance(value, partial):
        arguments = {"args": to_plain(value.args), "keywords": to_plain(value.keywords)}
        return _written(value.func) | arguments
    if hasattr(value, "__qualname__"):
        return {"repr": f"{getattr(value, '__module__', '?')}:{value.__qualname__}"}
    return {"repr": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))}

"""The base class of all results: to plain values and back, equality, a table."""

from __future__ import annotations

import dataclasses
import json
import reprlib
from collections.abc import Mapping
from typing import Any, ClassVar, Self, get_type_hints

from .._tables import Table, fields_table
from .plain import from_plain, to_plain


class Record:
    """Base class of all results: a frozen dataclass that can be written as JSON and read back.

    Two records are equal if they have the same plain values: NaN equals NaN, and arrays are
    compared element by element. Declare a subclass with ``@dataclass(frozen=True, eq=False)``, and
    with ``repr=False`` if it prints as a table: that of ``table``, given as a keyword of the class,
    or one of its fields. Its type hints decide how each field is read back.

    Examples
    --------
    >>> from braintools_qps.records import Cost
    >>> record = Cost(0.35, peak_bytes=1000)
    >>> record.to_json()
    '{"seconds_per_epoch": 0.35, "peak_bytes": 1000}'
    >>> Cost.from_json(record.to_json()) == record
    True
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
        fields = {f.name: to_plain(getattr(self, f.name)) for f in _fields(self)}
        return {"format": self.FORMAT} | fields if self.FORMAT else fields

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read the record that `to_dict` wrote; keys that are not fields are ignored.

        A function, or a surrogate without a spec, stays ``{"repr": ...}``.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        Record
            A record of this class.

        Raises
        ------
        ValueError
            If the format differs, a field is missing, or a value does not fit its field.
        UnknownSurrogateError
            If the package of a surrogate is not installed.

        Examples
        --------
        >>> from braintools_qps.records import Cost
        >>> Cost.from_dict({"seconds_per_epoch": 0.35, "peak_bytes": 1000})
        Cost(seconds_per_epoch=0.35, peak_bytes=1000)
        """
        if not isinstance(values, Mapping):
            raise ValueError(
                f"{cls.__name__} is read from a mapping of its fields, got {reprlib.repr(values)}. "
                "Pass the result of to_dict"
            )
        if cls.FORMAT and values.get("format") != cls.FORMAT:
            raise ValueError(
                f"{cls.__name__} is read from format {cls.FORMAT!r}, got "
                f"{reprlib.repr(values.get('format'))}. Read it with the version that wrote it"
            )
        types, known = get_type_hints(cls), {}
        for field in _fields(cls):
            if field.name in values:
                try:
                    known[field.name] = from_plain(types[field.name], values[field.name])
                except ValueError as error:
                    raise ValueError(f"{cls.__name__}.{field.name}: {error}") from None
        try:
            return cls(**known)
        except TypeError as error:  # Python's words for a field that is missing
            raise ValueError(f"{error}. Pass the result of to_dict, unchanged") from error

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the record that ``to_json`` wrote.

        Parameters
        ----------
        text : str

        Returns
        -------
        Record
            A record of this class.

        Raises
        ------
        ValueError
            If the text is not JSON, or not a record of this class.
        UnknownSurrogateError
            If the package of a surrogate is not installed.

        Examples
        --------
        >>> from braintools_qps.records import Cost
        >>> Cost.from_json('{"seconds_per_epoch": 0.35, "peak_bytes": 1000}')
        Cost(seconds_per_epoch=0.35, peak_bytes=1000)
        """
        try:
            return cls.from_dict(json.loads(text))
        except RecursionError as error:
            raise ValueError("a record is nested a few levels deep, got far more") from error

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

    def _table(self) -> Table:
        """What it prints as."""
        return fields_table(self)

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


def table_of(record: Any) -> Table:
    """The table that a record prints as, or `GradientFlows`."""
    return record._table()


def _fields(record: Any) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(record)

"""What all records have in common: plain values and back, equality, a table."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

from .plain import from_plain, to_plain
from .table import Rows, html_table, text_table

LONGEST_CELL = 60

R = TypeVar("R", bound="Record")


class InJson:
    """Something that has plain values, as text."""

    def to_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def to_json(self, *, indent: int | None = None) -> str:
        """Return as strict JSON what `to_dict` gives.

        Parameters
        ----------
        indent : int, optional
            Spaces for each level; by default everything is on one line.

        Returns
        -------
        str
        """
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)


class Record(InJson):
    """The base of all results: a frozen dataclass that JSON can hold and that equals its copy.

    Two records are equal if they have the same plain values: NaN equals NaN, and arrays are
    compared element by element. A subclass is declared with ``@dataclass(frozen=True, eq=False)``
    and needs only type hints, which say how each field is read back.
    """

    # The name and version of the format, for records that are saved in files of their own.
    FORMAT: ClassVar[str | None] = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, ready for strict JSON.

        Records become dictionaries, arrays and tuples lists, surrogates their spec and Quantities
        text such as ``"15.0 mV"``. Numbers that are not finite become ``"nan"``, ``"inf"`` and
        ``"-inf"``. A function, or a surrogate that has no spec, becomes ``{"repr": ...}``.

        Returns
        -------
        dict
        """
        fields = {name: to_plain(getattr(self, name)) for name in _names(self)}
        return {"format": self.FORMAT} | fields if self.FORMAT else fields

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make the record that `to_dict` has written; keys that are no fields are left out.

        What was written as ``{"repr": ...}`` comes back as `Described`.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        Record
            One of the class that it was called on.

        Raises
        ------
        ValueError
            If the format is another one, a field is missing, or a value does not fit its field.
        UnknownSurrogateError
            If a surrogate in it comes from a package that is not installed.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"expected the fields of {cls.__name__}, got {values!r}")
        if cls.FORMAT and values.get("format") != cls.FORMAT:
            raise ValueError(f"expected format {cls.FORMAT!r}, got {values.get('format')!r}")
        types = get_type_hints(cls)
        return cls(**{name: _field(cls, name, types[name], values) for name in _names(cls)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Make the record that ``to_json`` has written.

        Parameters
        ----------
        text : str

        Returns
        -------
        Record
            One of the class that it was called on.

        Raises
        ------
        ValueError
            If the text is not JSON, or not of such a record.
        """
        return cls.from_dict(json.loads(text))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        texts = (value for value in self.to_dict().values() if isinstance(value, str))
        return hash((type(self), *texts))

    def _rows(self) -> Rows:
        """The record as a table, its header first."""
        cells = [[name, _short(repr(getattr(self, name)))] for name in _names(self)]
        return [["", type(self).__name__], *cells]

    def _below(self) -> Sequence[str]:
        """What is said below the table."""
        return ()

    def _repr_html_(self) -> str:
        return html_table(self._rows(), self._below())


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Described(Record):
    """Stands for an object that plain values cannot hold, and shows what it looked like.

    Attributes
    ----------
    repr : str
        The repr of the object.
    """

    repr: str

    def __repr__(self) -> str:
        return self.repr


class RecordTable(InJson, dict[str, R]):
    """Records by name: a dictionary that prints as one table."""

    def to_dict(self) -> dict[str, Any]:
        """The records as plain values, by name.

        Returns
        -------
        dict of str to dict
        """
        return {name: record.to_dict() for name, record in self.items()}

    def __repr__(self) -> str:
        return text_table(self._rows(), self._below()) if self else f"{type(self).__name__}()"

    def _repr_html_(self) -> str:
        return html_table(self._rows(), self._below()) if self else html.escape(repr(self))

    def _rows(self) -> Rows:
        """The rows of all records under one header, their names in front."""
        tables = {name: record._rows() for name, record in self.items()}
        head = next(iter(tables.values()))[0]
        body = [[name, *row] for name, (_, *rows) in tables.items() for row in rows]
        return [["surrogate", *head], *body]

    def _below(self) -> Sequence[str]:
        """What is said below the table."""
        return ()


def _names(record: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(record)]


def _field(record: Any, name: str, kind: Any, values: Mapping[str, Any]) -> Any:
    if name in values:
        try:
            return from_plain(kind, values[name])
        except ValueError as error:
            raise ValueError(f"{record.__name__}.{name}: {error}") from None
    return _default(record, name)


def _default(record: Any, name: str) -> Any:
    (field,) = (field for field in dataclasses.fields(record) if field.name == name)
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise ValueError(f"{record.__name__} needs a value for {name}, got none")


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST_CELL else one_line[: LONGEST_CELL - 3] + "..."

"""Where surrogates come from: entry points of installed distributions, and braintools itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TypeGuard

import braintools.surrogate
from braintools.surrogate import Surrogate

GROUP = "braintools.surrogate"


class Source(IntEnum):
    """Who says that a name is a surrogate; the smaller takes precedence."""

    REGISTERED = 0
    ENTRY_POINT = 1
    BRAINTOOLS = 2


@dataclass(frozen=True, order=True)
class Entry:
    """One claim to a name. Nothing is imported until `load`."""

    name: str
    source: Source
    distribution: str  # normalised; empty for what was registered at run time
    value: str  # "module:attribute"
    find: Callable[[], object] = field(compare=False, repr=False)

    @property
    def qualified_name(self) -> str:
        return f"{self.distribution}:{self.name}" if self.distribution else self.name

    @property
    def module(self) -> str:
        return self.value.partition(":")[0]

    def load(self) -> type[Surrogate]:
        """Import what the entry names.

        Raises
        ------
        ImportError
            If that fails, whatever the plugin raised.
        TypeError
            If it is not a subclass of Surrogate.
        """
        try:
            found = self.find()
        except Exception as error:
            raise ImportError(
                f"the surrogate {self.name!r} of the distribution {self.distribution!r} cannot be "
                f"loaded from {self.value!r}: {type(error).__name__}: {error}. Repair, update or "
                f"uninstall {self.distribution!r}; other names are not affected"
            ) from error
        if not is_surrogate_class(found):
            raise TypeError(
                f"an entry point in the group {GROUP!r} must name a subclass of "
                f"braintools.surrogate.Surrogate, but {self.name!r} of the distribution "
                f"{self.distribution!r} names {self.value!r}, which is {found!r}"
            )
        return found


def is_surrogate_class(value: object) -> TypeGuard[type[Surrogate]]:
    return isinstance(value, type) and issubclass(value, Surrogate)


def registered(name: str, surrogate: type[Surrogate]) -> Entry:
    """The entry of a class that was registered at run time."""
    value = f"{surrogate.__module__}:{surrogate.__qualname__}"
    return Entry(name, Source.REGISTERED, "", value, partial(_itself, surrogate))


def published() -> list[Entry]:
    """The entries of installed distributions. A scan takes some milliseconds, so none is kept."""
    return [
        Entry(point.name, Source.ENTRY_POINT, _distribution(point), point.value, point.load)
        for point in entry_points(group=GROUP)
    ]


def built_in() -> list[Entry]:
    """Every public Surrogate subclass of ``braintools.surrogate``, those added later included."""
    return [
        Entry(name, Source.BRAINTOOLS, "braintools", f"{GROUP}:{name}", partial(_itself, found))
        for name, found in vars(braintools.surrogate).items()
        if is_surrogate_class(found) and found is not Surrogate and not name.startswith("_")
    ]


def normalised(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _itself(found: object) -> object:
    return found


def _distribution(point: EntryPoint) -> str:
    # What an interrupted uninstall leaves has no METADATA; reading its name then gives None or
    # raises, by version of Python. That must not spoil the names of others.
    with suppress(Exception):
        if point.dist and point.dist.name:
            return normalised(point.dist.name)
    return "unknown"

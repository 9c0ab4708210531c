"""Where surrogates come from: this package, entry points of others, and braintools itself."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TypeGuard

import braintools.surrogate
from braintools.surrogate import Surrogate

from .._surrogate import QPseudoSpike, Scaled

GROUP = "braintools.surrogate"
OURS = "braintools-qps"


class Source(IntEnum):
    """Where a name comes from; the smaller value takes precedence."""

    REGISTERED = 0
    PUBLISHED = 1
    BRAINTOOLS = 2


@dataclass(frozen=True, order=True)
class Entry:
    """A name and where its class can be imported from. Nothing is imported until `load`."""

    name: str
    source: Source
    distribution: str  # normalised; empty for what was registered at run time
    value: str  # "module:attribute"
    find: Callable[[], object] = field(compare=False, repr=False)

    @property
    def qualified_name(self) -> str:
        return f"{self.distribution}:{self.name}" if self.distribution else self.name

    def load(self) -> type[Surrogate]:
        """Import the class.

        Raises
        ------
        ImportError
            If that fails, whatever the plugin raised.
        TypeError
            If it is not a subclass of Surrogate.
        """
        try:
            surrogate = self.find()
        except (Exception, SystemExit) as error:
            raise ImportError(
                f"the surrogate {self.name!r} of the distribution {self.distribution!r} cannot be "
                f"loaded from {self.value!r}: {type(error).__name__}: {error}. Repair, update or "
                f"uninstall {self.distribution!r}; other names are not affected"
            ) from error
        if not is_surrogate_class(surrogate):
            raise TypeError(
                f"an entry point in the group {GROUP!r} must name a subclass of "
                f"braintools.surrogate.Surrogate, but {self.name!r} of the distribution "
                f"{self.distribution!r} names {self.value!r}, which is {surrogate!r}. Update or "
                f"uninstall {self.distribution!r}"
            )
        return surrogate


def is_surrogate_class(value: object) -> TypeGuard[type[Surrogate]]:
    return isinstance(value, type) and issubclass(value, Surrogate)


def installed() -> list[Entry]:
    """The entries of this package, of other installed ones and of braintools.

    The entry points of this package are left out: they also name classes of braintools, which
    must not hide what others publish.
    """
    ours = [entry_of(kind, Source.PUBLISHED, OURS) for kind in (QPseudoSpike, Scaled)]
    return ours + published() + built_in()


def published() -> list[Entry]:
    """The entry points of other packages, read again when one is installed or removed."""
    return _published(tuple(map(_as_it_is, sys.path)))


def _as_it_is(folder: str) -> tuple[str, int]:
    """A folder with the time of its last change, by which importlib.metadata goes, too."""
    try:
        return folder, os.stat(folder or ".").st_mtime_ns
    except OSError:
        return folder, 0


@lru_cache(1)  # because reading the metadata of all packages takes 5 ms or more
def _published(path: tuple[tuple[str, int], ...]) -> list[Entry]:
    """The entry points of other packages; none, with a warning, if they cannot be read."""
    try:
        return [
            Entry(point.name, Source.PUBLISHED, distribution, point.value, point.load)
            for point in entry_points(group=GROUP)
            if point.dist and (distribution := normalised(point.dist.name)) != OURS
        ]
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        warnings.warn(
            "the metadata of an installed package cannot be read, so the surrogates of other "
            f"packages are left out: {type(error).__name__}: {error}. Reinstall the package that "
            "was installed or removed last",
            stacklevel=2,
        )
        return []


def built_in() -> list[Entry]:
    """Every public Surrogate subclass of ``braintools.surrogate``, those added later included."""
    return [
        entry_of(surrogate, Source.BRAINTOOLS, "braintools", f"{GROUP}:{name}", name)
        for name, surrogate in vars(braintools.surrogate).items()
        if is_surrogate_class(surrogate) and surrogate is not Surrogate and name[0] != "_"
    ]


def normalised(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entry_of(
    surrogate: type[Surrogate],
    source: Source = Source.REGISTERED,
    distribution: str = "",
    value: str | None = None,
    name: str | None = None,
) -> Entry:
    """The entry of a class that is imported already."""
    value = value or f"{surrogate.__module__}:{surrogate.__qualname__}"
    name = surrogate.__name__ if name is None else name
    return Entry(name, source, distribution, value, lambda: surrogate)

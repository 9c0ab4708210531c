"""Where surrogates come from: entry points of installed distributions, and braintools itself."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from importlib.metadata import Distribution, distribution, distributions
from typing import TypeGuard

import braintools.surrogate
from braintools.surrogate import Surrogate

GROUP = "braintools.surrogate"

logger = logging.getLogger(__name__)


class Source(IntEnum):
    """Where a name comes from; the smaller value takes precedence."""

    REGISTERED = 0
    ENTRY_POINT = 1
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

    @property
    def module(self) -> str:
        return self.value.partition(":")[0]

    @property
    def path(self) -> str:
        """The class as Python imports it: ``"module.attribute"``."""
        return self.value.replace(":", ".")

    def load(self) -> type[Surrogate]:
        """Import the class.

        Raises
        ------
        ImportError
            If that fails, whatever the plugin raised.
        TypeError
            If it is not a subclass of Surrogate.
        """
        if self.source == Source.ENTRY_POINT:
            logger.debug("%s is %s, published by %s", self.name, self.value, self.distribution)
        try:
            found = self.find()
        except (KeyboardInterrupt, RecursionError):
            raise
        except BaseException as error:  # even of sys.exit: other names must stay usable
            raise ImportError(
                f"the surrogate {self.name!r} of the distribution {self.distribution!r} cannot be "
                f"loaded from {self.value!r}: {_described(error)}. Repair, update or "
                f"uninstall {self.distribution!r}; other names are not affected"
            ) from error
        if not is_surrogate_class(found):
            raise TypeError(
                f"an entry point in the group {GROUP!r} must name a subclass of "
                f"braintools.surrogate.Surrogate, but {self.name!r} of the distribution "
                f"{self.distribution!r} names {self.value!r}, which is {found!r}. Update or "
                f"uninstall {self.distribution!r}"
            )
        return found


def is_surrogate_class(value: object) -> TypeGuard[type[Surrogate]]:
    return isinstance(value, type) and issubclass(value, Surrogate)


def registered(name: str, surrogate: type[Surrogate]) -> Entry:
    """The entry of a class that was registered at run time."""
    value = f"{surrogate.__module__}:{surrogate.__qualname__}"
    return Entry(name, Source.REGISTERED, "", value, partial(_itself, surrogate))


def found() -> list[Entry]:
    """The entries of installed packages and of braintools."""
    return published() + built_in()


def published() -> list[Entry]:
    """The entry points of all distributions; one that cannot be read is left out with a warning."""
    entries: dict[str, list[Entry]] = {}
    for one in distributions():
        try:
            entries |= _entries(one)
        except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            warnings.warn(
                f"the distribution at {getattr(one, '_path', one)} cannot be read, so its "
                f"surrogates are left out: {_described(error)}. Reinstall it, or remove its files",
                stacklevel=2,
            )
    return [entry for own in entries.values() for entry in own]


def built_in() -> list[Entry]:
    """Every public Surrogate subclass of ``braintools.surrogate``, those added later included."""
    return [
        Entry(name, Source.BRAINTOOLS, "braintools", f"{GROUP}:{name}", partial(_itself, found))
        for name, found in vars(braintools.surrogate).items()
        if is_surrogate_class(found) and found is not Surrogate and not name.startswith("_")
    ]


def normalised(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(found: Distribution) -> dict[str, list[Entry]]:
    """The entries by the name of the distribution, if it has any."""
    if GROUP not in (found.read_text("entry_points.txt") or ""):
        return {}  # reading is faster than parsing, and there are hundreds
    first = distribution(found.name)  # of several copies, the first on the path counts
    name = normalised(first.name)
    return {
        name: [
            Entry(point.name, Source.ENTRY_POINT, name, point.value, point.load)
            for point in first.entry_points.select(group=GROUP)
        ]
    }


def _itself(found: object) -> object:
    return found


def _described(error: BaseException) -> str:
    """Type and message of an error, or the type alone if str() fails."""
    try:
        message = str(error)
    except Exception:
        message = ""
    return f"{type(error).__name__}: {message}".removesuffix(": ")

"""Where surrogates come from: entry points of installed distributions, and braintools itself."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from typing import NamedTuple, TypeGuard

import braintools.surrogate
from braintools.surrogate import Surrogate

GROUP = "braintools.surrogate"
UNKNOWN = "unknown"  # the distribution of what an interrupted uninstall has left

# A directory that changes again within a tick of its file system's clock shows the same time.
SETTLED_NS = 2_000_000_000

logger = logging.getLogger(__name__)


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

    @property
    def path(self) -> str:
        """What the entry names, as Python writes it: ``"module.attribute"``."""
        return self.value.replace(":", ".")

    def load(self) -> type[Surrogate]:
        """Import what the entry names.

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
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module that calls sys.exit, too, spoils no other name
            raise ImportError(
                f"the surrogate {self.name!r} of the distribution {self.distribution!r} cannot be "
                f"loaded from {self.value!r}: {_described(error)}. Repair, update or "
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
    """The entries of installed distributions, read again where something on the path has changed.

    An installer adds or renames a directory beside the modules, which shows in the time of the
    folder on the path. A file that is edited in its place does not.
    """
    global _last_scan
    path, settled = _path_now(), time.time_ns() - SETTLED_NS
    scan = _last_scan
    if scan is None or scan.path != path:
        scan = _Scan(path, _entries())
        if all(changed < settled for *_, changed in path.folders):
            _last_scan = scan
    return list(scan.entries)


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


def is_reachable(name: str) -> bool:
    """Whether a spec can hold the name, in which ``:`` and ``(`` have a meaning of their own."""
    return bool(re.fullmatch(r"[^:()]+", name))


def _described(error: BaseException) -> str:
    """Type and message; what has no message that could be read has a type."""
    try:
        message = str(error)
    except Exception:
        message = ""
    return f"{type(error).__name__}: {message}".removesuffix(": ")


def _itself(found: object) -> object:
    return found


class _Path(NamedTuple):
    """What a scan depends on: who looks for distributions, and where."""

    finders: list[object]
    folders: list[tuple[object, int, int, int]]  # as in sys.path, device, inode, time of change


class _Scan(NamedTuple):
    path: _Path
    entries: list[Entry]


_last_scan: _Scan | None = None


def _path_now() -> _Path:
    return _Path(list(sys.meta_path), [(name, *_state(name)) for name in sys.path])


def _state(name: str) -> tuple[int, int, int]:
    with suppress(OSError, TypeError, ValueError):  # neither need a name lead anywhere, nor be text
        state = os.stat(name or ".")
        return state.st_dev, state.st_ino, state.st_mtime_ns
    return 0, 0, 0


def _entries() -> list[Entry]:
    return [
        Entry(point.name, Source.ENTRY_POINT, distribution, point.value, point.load)
        for distribution, point in _entry_points()
        if is_reachable(point.name)
    ]


def _entry_points() -> Iterable[tuple[str, EntryPoint]]:
    """The name of the distribution with each entry point."""
    try:
        return [(_name_of(point.dist), point) for point in entry_points(group=GROUP)]
    except Exception:  # the standard library stops at the first line that it cannot read
        return _readable_entry_points()


def _readable_entry_points() -> Iterator[tuple[str, EntryPoint]]:
    """What can be read of every distribution; of two with one name, the first on the path."""
    seen = set()
    for distribution in distributions():
        name = _name_of(distribution)
        if name not in seen:
            with suppress(Exception):
                lines = (distribution.read_text("entry_points.txt") or "").splitlines()
                yield from ((name, point) for point in _readable(lines))
        if name != UNKNOWN:
            seen.add(name)


def _readable(lines: Iterable[str]) -> Iterator[EntryPoint]:
    section = ""
    for line in lines:
        name, equals, value = map(str.strip, line.partition("="))
        if name.startswith("["):
            section = name.strip("[]")
        elif section == GROUP and equals and not name.startswith("#"):
            yield EntryPoint(name, value, GROUP)


def _name_of(distribution: Distribution | None) -> str:
    # What an interrupted uninstall leaves has no METADATA; reading its name then gives None or
    # raises, by version of Python. That must not spoil the names of others.
    with suppress(Exception):
        if distribution and distribution.name:
            return normalised(distribution.name)
    return UNKNOWN

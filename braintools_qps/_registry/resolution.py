"""Which class a name stands for: precedence, qualified names and conflicts."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby

from braintools.surrogate import Surrogate

from .._wording import did_you_mean, listed, shown
from . import discovery
from .discovery import Entry, Source, normalised
from .libraries import conversion, loose, names_of

_registered: dict[str, Entry] = {}


class UnknownSurrogateError(LookupError):
    """Error for a name that no surrogate has.

    The message lists the names that exist, and suggests the closest.

    Examples
    --------
    >>> from braintools_qps import UnknownSurrogateError, get_surrogate
    >>> try:
    ...     get_surrogate("Sigmoyd")
    ... except UnknownSurrogateError as error:
    ...     print(str(error).partition(" Available")[0])
    no surrogate is called 'Sigmoyd'. Did you mean 'Sigmoid'?
    """


def find(name: str) -> Callable[..., Surrogate]:
    """The class that a name stands for, or the function for a name of another library."""
    entries = _all_entries()
    # A name that holds a colon is not split.
    whole = [entry for entry in entries if name in (entry.name, entry.qualified_name)]
    matches = _matches(name, entries) or whole
    if not matches:
        if function := conversion(name):
            return function
        raise _unknown(name)
    first = min(entry.source for entry in matches)
    contenders = [entry for entry in matches if entry.source == first]
    if len({entry.value for entry in contenders}) > 1 and len({e.load() for e in contenders}) > 1:
        claims = [f"{entry.qualified_name!r} (from {entry.value!r})" for entry in contenders]
        raise LookupError(
            f"a surrogate name must stand for one class, but {name!r} has several. Pass one of "
            f"these: {listed(claims)}"
        )
    chosen = contenders[0]
    if first is Source.PUBLISHED and chosen.distribution != discovery.OURS:
        _warn_of_hidden(name, chosen, entries)
    return chosen.load()


def _warn_of_hidden(name: str, chosen: Entry, entries: Sequence[Entry]) -> None:
    """Warn that a plugin's class is found under a name of this package or of braintools."""
    is_usual = lambda e: e.source is Source.BRAINTOOLS or e.distribution == discovery.OURS
    usual = [e for e in entries if is_usual(e) and loose(e.name) == loose(name)]
    first = min(usual, key=lambda entry: entry.source, default=chosen)
    if first.load() is not chosen.load():
        warnings.warn(
            f"the surrogate name {name!r} stands for {chosen.qualified_name!r} (from "
            f"{chosen.value!r}), not {first.qualified_name!r}. Pass one of these",
            stacklevel=5,
        )


def listed_entries() -> dict[str, Entry]:
    """Every surrogate by its plain name, or by its qualified name where another one has that."""
    by_name = {}
    for name, claims in groupby(_all_entries(), key=lambda entry: entry.name):
        distinct: dict[str, Entry] = {}
        for entry in claims:
            distinct.setdefault(entry.value, entry)
        first, *others = distinct.values()
        if any(entry.source == first.source for entry in others):
            others.append(first)
        else:
            by_name[name] = first
        by_name |= {entry.qualified_name: entry for entry in others}
    return by_name


def register(entry: Entry, overwrite: bool) -> None:
    """Add an entry. It replaces one of another class only with ``overwrite``."""
    if not all(map(str.isidentifier, entry.name.split("."))):
        raise ValueError(
            "a surrogate's name must be a name in Python: letters, digits and '_', no digit first, "
            f"got {entry.name!r}. For example name='TriangularSpike'"
        )
    for other in [*_registered.values(), *discovery.built_in()]:
        if loose(other.name) == loose(entry.name) and other.name != entry.name:
            raise ValueError(
                f"the surrogate name {entry.name!r} differs from {other.qualified_name!r} only in "
                "case and underscores, which do not count. Choose another name="
            )
    present = _registered.get(entry.name, entry)
    if present.value != entry.value and not overwrite:
        raise ValueError(
            f"the surrogate name {entry.name!r} is already registered for {present.value!r}, "
            f"got {entry.value!r}. Choose another name=, or pass overwrite=True"
        )
    _registered[entry.name] = entry


def name_of(surrogate: type[Surrogate]) -> str:
    """The plain name if it reaches the class, and the qualified name otherwise."""
    for name, entry in listed_entries().items():
        if _reaches(entry, surrogate):
            return name
    raise TypeError(
        f"a spec needs the name of a surrogate, but {surrogate!r} has none. Write "
        "@register_surrogate above the class, or after it: from braintools_qps import "
        f"register_surrogate; register_surrogate({surrogate.__name__})"
    )


def _all_entries() -> list[Entry]:
    """Sorted by name, then precedence, whatever the order of sys.path."""
    return sorted([*_registered.values(), *discovery.installed()])


def _matches(name: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries of a name, of ``"distribution:Name"`` or of ``"distribution.module.Name"``."""
    distribution, _, bare = name.rpartition(":")
    if distribution:
        entries = [entry for entry in entries if entry.distribution == normalised(distribution)]
    exact = [entry for entry in entries if entry.name == bare]
    alike = [entry for entry in entries if loose(entry.name) == loose(bare)]
    if exact or alike or "." not in bare:
        return exact or alike
    return _matches(f"{bare.partition('.')[0]}:{bare.rpartition('.')[2]}", entries)


def _unknown(name: str) -> UnknownSurrogateError:
    if conversions := names_of(name.rpartition(".")[2]):
        return UnknownSurrogateError(
            f"no surrogate is called {shown(name)} here. Pass the name with its library: "
            f"{listed(map(repr, conversions))}"
        )
    available = sorted(listed_entries())
    suggestion = did_you_mean(name, available, loose) or "."
    return UnknownSurrogateError(
        f"no surrogate is called {shown(name)}{suggestion} Available: {listed(available)}. Add "
        "one with braintools_qps.register_surrogate, or install a package that publishes it in the "
        f"entry point group {discovery.GROUP!r}"
    )


def _reaches(entry: Entry, surrogate: type[Surrogate]) -> bool:
    """Whether an entry names the class. Plugins of other packages are not imported to check."""
    module, package = entry.value.partition(":")[0], surrogate.__module__.partition(".")[0]
    if module not in sys.modules and module.partition(".")[0] != package:
        return False
    with suppress(ImportError, TypeError):
        return entry.load() is surrogate
    return False

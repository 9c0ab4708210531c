"""What a cause is: its words, its rule, how it is found, and the changes that may fix it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from ...records import PopulationFlow
from ..changes import Change
from ..evaluate import Measured

MAJORITY = 0.5  # share of samples or neurons


class Finding(NamedTuple):
    """A cause, with the populations that it was found in, the most telling first.

    No network learns with an ``exact`` finding; whether another one matters, only a trial shows.
    After a ``final`` one, no further change is tried. ``advice`` says where to look if no change
    helps.
    """

    populations: tuple[str, ...]
    text: str
    advice: str = ""
    exact: bool = False
    final: bool = False


class Cause(NamedTuple):
    """A possible reason why a network does not learn; confirmed if a change makes it learn.

    The documentation's table of causes shows ``rule`` and ``helps``. ``find`` returns what was
    found and where, or None if the rule does not apply. ``fixes`` propose changes, in the order in
    which they are tried. The table of populations shows ``word`` in its ``column``, in the rows of
    the populations with this cause.
    """

    name: str
    rule: str
    helps: str
    find: Callable[[Measured], Finding | None]
    fixes: Sequence[Callable[[Measured], Iterator[Change]]] = ()
    column: str = ""
    word: str = ""

    def changes(self, measured: Measured) -> Iterator[Change]:
        """Changes that may remove it, in the order in which they are tried."""
        return chain.from_iterable(fix(measured) for fix in self.fixes)


def is_silent(p: PopulationFlow) -> bool:
    """Whether no neuron fires in most samples."""
    return p.activity.empty_share > MAJORITY


def is_saturated(p: PopulationFlow) -> bool:
    """Whether most neurons fire at almost every step, or they fire in most steps."""
    return p.activity.saturated_share > MAJORITY or p.activity.firing_rate > MAJORITY


def says_nothing(p: PopulationFlow) -> bool:
    """Whether a population sends the same spikes for most samples, or none."""
    return is_silent(p) or p.activity.same_share > MAJORITY


def all_pass(measured: Measured, names: Collection[str]) -> bool:
    """Whether all signals on their way from the inputs to the output pass these populations."""
    return bool(names) and not measured.step.graph.passes_by(set(names))


def names_of(populations: Sequence[PopulationFlow]) -> tuple[str, ...]:
    """The paths of these populations."""
    return tuple(p.name for p in populations)


def named(names: Sequence[str]) -> str:
    """Populations in words: one or two by name, more as "first to last (5 populations)"."""
    if len(names) > 2:
        return f"{names[0]} to {names[-1]} ({len(names)} populations)"
    return " and ".join(names)


def be(names: Sequence[str]) -> str:
    """The verb after `named`."""
    return "is" if len(names) == 1 else "are"

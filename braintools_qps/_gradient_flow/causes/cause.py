"""What a cause is: one file has its name, its words, its limits, its rule and its changes."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...records import PopulationFlow
from ..changes import Change
from ..evaluate import Measured

MAJORITY = 0.5  # share of samples or neurons


class Finding(NamedTuple):
    """A cause in some populations, the first named first.

    ``exact`` findings keep any network from learning; of others only a trial tells. Nothing is
    tried past a ``final`` one. ``advice`` says where to look if no change helps.
    """

    populations: tuple[str, ...]
    text: str
    advice: str = ""
    exact: bool = False
    final: bool = False


class Cause(abc.ABC):
    """Something that may keep a network from learning. It counts if a change makes it learn.

    ``rule`` and ``helps`` are for the table of causes. ``word`` stands in a ``column`` of the
    table of populations, in those that the cause is found in.
    """

    name: str
    rule: str
    helps: str
    column = ""
    word = ""

    @abc.abstractmethod
    def find(self, measured: Measured) -> Finding | None:
        """The populations that it may be in, in words."""

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        """Changes that may remove it, in the order in which they are tried; by default none."""
        return iter(())


def is_silent(p: PopulationFlow) -> bool:
    """Whether most samples bring no neuron to fire."""
    return p.activity.empty_share > MAJORITY


def is_saturated(p: PopulationFlow) -> bool:
    """Whether most neurons fire at almost every step, or they fire in most steps."""
    return p.activity.saturated_share > MAJORITY or p.activity.firing_rate > MAJORITY


def says_nothing(p: PopulationFlow) -> bool:
    """Whether its spikes are the same for most samples, or there are none."""
    return is_silent(p) or p.activity.same_share > MAJORITY


def named(names: Sequence[str]) -> str:
    """Populations in words: one or two by name, more as "first to last (5 populations)"."""
    if len(names) > 2:
        return f"{names[0]} to {names[-1]} ({len(names)} populations)"
    return " and ".join(names)

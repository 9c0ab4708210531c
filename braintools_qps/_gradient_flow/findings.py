"""What a rule finds: a cause in some populations, in words, and changes that may remove it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jax import Array

from .evaluate import Measured

AGAIN = "Then run gradient_flow again."
IMPORT = "from braintools_qps import "


class Change(NamedTuple):
    """A change in words, and the line of code that the user can type."""

    said: str
    code: str


class Finding(NamedTuple):
    """A cause in some populations, the first named first.

    ``changes`` are tried in turn; where none helps, ``otherwise`` says where to look.
    ``consequences`` are the populations whose other findings follow from this one.
    """

    cause: str
    populations: tuple[str, ...]
    text: str
    changes: Callable[[], Iterable[Change]] = lambda: ()
    otherwise: str | Callable[[], str] | None = None
    consequences: frozenset[str] = frozenset()


Rule = Callable[[Measured], Finding | None]


def named(names: Sequence[str]) -> str:
    """Populations in words: one or two by name, more as "first to last (5 populations)"."""
    if len(names) > 2:
        return f"{names[0]} to {names[-1]} ({len(names)} populations)"
    return " and ".join(names)


def samples_first(line: str) -> str:
    """What to type for inputs with samples along their first axis."""
    return line.replace("(model, inputs", "(model, inputs, batch_first=True")


def span(values: Sequence[float], form: str = ".2g") -> str:
    """One number, or the lowest and the highest."""
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def with_s(subjects: Sequence[object], verb: str) -> str:
    """The verb for one subject or for several."""
    return f"{verb}s" if len(subjects) == 1 else verb


def first_step(values: Array | np.ndarray, beyond: float = np.inf) -> int | None:
    """The first step at which a value is NaN, infinite or beyond a limit."""
    sizes = np.abs(np.asarray(values, np.float64)).reshape(len(values), -1)
    bad = ~(np.isfinite(sizes) & (sizes <= beyond)).all(axis=1)
    return int(np.argmax(bad)) if bad.any() else None

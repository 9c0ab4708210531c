"""Validate arguments: counts, seeds, positive numbers and records."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np

from ._defaults import MOST_SEEDS
from ._wording import shown

PAST_COUNTS = 2**32  # JAX uses only the lowest 32 bits of a seed


def checked_count(name: str, value: object, least: int = 1) -> int:
    """Return ``value`` as an int.

    Raises
    ------
    TypeError
        If it is not an integer; 2.0 and True are not.
    ValueError
        If it is below ``least``, or has more than 32 bits.
    """
    number, example = integer(value), f"For example {max(least, 1)}"
    if number is None:
        raise TypeError(
            f"{name} must be an integer, got {shown(value)} of type {type(value).__name__}. "
            f"{example}"
        )
    if not least <= number < PAST_COUNTS:
        limit = f"{least} or more" if number < least else "less than 2**32"
        raise ValueError(f"{name} must be {limit}, got {shown(number)}. {example}")
    return number


def checked_seeds(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """Return the seeds 0 to n - 1 for a number n, or the seeds in a list.

    Raises
    ------
    TypeError
        If a seed is not an integer.
    ValueError
        If there is no seed, there are more than a million, one is out of range, or one appears
        twice.

    Examples
    --------
    >>> from braintools_qps._checks import checked_seeds
    >>> checked_seeds(3), checked_seeds([7, 8])
    ((0, 1, 2), (7, 8))
    """
    if not isinstance(seeds, Iterable):
        number = checked_count("seeds", seeds)
        if number > MOST_SEEDS:
            raise ValueError(
                f"seeds, if a number, must be the number of seeds, at most {MOST_SEEDS:,}, got "
                f"{number}. To choose a seed, pass a list, as in seeds=[7]"
            )
        return tuple(range(number))
    first = islice(seeds, MOST_SEEDS + 1)  # a range may have more than the memory holds
    chosen = tuple(checked_count("each of the seeds", seed, 0) for seed in first)
    if not 0 < len({*chosen}) == len(chosen) <= MOST_SEEDS:
        raise ValueError(
            f"seeds must be a number of seeds or a list of different integers, at most "
            f"{MOST_SEEDS:,}, got {shown(seeds)}. For example seeds=5 or seeds=[3, 4]"
        )
    return chosen


def is_positive(value: Any) -> bool:
    """Whether the value is a number without a unit, in float32 finite and above 0."""
    try:
        with np.errstate(over="ignore", under="ignore"):
            return bool(math.isfinite(value) and 0 < np.float32(value) < np.inf)
    except (TypeError, OverflowError):
        return False


def integer(value: Any) -> int | None:
    """The value as an int, or None if it is neither an int nor an integer of NumPy."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_positive(name: str, value: object, *, none: bool = False) -> None:
    """Raise unless it is a number above 0, or None where that is allowed.

    Raises
    ------
    TypeError, ValueError
        With the name and the value.
    """
    if none and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number, got {shown(value)}. For example 0.1")
    if not is_positive(value):
        raise ValueError(
            f"{name} must be finite and above 0 in float32, got {shown(value)}. For example 0.1"
        )


def check_record(record: object, *kinds: type, several: type | None = None) -> None:
    """Raise a TypeError unless it is a record of these classes, or a mapping of ``several``."""
    fits = isinstance(record, kinds)
    if several is not None and isinstance(record, Mapping):
        fits = all(isinstance(value, several) for value in record.values())
    if not fits:
        raise TypeError(
            f"the record must be a {' or '.join(kind.__name__ for kind in kinds)}, got "
            f"{type(record).__name__}. compare returns a Comparison, gradient_flow a GradientFlow"
        )

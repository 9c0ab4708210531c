"""Validate numeric arguments: counts, seeds and positive numbers."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

PAST_SEEDS = 2**32  # JAX makes a key of the lowest 32 bits of a seed
MOST_SEEDS = 1_000_000  # of a comparison


def checked_count(name: str, value: Any, least: int = 1) -> int:
    """Return ``value`` as an int.

    Raises
    ------
    TypeError
        If it is not an integer; 2.0 and True are not.
    ValueError
        If it is below ``least``.
    """
    number = integer(value)
    if number is None:
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    if number < least:
        raise ValueError(f"{name} must be {least} or more, got {number}")
    return number


def checked_seeds(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """Return the seeds 0 to n - 1 for a number n, or the seeds in a list.

    Raises
    ------
    TypeError
        If a seed is not an integer.
    ValueError
        If there is no seed, one is out of range, or one appears twice.

    Examples
    --------
    >>> from braintools_qps._checks import checked_seeds
    >>> checked_seeds(3), checked_seeds([7, 8])
    ((0, 1, 2), (7, 8))
    """
    is_number = getattr(seeds, "ndim", 1) == 0  # an array of one number is iterable by its type
    if is_number or not isinstance(seeds, Iterable):
        number = checked_count("seeds", seeds)
        if number > MOST_SEEDS:
            raise ValueError(
                f"seeds, as a number, says how many: {MOST_SEEDS:,} at most, got {number}. For a "
                "seed of your choice, pass a list of it"
            )
        return tuple(range(number))
    chosen = tuple(checked_count("each of the seeds", seed, 0) for seed in seeds)
    if not chosen or len(set(chosen)) < len(chosen) or max(chosen) >= PAST_SEEDS:
        raise ValueError(
            f"seeds must be 1 or more, or different numbers from 0 to 2**32 - 1, got {seeds!r}"
        )
    return chosen


def checked_seed(seed: int) -> int:
    """Return a seed as an int.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it is not from 0 to 2**32 - 1: JAX uses the lowest 32 bits only.
    """
    number = checked_count("seed", seed, 0)
    if number >= PAST_SEEDS:
        raise ValueError(f"seed must be a number from 0 to 2**32 - 1, got {number}")
    return number


def is_positive(value: Any) -> bool:
    """Whether the value is a number above 0 without a unit, and finite as a float."""
    try:
        return bool(math.isfinite(value) and value > 0)
    except (TypeError, OverflowError):
        return False


def integer(value: Any) -> int | None:
    """The value as an int, or None if it is not an integer; NumPy's count, 2.0 and True do not."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_positive(name: str, value: Any, *, none: bool = False) -> None:
    """Raise unless it is a number above 0, or None where that is allowed.

    Raises
    ------
    TypeError, ValueError
        With the name and the value.
    """
    if none and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not is_positive(value):
        raise ValueError(f"{name} must be finite and above 0, got {value}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names the closest of the known names; empty where none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""

"""What the user gave, checked before anything is traced."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._checks import is_positive


class Sought(NamedTuple):
    """What is looked for besides the figures of a candidate: nothing unless it is asked for."""

    target: float | None = None  # growth per step to find candidates for
    rate: float | None = None  # firing rate to bring silent and saturated populations to
    paths: bool = False  # whether to split the gain of one step


def check_aims(target: Any, rate: Any) -> None:
    """Check the growth per step and the firing rate to aim at; None is for neither.

    Raises
    ------
    ValueError
        If no growth, or no firing rate, can be that.
    """
    if target is not None and not is_positive(target):
        raise ValueError(
            "target, the growth per step to aim at, must be finite and greater than 0, got "
            f"{target!r}. Pass 1.0, or None to leave the search out"
        )
    if rate is not None and not (is_positive(rate) and rate < 1):
        raise ValueError(
            "rate, the spikes per neuron and step to aim at, must lie between 0 and 1, got "
            f"{rate!r}. Pass 0.1, or None to leave the search out"
        )

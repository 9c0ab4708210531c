"""Membranes where the surrogate is flat, or where its gradient has the wrong sign."""

from __future__ import annotations

from ..._wording import span
from ..changes import other_surrogates
from ..evaluate import Measured
from .cause import Cause, Finding, is_silent, named, names_of

FLAT = 0.8  # share of the membrane potentials
NEGATIVE = 0.1  # a negative derivative, relative to the peak


def _find(measured: Measured) -> Finding | None:
    if wrong := [p for p in measured.populations if p.slopes.lowest < -NEGATIVE]:
        lowest = span([p.slopes.lowest for p in wrong], ".0%")
        text = (
            f"The surrogate gradient of {named(names_of(wrong))} is negative at some membrane "
            f"potentials: down to {lowest} of its peak."
        )
        advice = "Correct the sign of its derivative: check_surrogate shows where."
        return Finding(names_of(wrong), text, advice)
    is_flat = lambda p: p.slopes.flat_share > FLAT and not is_silent(p)
    if not (flat := [p for p in measured.populations if is_flat(p)]):
        return None
    text = (
        f"The surrogate is too narrow for {named(names_of(flat))}: its gradient is below 0.1% of "
        f"its peak at {span([p.slopes.flat_share for p in flat], '.0%')} of the membrane "
        "potentials."
    )
    return Finding(names_of(flat), text)


OUT_OF_REACH = Cause(
    "out of reach",
    f"the surrogate gradient is below 0.1% of its peak at {FLAT:.0%} of the membrane potentials, "
    f"or below -{NEGATIVE:.0%} of it at some",
    "another surrogate, with a larger scale or a fatter tail",
    _find,
    (other_surrogates,),
    column="flat",
    word="out of reach",
)

"""Membranes where the surrogate is flat, or where its gradient has the wrong sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..._wording import span
from ..changes import Change, other_surrogates
from ..evaluate import Measured
from .cause import Cause, Finding, is_silent, named

FLAT = 0.8  # share of the membrane potentials
NEGATIVE = 0.1  # a negative derivative, relative to the peak


@final
class OutOfReach(Cause):
    name = "out of reach"
    rule = (
        f"the surrogate gradient is below 0.1% of its peak at {FLAT:.0%} of the membrane "
        f"potentials, or below -{NEGATIVE:.0%} of it at some"
    )
    helps = "another surrogate, with a larger scale or a fatter tail"
    column, word = "flat", "out of reach"

    def find(self, measured: Measured) -> Finding | None:
        wrong = [p for p in measured.populations if p.slopes.lowest < -NEGATIVE]
        flat = lambda p: p.slopes.flat_share > FLAT and not is_silent(p)
        affected = wrong or [p for p in measured.populations if flat(p)]
        if not affected:
            return None
        names = tuple(p.name for p in affected)
        if wrong:
            text = (
                f"The surrogate gradient of {named(names)} is negative at some membrane "
                f"potentials: down to {span([p.slopes.lowest for p in wrong], '.0%')} of its peak."
            )
            advice = "Correct the sign of its derivative: check_surrogate shows where."
            return Finding(names, text, advice)
        shares = span([p.slopes.flat_share for p in affected], ".0%")
        text = (
            f"The surrogate is too narrow for {named(names)}: its gradient is below 0.1% of its "
            f"peak at {shares} of the membrane potentials."
        )
        return Finding(names, text)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_surrogates(measured)

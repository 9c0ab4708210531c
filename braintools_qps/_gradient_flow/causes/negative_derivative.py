"""Surrogate gradients below 0: there, a weight that should grow shrinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..._wording import span
from ..changes import Change
from ..evaluate import Measured
from ..ways import other_surrogates
from .cause import Cause, Finding, named

NEGATIVE = 0.1  # a negative derivative, relative to the peak


@final
class NegativeDerivative(Cause):
    name = "negative derivative"
    rule = f"the surrogate gradient is below -{NEGATIVE:.0%} of its peak where membranes lie"
    helps = "another surrogate"
    column, word = "slope", "negative"

    def find(self, measured: Measured) -> Finding | None:
        wrong = [p for p in measured.populations if p.slopes.lowest < -NEGATIVE]
        if not wrong:
            return None
        names = tuple(p.name for p in wrong)
        text = (
            f"The surrogate gradient of {named(names)} is negative at membrane potentials that "
            f"occur: down to {span([p.slopes.lowest for p in wrong], '.0%')} of its peak."
        )
        advice = "Correct the sign of its derivative: check_surrogate shows where."
        return Finding(names, text, advice)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_surrogates(measured)

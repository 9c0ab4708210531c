"""Populations that fire, with nearly all membranes where the surrogate is flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..._wording import span
from ..changes import Change
from ..evaluate import Measured
from ..ways import other_surrogates
from .cause import Cause, Finding, is_silent, named

FLAT = 0.8  # share of the membrane potentials


@final
class OutOfReach(Cause):
    name = "out of reach"
    rule = f"the surrogate gradient is below 0.1% of its peak at {FLAT:.0%} of the potentials"
    helps = "another surrogate, with a larger scale or a fatter tail"
    column, word = "flat", "out of reach"

    def find(self, measured: Measured) -> Finding | None:
        narrow = [
            p for p in measured.populations if p.slopes.flat_share > FLAT and not is_silent(p)
        ]
        if not narrow:
            return None
        names = tuple(p.name for p in narrow)
        text = (
            f"The surrogate is too narrow for {named(names)}: its gradient is below 0.1% of its "
            f"peak at {span([p.slopes.flat_share for p in narrow], '.0%')} of the membrane "
            "potentials."
        )
        return Finding(names, text)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_surrogates(measured)

"""Slopes so high that the gradient grows, or reverses, on its way back in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..._wording import span
from ..changes import Change, lower_slopes, other_surrogates
from ..evaluate import Measured
from .cause import Cause, Finding, named

HIGH, GROWS, FLIPS = 0.2, 1e3, -0.2  # mean slope, growth over all steps, and mean cosine


@final
class TooHigh(Cause):
    name = "too high"
    rule = (
        f"the mean slope of a population is above {HIGH:g}, and its gradient grows "
        f"{GROWS:,.0f}-fold over the steps or reverses from step to step"
    )
    helps = "`normalize_surrogate`"
    column, word = "slope", "high"

    def find(self, measured: Measured) -> Finding | None:
        grows = lambda p: p.gradient.end_to_end > GROWS
        high = [
            p
            for p in measured.populations
            if p.slopes.per_scale > HIGH and (grows(p) or p.gradient.consistency < FLIPS)
        ]
        if not high:
            return None
        worst = max(high, key=lambda p: (grows(p), p.gradient.end_to_end))
        effect = (
            f"is {worst.gradient.end_to_end:.1g} times as large at the first step as at the last"
            if grows(worst)
            else f"reverses from step to step (mean cosine {worst.gradient.consistency:.2f})"
        )
        names = tuple(p.name for p in high)
        text = (
            f"The surrogate is too high in {named(names)}: with a mean slope of "
            f"{span([p.slopes.per_scale for p in high])} the gradient of {worst.name} {effect}."
        )
        return Finding(names, text)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from lower_slopes(measured)
        yield from other_surrogates(measured)

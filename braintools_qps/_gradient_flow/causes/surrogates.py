"""Surrogates that do not fit: negative, too narrow for the membranes, or too high."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..changes import Change
from ..evaluate import Measured
from ..ways import lower_slopes, other_surrogates
from .cause import Cause, Finding, is_silent, named, span

NEGATIVE = 0.1  # a negative derivative, relative to the peak
FLAT = 0.8  # share of the membrane potentials
HIGH, GROWS, FLIPS = 0.2, 1e3, -0.2  # mean slope, growth over all steps, and mean cosine


@final
class NegativeDerivative(Cause):
    """A surrogate gradient below 0: there, a weight that should grow shrinks."""

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


@final
class OutOfReach(Cause):
    """It fires, but nearly all membranes lie where the surrogate is flat."""

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


@final
class TooHigh(Cause):
    """High slopes with which the gradient grows in time, or reverses."""

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

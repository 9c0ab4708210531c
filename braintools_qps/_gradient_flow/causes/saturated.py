"""Populations that fire at almost every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..changes import Change, other_rates
from ..evaluate import Measured
from .cause import MAJORITY, Cause, Finding, is_saturated, named


@final
class Saturated(Cause):
    name = "saturated"
    rule = "most neurons fire in 95% of the steps, or they fire in most steps"
    helps = "`normalize_rates`"
    column, word = "rate", "saturated"

    def find(self, measured: Measured) -> Finding | None:
        affected = [p for p in measured.populations if is_saturated(p)]
        if not affected:
            return None
        first, after = affected[0], measured.step.downstream(affected[0].name)
        how = f"it fires {first.activity.firing_rate:.2g} times per step"
        if first.activity.saturated_share > MAJORITY:
            how = f"{first.activity.saturated_share:.0%} of its neurons fire at almost every step"
        result = f", so its spikes tell {named(after)} little about the input" if after else ""
        text = f"{first.name} is saturated: {how}{result}."
        advice = "Look at its bias, its threshold and the unit of its current."
        names = tuple(p.name for p in affected)
        constant = {p.name for p in affected if p.activity.same_share == 1}
        exact = bool(constant) and not measured.step.graph.passes_by(constant)
        return Finding(names, text, advice, exact)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_rates(measured, centre_first=True)

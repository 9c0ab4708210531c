"""Populations that fire at almost every step."""

from __future__ import annotations

from functools import partial

from ..changes import other_rates
from ..evaluate import Measured
from .cause import MAJORITY, Cause, Finding, all_pass, is_saturated, named, names_of


def _find(measured: Measured) -> Finding | None:
    if not (affected := [p for p in measured.populations if is_saturated(p)]):
        return None
    first, after = affected[0], measured.step.downstream(affected[0].name)
    how = f"it fires {first.activity.firing_rate:.2g} times per step"
    if first.activity.saturated_share > MAJORITY:
        how = f"{first.activity.saturated_share:.0%} of its neurons fire at almost every step"
    result = f", so its spikes tell {named(after)} little about the input" if after else ""
    text = f"{first.name} is saturated: {how}{result}."
    advice = "Look at its bias, its threshold and the unit of its current."
    constant = [p.name for p in affected if p.activity.same_share == 1]
    return Finding(names_of(affected), text, advice, all_pass(measured, constant))


SATURATED = Cause(
    "saturated",
    "most neurons fire in 95% of the steps, or they fire in most steps",
    "`normalize_rates`",
    _find,
    (partial(other_rates, centre_first=True),),
    column="rate",
    word="saturated",
)

"""Causes without a rule: what makes the network learn was not right before.

They are asked last, in the order of `prepare`: rates, surrogates, inhibition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..changes import Change
from ..evaluate import Measured
from ..ways import lower_slopes, other_rates, other_surrogates, weaker_weights
from .cause import Cause, Finding, span


@final
class Rates(Cause):
    name = "rates"
    rule = "other firing rates make it learn"
    helps = "`normalize_rates`"
    general = True

    def find(self, measured: Measured) -> Finding | None:
        rates = span([p.activity.firing_rate for p in measured.populations])
        return Finding(_all(measured), f"Its rates do not fit: {rates} spikes per step.")

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_rates(measured, centre_first=False)


@final
class Surrogates(Cause):
    name = "surrogate"
    rule = "another surrogate, or a lower one, makes it learn"
    helps = "another surrogate"
    general = True

    def find(self, measured: Measured) -> Finding | None:
        slopes = span([p.slopes.per_scale for p in measured.populations])
        return Finding(_all(measured), f"Its surrogates do not fit: mean slopes of {slopes}.")

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_surrogates(measured)
        yield from lower_slopes(measured)


@final
class Inhibition(Cause):
    name = "inhibition"
    rule = "weaker weights into the first population make it learn"
    helps = "smaller weights"
    general = True

    def find(self, measured: Measured) -> Finding | None:
        return Finding(_all(measured), "Some of its weights are too strong.")

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from weaker_weights(measured, measured.populations[0].name)


def _all(measured: Measured) -> tuple[str, ...]:
    return tuple(p.name for p in measured.populations)

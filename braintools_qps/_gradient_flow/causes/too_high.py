"""Slopes so high that the gradient grows, or reverses, on its way back in time."""

from __future__ import annotations

from ..._wording import span
from ..changes import lower_slopes, other_surrogates
from ..evaluate import Measured
from .cause import Cause, Finding, named, names_of

HIGH, GROWS, FLIPS = 0.2, 1e3, -0.2  # mean slope, growth over all steps, and mean cosine


def _find(measured: Measured) -> Finding | None:
    grows = lambda p: p.gradient.end_to_end > GROWS
    is_harmful = lambda p: grows(p) or p.gradient.consistency < FLIPS
    high = [p for p in measured.populations if p.slopes.per_scale > HIGH and is_harmful(p)]
    if not high:
        return None
    worst, names = max(high, key=lambda p: (grows(p), p.gradient.end_to_end)), names_of(high)
    effect = (
        f"is {worst.gradient.end_to_end:.1g} times as large at the first step as at the last"
        if grows(worst)
        else f"reverses from step to step (mean cosine {worst.gradient.consistency:.2f})"
    )
    text = (
        f"The surrogate is too high in {named(names)}: with a mean slope of "
        f"{span([p.slopes.per_scale for p in high])} the gradient of {worst.name} {effect}."
    )
    return Finding(names, text)


TOO_HIGH = Cause(
    "too high",
    f"the mean slope of a population is above {HIGH:g}, and its gradient grows {GROWS:,.0f}-fold "
    "over the steps or reverses from step to step",
    "`normalize_surrogate`",
    _find,
    (lower_slopes, other_surrogates),
    column="slope",
    word="high",
)

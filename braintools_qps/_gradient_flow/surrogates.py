"""Surrogates that do not fit: negative, too narrow or too wide for the membranes, or too high."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain

import numpy as np

from .._causes import CAUSES, limits
from ..records import PopulationFlow
from . import remedies
from .evaluate import Measured
from .findings import AGAIN, Change, Finding, named, span

IN_A_ROW = 2  # populations that a wide surrogate harms without recurrence: by 5 and 53 points
HIGH_RATE = 0.3  # spikes per step from which on large weights, not the surrogate, may be too much


def negative_derivative(measured: Measured) -> Finding | None:
    """A surrogate gradient below 0: there, a weight that should grow shrinks."""
    wrong = _with_cause(measured, "negative derivative")
    if not wrong:
        return None
    names = [p.name for p in wrong]
    text = (
        f"The surrogate gradient of {named(names)} is negative at membrane potentials that occur: "
        f"down to {span([p.slopes.lowest for p in wrong], '.0%')} of its peak. There the gradient "
        "points the wrong way."
    )
    changes = partial(remedies.other_surrogate, measured, names)
    advice = f"Correct the sign of its derivative: check_surrogate shows where. {AGAIN}"
    return Finding("negative derivative", tuple(names), text, changes, advice)


def out_of_reach(measured: Measured) -> Finding | None:
    """It fires, but nearly all membranes lie where the surrogate is flat.

    Without a spike in the last step a gradient of 0 may have other reasons, such as blank steps.
    """
    fired = dict(zip(measured.step.spikes, measured.evaluator.run.fired))
    narrow = [
        p
        for p in _with_cause(measured, "out of reach")
        if not p.activity.is_silent
        and (np.any(p.gradient.second_moments) or np.any(fired[p.name][-1]))
    ]
    if not narrow:
        return None
    names = [p.name for p in narrow]
    strong = [p for p in narrow if p.activity.firing_rate > HIGH_RATE]
    rate = max(p.activity.firing_rate for p in narrow)
    rates = f" The rate is up to {rate:.2g} spikes per step." if strong else ""
    text = (
        f"The surrogate is too narrow for {named(names)}: "
        f"{span([p.slopes.flat_share for p in narrow], '.0%')} of the membrane potentials are "
        f"out of reach, where the surrogate gradient is below 0.1% of its peak.{rates}"
    )

    def changes() -> Iterable[Change]:
        at_once = remedies.for_rate(measured, strong[0].name) if strong else ()
        return chain(at_once, remedies.wider(measured, names))

    return Finding("out of reach", tuple(names), text, changes)


def too_wide(measured: Measured) -> Finding | None:
    """A gradient that ignores the membranes, in recurrent populations or in many in a row."""
    wide, graph = {p.name for p in measured.populations if p.slopes.is_wide}, measured.step.graph
    deep = any(len(wide & (graph.upstream(name) | {name})) >= IN_A_ROW for name in wide)
    harmed = [
        p for p in measured.populations if p.name in wide and (deep or p.name in graph.recurrent)
    ]
    if not harmed:
        return None
    names = [p.name for p in harmed]
    text = (
        f"The surrogate is too wide for {named(names)}: its gradient is above 90% of its peak at "
        f"{span([p.slopes.steep_share for p in harmed], '.0%')} of the membrane potentials, so it "
        "hardly tells them apart. Networks with several layers or recurrence learn less with it, "
        "at any height."
    )
    return Finding(
        "too wide", tuple(names), text, partial(remedies.other_surrogate, measured, names)
    )


def too_high(measured: Measured) -> Finding | None:
    """High slopes with which the gradient grows out of proportion in time, or reverses."""
    high = [p for p in _with_cause(measured, "too high") if _grows(p) or p.gradient.overshoots]
    if not high:
        return None
    worst = max(high, key=lambda p: (_grows(p), p.gradient.end_to_end))
    effect = (
        f"is {worst.gradient.end_to_end:.1g} times as large at the first step as at the last"
        if _grows(worst)
        else f"reverses from step to step (mean cosine {worst.gradient.consistency:.2f})"
    )
    text = (
        f"The surrogate is too high in {named([p.name for p in high])}: with a mean slope of "
        f"{span([p.slopes.per_scale for p in high])} the gradient of {worst.name} {effect}."
    )
    names = tuple(p.name for p in high)

    def changes() -> Iterable[Change]:
        lower = remedies.lower(measured)
        return chain(lower, remedies.other_surrogate(measured, names))

    return Finding("too high", names, text, changes)


def _grows(p: PopulationFlow) -> bool:
    growth, unsteady = p.gradient.end_to_end, p.gradient.consistency < limits.UNSTEADY
    return growth > limits.CHAOTIC or (growth > limits.FAR and unsteady)


def _with_cause(measured: Measured, cause: str) -> list[PopulationFlow]:
    return [p for p in measured.populations if CAUSES[cause].applies(p)]

"""Populations that hardly fire, or whose spikes are the same for most inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from ..._wording import span
from ...records import PopulationFlow
from ..changes import Change, other_rates
from ..evaluate import Measured
from ..normalize_rates import WIDEST
from .cause import Cause, Finding, is_saturated, is_silent, named, says_nothing


@final
class Silent(Cause):
    name = "silent"
    rule = (
        "in most samples no neuron of the population fires, it sends less than one spike per "
        "sample, or its spikes are the same in most of them"
    )
    helps = "`normalize_rates`"
    column, word = "rate", "silent"

    def find(self, measured: Measured) -> Finding | None:
        silent = [p for p in measured.populations if is_silent(p)]
        if silent:
            return _of_silent(measured, silent)
        same = [p for p in measured.populations if says_nothing(p) and not is_saturated(p)]
        if same:
            return _of_same(measured, same)
        steps = len(measured.evaluator.run.inputs[0])
        sent = lambda p: p.activity.firing_rate * p.size * steps
        if few := [p for p in measured.populations if sent(p) < 1]:
            text = f"{few[0].name} sends {sent(few[0]):.2g} spikes per sample."
            return Finding(tuple(p.name for p in few), text, _where_to_look(measured, few[0]))
        return None

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_rates(measured, centre_first=False)


def _of_silent(measured: Measured, silent: list[PopulationFlow]) -> Finding:
    first, names = silent[0], tuple(p.name for p in silent)
    share = f"in {first.activity.empty_share:.0%} of the samples none of its neurons fires"
    if measured.evaluator.batch is None or first.activity.empty_share == 1:
        share = "none of its neurons fires"
    after = [name for name in measured.step.downstream(first.name) if name in names]
    too = f" So {'is' if len(after) == 1 else 'are'} {named(after)} after it." if after else ""
    dead = {p.name for p in silent if p.activity.firing_rate == 0}
    exact = bool(dead) and not measured.step.graph.passes_by(dead)
    text = f"{first.name} is silent: {share}.{too}"
    return Finding(names, text, _where_to_look(measured, first), exact)


def _of_same(measured: Measured, same: list[PopulationFlow]) -> Finding:
    before = measured.step.graph.upstream(same[-1].name) | {p.name for p in same}
    rates = [p.activity.firing_rate for p in measured.populations if p.name in before]
    names, share = tuple(p.name for p in same), max(p.activity.same_share for p in same)
    text = (
        f"{names[0]} says nothing about the inputs: in {share:.0%} of the samples the spikes of "
        f"{named(names)} are the same, at rates of {span(rates)} up to there."
    )
    advice = (
        "Look at the size of its inputs against its bias, and for a mean or an index over the axis "
        "of samples before it."
    )
    return Finding(names, text, advice)


def _where_to_look(measured: Measured, p: PopulationFlow) -> str:
    """Where to look if scaling the input weights does not make a population fire."""
    step = measured.step
    weights = step.graph.input_weights(p.name)
    if not weights:
        return (
            f"No weight matrix that could be scaled feeds {p.name}: look at a norm without a gain, "
            "its bias, its threshold and what it is fed."
        )
    largest = max(float(np.abs(np.asarray(step.arrays.states[i])).max()) for i in weights)
    return (
        f"If no factor up to {2**WIDEST} on its input weights, now up to {largest:.1g}, makes it "
        "fire, look at how they are drawn, at the units of its current, its threshold and its time "
        "constant, at dt, at a clip of its membrane, a reset far below the threshold, its "
        "adaptation, and inhibition."
    )

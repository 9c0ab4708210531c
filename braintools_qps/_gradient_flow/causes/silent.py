"""Populations that hardly fire, or whose spikes are the same for most inputs."""

from __future__ import annotations

import numpy as np

from ..._wording import span
from ...records import PopulationFlow
from ..changes import other_rates
from ..evaluate import Measured
from ..normalize_rates import WIDEST
from .cause import MAJORITY, Cause, Finding, all_pass, be, is_saturated, is_silent, named, names_of


def _find(measured: Measured) -> Finding | None:
    if silent := [p for p in measured.populations if is_silent(p)]:
        return _of_silent(measured, silent)
    is_same = lambda p: p.activity.same_share > MAJORITY and not is_saturated(p)
    if same := [p for p in measured.populations if is_same(p)]:
        return _of_same(measured, same)
    steps = len(measured.evaluator.run.inputs[0])
    sent = lambda p: p.activity.firing_rate * p.size * steps
    if few := [p for p in measured.populations if sent(p) < 1]:
        text = f"{few[0].name} sends {sent(few[0]):.2g} spikes per sample."
        return Finding(names_of(few), text, _where_to_look(measured, few[0]))
    return None


def _of_silent(measured: Measured, silent: list[PopulationFlow]) -> Finding:
    first, names = silent[0], names_of(silent)
    share = f"in {first.activity.empty_share:.0%} of the samples none of its neurons fires"
    if measured.evaluator.batch is None or first.activity.empty_share == 1:
        share = "none of its neurons fires"
    after = [name for name in measured.step.downstream(first.name) if name in names]
    too = f" So {be(after)} {named(after)} after it." if after else ""
    text = f"{first.name} is silent: {share}.{too}"
    dead = [p.name for p in silent if p.activity.firing_rate == 0]
    return Finding(names, text, _where_to_look(measured, first), all_pass(measured, dead))


def _of_same(measured: Measured, same: list[PopulationFlow]) -> Finding:
    names, share = names_of(same), max(p.activity.same_share for p in same)
    before = measured.step.graph.upstream(names[-1]).union(names)
    rates = [p.activity.firing_rate for p in measured.populations if p.name in before]
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
    weights = measured.step.weights(p.name)
    if not weights:
        return (
            f"No weight matrix that could be scaled feeds {p.name}: look at a norm without a gain, "
            "its bias, its threshold and what it is fed."
        )
    largest = max(float(np.abs(values).max()) for values in weights)
    return (
        f"If no factor up to {2**WIDEST} on its input weights, now up to {largest:.1g}, makes it "
        "fire, look at how they are drawn, at the units of its current, its threshold and its time "
        "constant, at dt, at a clip of its membrane, a reset far below the threshold, its "
        "adaptation, and inhibition."
    )


SILENT = Cause(
    "silent",
    "in most samples no neuron of the population fires, it sends less than one spike per sample, "
    "or its spikes are the same in most of them",
    "`normalize_rates`",
    _find,
    (other_rates,),
    column="rate",
    word="silent",
)

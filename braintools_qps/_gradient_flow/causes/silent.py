"""Populations that hardly fire, or whose spikes are the same for all samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from ..._wording import listed
from ...records import PopulationFlow
from ..changes import Change
from ..evaluate import Measured
from ..graph import INPUTS
from ..normalize_rates import is_only
from ..ways import (
    TARGET_RATE,
    other_rates,
    scaled_inputs,
    stronger_weights,
    weaker_inhibition,
)
from .cannot_fire import cannot_fire
from .cause import Cause, Finding, is_silent, named, says_nothing, with_s

QUIET = 0.01  # spikes per neuron and step
DIES = 0.1  # of the highest rate before it: from there on, spikes count as dying out
HELD = 10.0  # times as far below the threshold as at first: something holds the membranes down


@final
class Silent(Cause):
    name = "silent"
    rule = (
        "in most samples no neuron of the population fires, or its spikes are the same in most of "
        "them"
    )
    helps = "`normalize_rates`"
    column, word = "rate", "silent"

    def find(self, measured: Measured) -> Finding | None:
        silent = [p for p in measured.populations if is_silent(p)]
        if silent:
            return _of_silent(measured, silent)
        same = [p for p in measured.populations if says_nothing(p)]
        if same:
            return _of_same(measured, same)
        quiet = [p for p in measured.populations if p.activity.firing_rate < QUIET]
        if quiet:
            text = f"{quiet[0].name} fires {quiet[0].activity.firing_rate:.2g} times per step."
            return Finding(tuple(p.name for p in quiet), text, _where_to_look(measured, quiet[0]))
        return None

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        first = finding.populations[0]
        if _held_down(measured, first) > HELD:
            yield from weaker_inhibition(measured, first)
        yield from other_rates(measured, centre_first=False)
        yield from stronger_weights(measured, first)
        yield from scaled_inputs(measured, first)
        yield from weaker_inhibition(measured, first)


def _of_silent(measured: Measured, silent: list[PopulationFlow]) -> Finding:
    first = silent[0]
    after = _starved_by(measured, first.name)
    share = f"in {first.activity.empty_share:.0%} of the samples none of its neurons fires"
    if measured.evaluator.batch is None or first.activity.empty_share == 1:
        share = "none of its neurons fires"
    rates = [p.activity.firing_rate for p in measured.populations if p.name in after]
    result = f", so hardly a spike reaches {named(after)}" if after else ""
    if after and not any(rates):
        result = f", so {named(after)} after it never {with_s(after, 'fire')} at all"
    names = tuple(p.name for p in silent)
    dead = {p.name for p in silent if p.activity.firing_rate == 0}
    exact = bool(dead) and not measured.step.graph.passes_by(dead)
    text = f"{first.name} is silent: {share}{result}."
    return Finding(names, text, _where_to_look(measured, first), exact)


def _of_same(measured: Measured, same: list[PopulationFlow]) -> Finding:
    times, held = max(((_held_down(measured, p.name), p) for p in same), key=lambda pair: pair[0])
    share = f"in {max(p.activity.same_share for p in same):.0%} of the samples"
    if times > HELD:
        text = (
            f"{held.name} is silenced: after the first steps its membranes are held {times:.2g} "
            f"times as far below the threshold as at first, and {share} its spikes are the same."
        )
        advice = "Weaken what inhibits it, and look at its reset and its adaptation."
        return Finding((held.name,), text, advice)
    before = measured.step.graph.upstream(same[-1].name) | {same[-1].name}
    rates = {p: p.activity.firing_rate for p in measured.populations if p.name in before}
    highest = max(rates.values())
    first = next((p for p, rate in rates.items() if rate < DIES * highest), same[0])
    alike = f"{share} the spikes of {named([p.name for p in same])} are the same"
    text = (
        f"{first.name} is nearly silent: rates fall from {highest:.2g} spikes per step to "
        f"{min(rates.values()):.2g} over depth, and {alike}."
        if rates[first] < DIES * highest
        else f"{first.name} says nothing about the inputs: {alike}."
    )
    return Finding((first.name,), text, _where_to_look(measured, first))


def _where_to_look(measured: Measured, p: PopulationFlow) -> str:
    """Why no factor on its weights may help, and the usual reasons."""
    step, population = measured.step, measured.step.population(p.name)
    weights = step.input_weights(population)
    if not weights and (fixed := step.graph.fixed[p.name]):
        return (
            f"Its weights are no brainstate.ParamState, so nothing scales or trains them: "
            f"{listed(map(step.path, fixed))}. Make them parameters: {step.as_parameter(fixed[0])}."
        )
    if not weights:
        return (
            f"No weight matrix that could be scaled feeds {p.name}: look at a norm without a gain, "
            "its bias, its threshold and what it is fed."
        )
    if is_only(step, population, "inhibited"):
        return f"All input weights of {p.name} inhibit it or are 0: give them both signs."
    if said := cannot_fire(measured, population, weights):
        return said
    return (
        f"Where no factor on its input weights brings it to {TARGET_RATE:g} spikes per step, look "
        "at the unit of its current and of its threshold, a reset far below the threshold, its "
        "adaptation, and inhibition."
    )


def _starved_by(measured: Measured, name: str) -> list[str]:
    """The populations after a silent one that neither the inputs nor an active one feeds."""
    feeds, starved = measured.step.graph.feeds, [name]
    active = {INPUTS, *(p.name for p in measured.populations if not is_silent(p))}
    for other in measured.step.downstream(name):  # in the order in which signals reach them
        if feeds[other].intersection(starved) and not (feeds[other] - {other}) & active:
            starved.append(other)
    return starved[1:]


def _held_down(measured: Measured, name: str) -> float:
    """How much farther below the threshold its usual membrane is than at the first step."""
    call = measured.step.population(name).call
    argument = np.asarray(measured.evaluator.run.arguments[call], np.float64)
    first, usual = np.median(argument[0]), np.median(argument)
    return float(usual / first) if first < 0 else 0.0

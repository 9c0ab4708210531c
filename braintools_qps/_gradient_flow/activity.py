"""Populations that carry nothing: silent, saturated, or the same for all samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from .._causes import limits
from ..records import PopulationFlow
from . import remedies
from .evaluate import Evaluator, Measured
from .findings import AGAIN, Change, Finding, named, with_s
from .graph import INPUTS
from .normalize_rates import is_only

DIES = 0.1  # of the highest rate before it: from there on, spikes count as dying out
HELD = 10.0  # times as far below the threshold as at first: something holds the membranes down


def silent(measured: Measured) -> Finding | None:
    """Most samples bring no neuron to fire, and training will hardly change it.

    Named is the first silent population that starves those which stay silent. One whose
    membranes come near the threshold wakes up in training if it gets a gradient, and one that
    signals pass by, as in a residual network, does no harm unless it is fed by the inputs, or the
    output says nothing all the same.
    """
    evaluator, graph = measured.evaluator, measured.step.graph
    stays = {p.name for p in measured.populations if _stays_silent(measured, p)}
    silent = [p for p in measured.populations if p.activity.is_silent]
    affected = [p for p in silent if stays & {p.name, *_starved_by(measured, p.name)}]
    if graph.passes_by({p.name for p in affected}) and not _output_says_nothing(evaluator):
        affected = [p for p in affected if INPUTS in graph.feeds[p.name]]
    if not affected:
        return None
    first, after = affected[0], _starved_by(measured, affected[0].name)
    share = f"in {first.activity.empty_share:.0%} of the samples none of its neurons fires"
    if evaluator.batch is None:
        share = "none of its neurons fires"
    rates = [p.activity.firing_rate for p in measured.populations if p.name in after]
    result = f", so hardly a spike reaches {named(after)}" if after else ""
    if after and not any(rates):
        result = f", so {named(after)} after it never {with_s(after, 'fire')} at all"
    return _of_rate("silent", affected, f"is silent: {share}{result}", measured)


def saturated(measured: Measured) -> Finding | None:
    """Most neurons fire at almost every step, or so often that no gradient is left."""
    is_stuck = lambda p: (
        p.activity.firing_rate > limits.MAJORITY
        and p.slopes.flat_share > 0
        and measured.is_flat_at_end(p.name)
    )
    affected = [p for p in measured.populations if p.activity.is_saturated or is_stuck(p)]
    if not affected:
        return None
    first, after = affected[0], measured.step.downstream(affected[0].name)
    result = f", so its spikes tell {named(after)} little about the input" if after else ""
    text = (
        f"is saturated: {first.activity.saturated_share:.0%} of its neurons fire at almost "
        f"every step{result}"
        if first.activity.is_saturated
        else f"is saturated: it fires {first.activity.firing_rate:.2g} times per step, and in "
        "the last step all its membranes are so far from the threshold that the surrogate "
        "gradient is 0"
    )
    return _of_rate("saturated", affected, text, measured)


def died_out(measured: Measured) -> Finding | None:
    """Populations in a row that fire in the same way for most samples: held down, or too deep.

    Silent ones near the threshold wake up in training: two in a row reached 94%.
    """
    graph = measured.step.graph
    same = [p for p in measured.populations if p.activity.says_nothing]
    names = {p.name for p in same}
    in_a_row = any(graph.feeds[p.name] & (names - {p.name}) for p in same)
    if not in_a_row or graph.passes_by(names):
        return None
    share = f"in {max(p.activity.same_share for p in same):.0%} of the samples"
    times, held = max(((_held_down(measured, p.name), p) for p in same), key=lambda pair: pair[0])
    if times > HELD:
        text = (
            f"is silenced: after the first steps its membranes are held {times:.2g} times as far "
            f"below the threshold as at first, and {share} its spikes are the same"
        )
        finding = _of_rate("silent", [held], text, measured, remedies.weaker)
        advice = f"Weaken what inhibits it, and look at its reset and its adaptation. {AGAIN}"
        return finding._replace(otherwise=advice)
    before = graph.upstream(same[-1].name) | {same[-1].name}
    rates = {p: p.activity.firing_rate for p in measured.populations if p.name in before}
    highest = max(rates.values())
    first = next((p for p, rate in rates.items() if rate < DIES * highest), None)
    alike = f"{share} the spikes of {named([p.name for p in same])} are the same"
    text = (
        f"is nearly silent: rates fall from {highest:.2g} spikes per step to "
        f"{min(rates.values()):.2g} over depth, and {alike}"
        if first
        else f"says nothing about the inputs: {alike}"
    )
    return _of_rate("silent", [first or same[0]], text, measured)


def _of_rate(
    cause: str,
    affected: list[PopulationFlow],
    text: str,
    measured: Measured,
    remedy: Callable[[Measured, str], Iterator[Change]] = remedies.for_rate,
) -> Finding:
    """A finding that another firing rate of its first population may mend."""
    first = affected[0].name
    return Finding(
        cause,
        tuple(p.name for p in affected),
        f"{first} {text}.",
        partial(remedy, measured, first),
        partial(remedies.why_no_rate, measured, first),
        frozenset({first, *measured.step.downstream(first)}),
    )


def _starved_by(measured: Measured, name: str) -> list[str]:
    """The populations after a silent one that neither the inputs nor an active one feeds."""
    feeds, starved = measured.step.graph.feeds, [name]
    active = {INPUTS, *(p.name for p in measured.populations if not p.activity.is_silent)}
    for other in measured.step.downstream(name):  # in the order in which signals reach them
        if feeds[other].intersection(starved) and not (feeds[other] - {other}) & active:
            starved.append(other)
    return starved[1:]


def _stays_silent(measured: Measured, p: PopulationFlow) -> bool:
    """Whether training will hardly wake it up: no gradient, far below, or only inhibited."""
    inhibited = is_only(measured.step, measured.step.population(p.name), "inhibited")
    never = inhibited or not np.any(p.gradient.second_moments)
    return p.activity.is_far_below or bool(p.activity.is_silent and never)


def _output_says_nothing(evaluator: Evaluator) -> bool:
    """Whether the outputs of most samples are the same, at all steps."""
    outputs = evaluator.real_outputs()
    if not all(x.shape[1:2] == (evaluator.batch,) for x in outputs):
        return False
    usual = [x == np.median(x, axis=1, keepdims=True) for x in outputs]
    alike = [same.all(axis=(0, *range(2, same.ndim))) for same in usual]
    return bool(np.mean(np.all(alike, axis=0)) > limits.MAJORITY)


def _held_down(measured: Measured, name: str) -> float:
    """How much farther below the threshold its usual membrane is than at the first step."""
    call = measured.step.population(name).call
    argument = np.asarray(measured.evaluator.run.arguments[call], np.float64)
    first, usual = np.median(argument[0]), np.median(argument)
    return float(usual / first) if first < 0 else 0.0

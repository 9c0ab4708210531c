"""Why does the network not learn? One cause, the first on the way of the data.

A rule finds the populations that have one cause. `RULES` has them in the order in which causes
count: what is not finite makes all numbers meaningless, a population that never fires starves all
behind it, and only a network that fires and is connected can have too high a surrogate. Their
limits are in `records.population`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..records import FAR, FLIPPED, TOO_HIGH, Diagnosis, PopulationFlow
from . import remedies
from .evaluate import Evaluator, Measured

FURTHER = 5  # sentences below the table
OF_GRADIENTS = ("fading", "exploding", "direction lost")


class Finding(NamedTuple):
    """A cause in some populations, the first named first."""

    cause: str
    populations: tuple[str, ...]
    text: str
    remedy: Callable[[], str | None] = lambda: None
    consequences: tuple[str, ...] = ()  # populations that are not judged by themselves


Rule = Callable[[Evaluator, Measured], Iterator[Finding]]


def diagnose(
    evaluator: Evaluator, measured: Measured, *, remedy: bool = True
) -> tuple[Diagnosis, tuple[str, ...], tuple[str, ...]]:
    """The cause, at most five more sentences that are no consequence of it, and all sentences."""
    found = [finding for rule in RULES for finding in rule(evaluator, measured)]
    first, *others = found or [_nothing(measured)]
    where = first.populations[0] if first.populations else None
    diagnosis = Diagnosis(first.cause, where, first.text, first.remedy() if remedy else None)
    unmoved = _unmoved(measured)
    further = [one.text for one in others if not _is_consequence(one, first)]
    further += unmoved if first.cause == "none" else []
    advice = (str(diagnosis), *(one.text for one in others), *unmoved)
    return diagnosis, tuple(further[:FURTHER]), advice


def _is_consequence(finding: Finding, first: Finding) -> bool:
    """Whether it says nothing of its own: what lies behind, or what the gradient makes of it."""
    if first.cause == "not finite" or set(finding.populations) <= set(first.consequences):
        return True
    return finding.cause in OF_GRADIENTS and first.cause not in OF_GRADIENTS


def not_finite(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """NaN or infinity, at the first step and population that has it, forward before backward."""
    first: tuple[int, int] | None = None
    for order, population in enumerate(evaluator.step.populations):
        call = evaluator.run.calls[evaluator.step.last_call(population)]
        for values in (evaluator.run.states[population.membrane], call.argument, call.spikes):
            step = _first_step(values)
            if step is not None and (first is None or (step, order) < first):
                first = step, order
    if first is not None:
        step, order = first
        name = evaluator.step.populations[order].name
        given = [x for x in evaluator.run.inputs[1:] if _first_step(x) is not None]
        where = f"at step {step}" if step else "at the first step"
        text = f"{name} is not finite: its membrane potential is NaN or infinite {where}"
        if given:
            yield Finding("not finite", (name,), f"{text}, as the inputs are.")
            return
        weights = evaluator.step.input_weights(evaluator.step.populations[order])
        if any(_first_step(evaluator.step.arrays.states[i][None]) is not None for i in weights):
            remedy = "Its input weights are not finite: go back to a checkpoint, lower the rate."
        else:
            remedy = "Lower its input weights or give it a leak, so that it stays finite."
        yield Finding(
            "not finite", (name,), f"{text}, and so is everything after it.",
            lambda: f"{remedy} {remedies.AGAIN}",
        )  # fmt: skip
        return
    if any(_first_step(output) is not None for output in evaluator.run.outputs):
        text = "The output is not finite, though all membrane potentials are."
        yield Finding("not finite", (), text)
        return
    for name, slopes in zip(reversed(evaluator.step.callers), reversed(measured.slopes)):
        if _first_step(slopes) is not None:
            spike = measured.spikes[name]
            text = (
                f"The surrogate gradient of {name} is not finite, though its membrane potential "
                "is, so no weight before it can be trained."
            )
            fix = (
                f"Replace {type(spike).__name__}: check_surrogate of braintools_qps.testing says "
                "where it fails."
            )
            yield Finding("not finite", (name,), text, partial(str, fix))
            return
    for p in reversed(measured.populations):
        if not np.isfinite(p.gradient.second_moments).all():
            lag = int(np.flatnonzero(~np.isfinite(p.gradient.second_moments))[0])
            text = (
                f"The gradient is not finite in {p.name}: it overflows {lag} steps before the end, "
                "though all is finite on the way forward."
            )
            slope = p.slopes.per_scale
            cure = lambda slope=slope: remedies.for_height(slope) if slope > TOO_HIGH else None
            yield Finding("not finite", (p.name,), text, cure)
            return


def disconnected(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """No gradient, whatever the surrogate: it stays away with slopes of 1 at every spike."""
    if all(np.any(p.gradient.second_moments) for p in measured.populations):
        return
    ones = [jnp.ones_like(slope) for slope in measured.slopes]
    cut = [
        p.name
        for p, gradient in zip(measured.populations, evaluator.gradients(ones))
        if not np.any(gradient.second_moments)
    ]
    if cut:
        before = f", nor on what feeds it ({named(cut[:-1])})" if cut[:-1] else ""
        text = f"{cut[-1]} is disconnected: the output does not depend on it{before}."
        fix = (
            "Look behind it for a stop_gradient, for weights that are exactly 0, or for an output "
            "that is made of something else. "
        )
        names = (cut[-1], *cut[:-1])
        yield Finding("disconnected", names, text, lambda: fix + remedies.AGAIN, tuple(cut))


def silent(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Most neurons never fire although what feeds them does: no weight behind them moves."""
    yield from _rate(evaluator, measured, "silent", lambda p: p.activity.is_silent)


def saturated(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Most neurons fire at almost every step: spikes say nothing about the input."""
    yield from _rate(evaluator, measured, "saturated", lambda p: p.activity.is_saturated)


def _rate(
    evaluator: Evaluator,
    measured: Measured,
    cause: str,
    applies: Callable[[PopulationFlow], bool],
) -> Iterator[Finding]:
    """The first population of which most neurons are so; those behind it are consequences."""
    names = [p.name for p in measured.populations]
    affected = [p for p in measured.populations if applies(p)]
    if not affected:
        return
    first = affected[0]
    behind = names[names.index(first.name) + 1 :]
    same = [p.name for p in affected[1:]]
    if cause == "silent":
        share = f"{first.activity.silent_share:.0%} of its neurons never fire"
        result = f", so that hardly a spike reaches {named(behind)}" if behind else ""
        if same == behind and behind and all(p.activity.firing_rate == 0 for p in affected[1:]):
            result = f", so that {named(behind)}, behind it, never {_s(behind, 'get')} a spike"
    else:
        share = f"{first.activity.saturated_share:.0%} of its neurons fire at almost every step"
        result = f", and what reaches {named(behind)} says little about the input" if behind else ""
    if not any(np.any(x) for x in evaluator.run.inputs[1:]):
        share = f"{share}, as all inputs are 0"
    text = f"{first.name} is {cause}: {share}{result}."
    index, is_saturated = names.index(first.name), cause == "saturated"
    cure = lambda: remedies.for_rate(evaluator, index, saturated=is_saturated)
    yield Finding(cause, (first.name, *same), text, cure, (first.name, *behind))


def out_of_reach(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """It fires, but most membranes lie where the surrogate is flat, and the mean slope is low."""
    found = [p for p in _firing(measured) if p.slopes.out_of_reach]
    if found:
        index = measured.populations.index(found[0])
        shares = [p.slopes.flat_share for p in found]
        text = (
            f"{named([p.name for p in found])} {_is(found)} out of reach of the surrogate: neurons "
            f"fire, but {_span(shares, '.0%')} of the membrane potentials lie where its gradient "
            "is below 1% of its peak, so most of it is lost there."
        )
        cure = lambda: remedies.for_reach(evaluator, measured, index)
        yield Finding("out of reach", tuple(p.name for p in found), text, cure)


def too_high(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A mean slope well above 0.1, with which trainings failed or collapsed."""
    found = [p for p in _firing(measured) if p.slopes.per_scale > TOO_HIGH]
    if found:
        slopes = [p.slopes.per_scale for p in found]
        text = (
            f"The surrogate is too high in {named([p.name for p in found])}: its mean slope is "
            f"{_span(slopes)}, and trainings failed or collapsed well above 0.1."
        )
        cure = lambda: remedies.for_height(slopes[0])
        yield Finding("too high", tuple(p.name for p in found), text, cure)


def changing_over_time(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Over all steps the gradient falls or grows by a factor of 1,000 or more."""
    fading = [p for p in measured.populations if p.gradient.end_to_end < 1 / FAR]
    growing = [p for p in measured.populations if p.gradient.end_to_end > FAR]
    if fading:
        p = max(fading, key=lambda one: one.gradient.reach)
        times = f"{p.gradient.end_to_end:.1g} times" if p.gradient.end_to_end else "0 times"
        text = (
            f"The gradient fades over time in {named([one.name for one in fading])}: at the first "
            f"step it is {times} as large as at the last, and below 1% from {p.gradient.reach} "
            "steps back on."
        )
        fix = (
            "If what counts lies further back than that, take longer time constants or an output "
            "at more steps; if not, train as it is: compare(...)."
        )
        yield Finding("fading", tuple(one.name for one in fading), text, lambda: fix)
    if growing:
        p = growing[0]
        text = (
            f"The gradient explodes over time in {named([one.name for one in growing])}: at the "
            f"first step it is {p.gradient.end_to_end:.1g} times as large as at the last "
            f"({p.gradient.growth:.2f} times per step)."
        )
        index = measured.populations.index(p)
        cure = lambda: remedies.for_explosion(evaluator, measured, index)
        yield Finding("exploding", tuple(one.name for one in growing), text, cure)


def changing_over_depth(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """From the last population to the first it falls or grows by a factor of 1,000 or more."""
    growths = [p.gradient.depth_growth for p in measured.populations[:-1]]
    if not growths or not np.all(np.isfinite(growths)):
        return
    whole = float(np.prod(growths))
    if 1 / FAR <= whole <= FAR:
        return
    verb, cause = ("fades", "fading") if whole < 1 else ("explodes", "exploding")
    pick = np.argmin if whole < 1 else np.argmax
    p = measured.populations[int(pick(growths))]
    first, last = measured.populations[0].name, measured.populations[-1].name
    text = (
        f"The gradient {verb} over depth: in {first} it is {whole:.1g} times as large as in "
        f"{last}. The largest step is at {p.name}, {p.gradient.depth_growth:.2g} times the next "
        "one's."
    )
    fix = "Train with Adam, which rescales the gradient of each weight; plain SGD needs more."
    yield Finding(cause, (p.name,), text, lambda: fix)


def direction_lost(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Consecutive steps point against each other: the reset, or inhibition, overshoots."""
    found = [p for p in measured.populations if p.gradient.consistency < FLIPPED]
    if found:
        first, index = found[0], measured.populations.index(found[0])
        text = (
            f"The gradient has its direction lost in {named([p.name for p in found])}: consecutive "
            f"steps point against each other (mean cosine {first.gradient.consistency:.2f}), as "
            "where slopes are so steep that the reset overshoots."
        )
        cure = lambda: remedies.for_direction(evaluator, measured, index)
        yield Finding("direction lost", tuple(p.name for p in found), text, cure)


RULES: tuple[Rule, ...] = (
    not_finite,
    disconnected,
    silent,
    saturated,
    out_of_reach,
    too_high,
    changing_over_time,
    changing_over_depth,
    direction_lost,
)


def named(names: Sequence[str]) -> str:
    """Some populations, in the order of signals: one or two by name, more by the ends."""
    if len(names) > 2:
        return f"{names[0]} to {names[-1]} ({len(names)} populations)"
    return " and ".join(names)


def _nothing(measured: Measured) -> Finding:
    rates = [p.activity.firing_rate for p in measured.populations]
    slopes = [p.slopes.per_scale for p in measured.populations]
    text = (
        f"Nothing here keeps this network from learning: it fires ({_span(rates)} per step), its "
        f"mean slope is not too high ({_span(slopes)}), and its gradient keeps its size and its "
        "direction. Choose by training: compare(...)."
    )
    return Finding("none", (), text)


def _unmoved(measured: Measured) -> list[str]:
    share = measured.zero_parameter_share
    if not share > 0:
        return []
    return [
        f"{share:.1%} of the parameters get no gradient: what they feed did not fire in the steps "
        "that count. Pass objective= to measure with your own loss."
    ]


def _firing(measured: Measured) -> list[PopulationFlow]:
    """Those that fire in the main: what a silent one met is no cause."""
    return [p for p in measured.populations if not p.activity.is_silent]


def _first_step(values: jax.Array) -> int | None:
    """The first step at which a value is not finite."""
    bad = ~np.isfinite(np.asarray(values)).reshape(len(values), -1).all(axis=1)
    return int(np.argmax(bad)) if bad.any() else None


def _span(values: Sequence[float], form: str = ".2g") -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def _is(subjects: Sequence) -> str:
    return "is" if len(subjects) == 1 else "are"


def _s(subjects: Sequence, verb: str) -> str:
    return f"{verb}s" if len(subjects) == 1 else verb

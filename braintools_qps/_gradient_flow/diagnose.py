"""Why does the network not learn? Name the most basic cause.

A rule finds the populations that have one cause. `RULES` has the rules in the order in which causes
count: NaN makes all numbers meaningless, a silent population starves all behind it, and the height
of the surrogate matters only in a network that fires and is connected. The limits are in
`records.population`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..records import FAR, FLIPPED, HIGH_SLOPE, MOST, TOO_HIGH, Diagnosis, PopulationFlow
from . import measures, remedies
from .evaluate import Evaluator, Measured
from .information import lost_at
from .relay import chain
from .step import Population

FURTHER = 5  # sentences below the table
OF_GRADIENTS = ("fading", "exploding", "direction lost")
REPEATED = 0.5  # from this correlation on, late inputs count as repeating the early ones


class Finding(NamedTuple):
    """A cause in some populations, the first named first."""

    cause: str
    populations: tuple[str, ...]
    text: str
    remedy: Callable[[], str | None] = lambda: None
    consequences: tuple[str, ...] = ()  # populations whose other findings follow from this one


Rule = Callable[[Evaluator, Measured], Iterator[Finding]]


def diagnose(
    evaluator: Evaluator, measured: Measured, *, remedy: bool = True
) -> tuple[Diagnosis, tuple[str, ...], tuple[str, ...]]:
    """The cause, at most five sentences that do not follow from it, and all sentences."""
    first, *others = _found(evaluator, measured) or [_nothing(measured)]
    where = first.populations[0] if first.populations else None
    diagnosis = Diagnosis(first.cause, where, first.text, first.remedy() if remedy else None)
    further = [_sentence(one) for one in others if not _is_consequence(one, first)]
    hints = [*_fat_tails(measured), *_unmoved(measured)] if first.cause != "not finite" else []
    further += hints if first.cause == "none" else []
    advice = (str(diagnosis), *map(_sentence, others), *hints)
    return diagnosis, tuple(further[:FURTHER]), advice


def _found(evaluator: Evaluator, measured: Measured) -> list[Finding]:
    """The findings of all rules, up to the first that is about NaN or infinity."""
    found: list[Finding] = []
    for rule in RULES:
        found += rule(evaluator, measured)
        if found and found[0].cause == "not finite":
            break
    return found


def _sentence(finding: Finding) -> str:
    """A finding in words, with the proposal for a lower dampening."""
    proposal = finding.remedy() if finding.cause == "too high" else None
    return f"{finding.text} {proposal}" if proposal else finding.text


def _is_consequence(finding: Finding, first: Finding) -> bool:
    """Whether a finding follows from the first: it is behind it, or only about its gradient."""
    if finding.cause == "too high":  # never follows from another cause
        return False
    if set(finding.populations) <= set(first.consequences):
        return True
    return finding.cause in OF_GRADIENTS and first.cause not in OF_GRADIENTS


def membrane_not_finite(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The first step, and the first population at that step, whose membrane is NaN or infinite."""
    found = [
        (step, order)
        for order, population in enumerate(evaluator.step.populations)
        for values in _forward(evaluator, population)
        if (step := _first_step(values)) is not None
    ]
    if not found:
        return
    step, order = min(found)
    population = evaluator.step.populations[order]
    where = f"at step {step}" if step else "at the first step"
    text = f"{population.name} is not finite: its membrane potential is NaN or infinite {where}"
    if any(_first_step(x) is not None for x in evaluator.run.inputs[1:]):
        fix: Callable[[], str | None] = lambda: None
        text += ", because the inputs hold NaN or infinity."
    else:
        fix = lambda: remedies.for_membrane(evaluator, order, step)
        text += ", and so is everything after it."
    yield Finding("not finite", (population.name,), text, fix)


def output_not_finite(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """NaN or infinity in the outputs of the model."""
    steps = [step for x in evaluator.run.outputs if (step := _first_step(x)) is not None]
    if steps:
        text = (
            f"The output is not finite from step {min(steps)} on, although all membranes are: look "
            "at how the model computes it."
        )
        yield Finding("not finite", (), text)


def surrogate_not_finite(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A derivative that is NaN or infinite at a finite membrane; the first on the way back."""
    for name, slopes in zip(reversed(evaluator.step.callers), reversed(measured.slopes)):
        if _first_step(slopes) is not None:
            spike = type(measured.spikes[name]).__name__
            text = (
                f"The surrogate gradient of {name} is not finite at finite membrane potentials, so "
                "no weight before it can be trained."
            )
            fix = (
                f"Use another surrogate than {spike}, or correct its derivative: check_surrogate "
                f"of braintools_qps.testing says where it fails. {remedies.AGAIN}"
            )
            yield Finding("not finite", (name,), text, partial(str, fix))
            return


def gradient_not_finite(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A gradient that overflows although the forward run is finite."""
    lost = {
        p: np.flatnonzero(~np.isfinite(p.gradient.second_moments)) for p in measured.populations
    }
    p = next((p for p in reversed(measured.populations) if len(lost[p])), None)
    if p is None:
        return
    slope = p.slopes.per_scale
    text = f"The gradient is not finite in {p.name}: it overflows {lost[p][0]} steps before the end"
    if slope > HIGH_SLOPE:
        text += f". The mean slope of its surrogate is {slope:.2g}."
        yield Finding("not finite", (p.name,), text, lambda: remedies.for_height(slope))
    else:
        yield Finding("not finite", (p.name,), f"{text}.")


def disconnected(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """No gradient, whatever the surrogate: none even with slopes of 1 at every spike."""
    if all(np.any(p.gradient.second_moments) for p in measured.populations):
        return
    ones = [jnp.ones_like(slope) for slope in measured.slopes]
    cut = [
        p.name
        for p, gradient in zip(measured.populations, evaluator.gradients(ones))
        if not np.any(gradient.second_moments)
    ]
    if cut:
        before = f", nor on the populations before it ({named(cut[:-1])})" if cut[:-1] else ""
        text = f"{cut[-1]} is disconnected: the output does not depend on it{before}."
        fix = (
            "Look between it and the output for a stop_gradient, for weights that are exactly 0, "
            "or for code that leaves its spikes out. "
        )
        names = (cut[-1], *cut[:-1])
        yield Finding("disconnected", names, text, lambda: fix + remedies.AGAIN, tuple(cut))


def silent(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Most neurons never fire, so no weight behind them gets a gradient."""
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
    """The first population that is silent or saturated; the ones behind it follow from it."""
    names = [p.name for p in measured.populations]
    affected = [p for p in measured.populations if applies(p)]
    if not affected:
        return
    first = affected[0]
    behind = names[names.index(first.name) + 1 :]
    same = [p.name for p in affected[1:]]
    if cause == "silent":
        share = f"{first.activity.silent_share:.0%} of its neurons never fire"
        result = f", so hardly a spike reaches {named(behind)}" if behind else ""
        if same == behind and behind and all(p.activity.firing_rate == 0 for p in affected[1:]):
            result = f", so {named(behind)} behind it never {_s(behind, 'fire')} at all"
    else:
        share = f"{first.activity.saturated_share:.0%} of its neurons fire at almost every step"
        result = f", so its spikes tell {named(behind)} little about the input" if behind else ""
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
            f"The surrogate is too narrow for {named([p.name for p in found])}: "
            f"{_span(shares, '.0%')} of the membrane potentials are out of reach, where the "
            "surrogate gradient is below 1% of its peak."
        )
        cure = lambda: remedies.for_reach(evaluator, measured, index)
        yield Finding("out of reach", tuple(p.name for p in found), text, cure)


def too_high(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The mean slope over all populations, silent ones included, is above the limit."""
    found = [p for p in measured.populations if p.slopes.per_scale > TOO_HIGH]
    if np.mean([p.slopes.per_scale for p in measured.populations]) > TOO_HIGH:
        slopes = [p.slopes.per_scale for p in found]
        text = (
            f"The surrogate is too high in {named([p.name for p in found])}: its mean slope is "
            f"{_span(slopes)}, and above {TOO_HIGH:g} many networks train worse."
        )
        cure = lambda: remedies.for_height(slopes[0])
        yield Finding("too high", tuple(p.name for p in found), text, cure)


def fading(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The gradient does not reach most of the inputs, and later inputs do not repeat them."""
    reaches = [measures.reach(p.gradient.second_moments) for p in measured.populations]
    lag = max(steps for steps, _ in reaches)
    if lag == 0 or any(to_the_start for _, to_the_start in reaches):
        return
    inputs, batched = evaluator.run.inputs[1:], evaluator.batch is not None
    share, repeated = measures.early_inputs(inputs, lag, batched=batched)
    if share > MOST and repeated < REPEATED:
        names = [p.name for p in measured.populations]
        text = (
            f"The gradient fades over time in {named(names)}: {lag} steps before the end it is "
            f"down to 1%. So the network does not learn from the inputs of the first "
            f"{len(evaluator.run.inputs[0]) - lag} steps, and later inputs do not repeat them."
        )
        yield Finding("fading", tuple(names), text, lambda: remedies.FOR_FADING)


def exploding(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The gradient grows by more than a factor of a million over all steps."""
    growing = [p for p in measured.populations if p.gradient.end_to_end > FAR]
    if growing:
        p = growing[0]
        text = (
            f"The gradient explodes over time in {named([one.name for one in growing])}: at the "
            f"first step it is {p.gradient.end_to_end:.1g} times as large as at the last "
            f"({p.gradient.growth:.2f} times per step). The mean slope of {p.name} is "
            f"{p.slopes.per_scale:.2g}."
        )
        slope = p.slopes.per_scale
        cure = lambda: remedies.for_height(slope) if slope > HIGH_SLOPE else None
        yield Finding("exploding", tuple(one.name for one in growing), text, cure)


def changing_over_depth(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """From the last population to the first, the gradient changes by more than a million."""
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
        f"{last}. It changes most at {p.name}, where it is {p.gradient.depth_growth:.2g} times as "
        "large as in the next population."
    )
    yield Finding(cause, (p.name,), text)


def direction_lost(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The gradient reverses from step to step: the reset, or inhibition, overshoots."""
    found = [p for p in measured.populations if p.gradient.consistency < FLIPPED]
    if found:
        first, index = found[0], measured.populations.index(found[0])
        text = (
            f"The gradient loses its direction in {named([p.name for p in found])}: it reverses "
            f"from step to step (mean cosine {first.gradient.consistency:.2f}). Usually slopes are "
            "so steep that the reset overshoots."
        )
        cure = lambda: remedies.for_direction(evaluator, measured, index)
        yield Finding("direction lost", tuple(p.name for p in found), text, cure)


def information_lost(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """From some population on, spike counts tell no more of the labels than chance."""
    known, each = evaluator.information, evaluator.told
    first = None if known is None else lost_at(known, each)
    if known is not None and first is not None:
        p, names = measured.populations[first], [p.name for p in measured.populations[first:]]
        before = f"{measured.populations[first - 1].name} tells {each[first - 1]:.0%}, "
        text = (
            f"The information is lost at {p.name}: its spike counts tell {each[first]:.0%} of the "
            f"labels. Chance is {known.chance:.0%}, {before if first else ''}the inputs tell "
            f"{known.inputs:.0%}."
        )
        cure = lambda: remedies.FOR_INFORMATION if chain(evaluator.step) else None
        yield Finding("information lost", tuple(names), text, cure)


RULES: tuple[Rule, ...] = (
    membrane_not_finite,
    output_not_finite,
    surrogate_not_finite,
    gradient_not_finite,
    disconnected,
    silent,
    saturated,
    out_of_reach,
    too_high,
    fading,
    exploding,
    changing_over_depth,
    direction_lost,
    information_lost,
)


def named(names: Sequence[str]) -> str:
    """Populations in words: one or two by name, more as "first to last (5 populations)"."""
    if len(names) > 2:
        return f"{names[0]} to {names[-1]} ({len(names)} populations)"
    return " and ".join(names)


def _nothing(measured: Measured) -> Finding:
    rates = [p.activity.firing_rate for p in measured.populations]
    slope = np.mean([p.slopes.per_scale for p in measured.populations])
    text = (
        f"Nothing here keeps this network from learning: it fires ({_span(rates)} per step), its "
        f"surrogate is not too high (mean slope {slope:.2g}), and its gradient reaches all "
        "populations. Choose a surrogate by training: compare(...)."
    )
    return Finding("none", (), text)


def _fat_tails(measured: Measured) -> list[str]:
    """A sentence on fat tails, which lose accuracy already between 0.1 and the limit."""
    found = [
        p
        for p in measured.populations
        if remedies.has_fat_tail(measured.spikes[p.name])
        and HIGH_SLOPE < round(p.slopes.per_scale, 2) <= TOO_HIGH
    ]
    if not found:
        return []
    return [
        f"The mean slope of {named([p.name for p in found])} is "
        f"{_span([p.slopes.per_scale for p in found])}; with such a fat tail {HIGH_SLOPE:g} is "
        "better: set_surrogate(model, normalize_surrogate(model, inputs))."
    ]


def _unmoved(measured: Measured) -> list[str]:
    share = measured.zero_parameter_share
    if not share > 0:
        return []
    flat = any(bool((slope == 0).any()) for slope in measured.slopes)
    or_flat = ", or the surrogate gradient behind them is 0" * flat
    return [
        f"{share:.1%} of the parameters get no gradient: no signal passes through them in the "
        f"steps that the objective uses, by default the last{or_flat}. Pass objective= to measure "
        "with your own loss."
    ]


def _forward(evaluator: Evaluator, population: Population) -> tuple[jax.Array, ...]:
    """A population's membranes, and arguments and results of its spike function, by step."""
    call = evaluator.run.calls[evaluator.step.last_call(population)]
    return evaluator.run.states[population.membrane], call.argument, call.spikes


def _firing(measured: Measured) -> list[PopulationFlow]:
    """Populations that are not silent: the slopes of silent ones are no cause."""
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

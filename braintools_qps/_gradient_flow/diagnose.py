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

from ..records import FAR, FLIPPED, HIGH_SLOPE, MOST, TOO_HIGH, Diagnosis, PopulationFlow
from . import measures, remedies
from .evaluate import Evaluator, Measured
from .step import Population

FURTHER = 5  # sentences below the table
OF_GRADIENTS = ("fading", "exploding", "direction lost")
REPEATED = 0.5  # correlation of what samples differ in, early and late, with which late ones do


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
    first, *others = _found(evaluator, measured) or [_nothing(measured)]
    where = first.populations[0] if first.populations else None
    diagnosis = Diagnosis(first.cause, where, first.text, first.remedy() if remedy else None)
    further = [_sentence(one) for one in others if not _is_consequence(one, first)]
    hints = [*_fat_tails(measured), *_unmoved(measured)] if first.cause != "not finite" else []
    further += hints if first.cause == "none" else []
    advice = (str(diagnosis), *map(_sentence, others), *hints)
    return diagnosis, tuple(further[:FURTHER]), advice


def _found(evaluator: Evaluator, measured: Measured) -> list[Finding]:
    """What all rules find; where something is not finite, no other number means anything."""
    found: list[Finding] = []
    for rule in RULES:
        found += rule(evaluator, measured)
        if found and found[0].cause == "not finite":
            break
    return found


def _sentence(finding: Finding) -> str:
    """A finding below the table; a dampening is proposed there, too."""
    proposal = finding.remedy() if finding.cause == "too high" else None
    return f"{finding.text} {proposal}" if proposal else finding.text


def _is_consequence(finding: Finding, first: Finding) -> bool:
    """Whether it says nothing of its own: what lies behind, or what the gradient makes of it."""
    if finding.cause == "too high":  # whatever fires behind it
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
        text += ", because the inputs are."
    else:
        fix = lambda: remedies.for_membrane(evaluator, order, step)
        text += ", and so is everything after it."
    yield Finding("not finite", (population.name,), text, fix)


def output_not_finite(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """NaN or infinity in what the model returns."""
    steps = [step for x in evaluator.run.outputs if (step := _first_step(x)) is not None]
    if steps:
        text = f"The output is not finite from step {min(steps)} on: look at how it is computed."
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
                f"Use another surrogate than {spike}, or mend its derivative: check_surrogate of "
                f"braintools_qps.testing says where it fails. {remedies.AGAIN}"
            )
            yield Finding("not finite", (name,), text, partial(str, fix))
            return


def gradient_not_finite(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A gradient that overflows on its way back, of a run that is finite."""
    lost = {
        p: np.flatnonzero(~np.isfinite(p.gradient.second_moments)) for p in measured.populations
    }
    p = next((p for p in reversed(measured.populations) if len(lost[p])), None)
    if p is None:
        return
    slope = p.slopes.per_scale
    text = f"The gradient is not finite in {p.name}: it overflows {lost[p][0]} steps before the end"
    if slope > HIGH_SLOPE:
        text += f", where the gradient of the surrogate is {slope:.2g} on average."
        yield Finding("not finite", (p.name,), text, lambda: remedies.for_height(slope))
    else:
        yield Finding("not finite", (p.name,), f"{text}.")


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
            "Look between it and the output for a stop_gradient, for weights that are exactly 0, "
            "or for code that leaves its spikes out. "
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
            f"{_span(shares, '.0%')} of the membrane potentials are out of reach, so far from the "
            "threshold that its gradient is below 1% of its peak."
        )
        cure = lambda: remedies.for_reach(evaluator, measured, index)
        yield Finding("out of reach", tuple(p.name for p in found), text, cure)


def too_high(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A mean slope, over all populations, with which networks train badly, silent or not."""
    found = [p for p in measured.populations if p.slopes.per_scale > TOO_HIGH]
    if np.mean([p.slopes.per_scale for p in measured.populations]) > TOO_HIGH:
        slopes = [p.slopes.per_scale for p in found]
        text = (
            f"The surrogate is too high in {named([p.name for p in found])}: its gradient is "
            f"{_span(slopes)} on average, and networks train badly well above {HIGH_SLOPE:g}."
        )
        cure = lambda: remedies.for_height(slopes[0])
        yield Finding("too high", tuple(p.name for p in found), text, cure)


def fading(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The gradient is down to 1% before it gets to most of the inputs, and later ones differ."""
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
            f"down to 1%, so the network does not learn from the inputs of the first "
            f"{len(evaluator.run.inputs[0]) - lag} steps, which later steps do not repeat."
        )
        yield Finding("fading", tuple(names), text, lambda: remedies.FOR_FADING)


def exploding(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Over all steps the gradient grows by a factor of more than a million."""
    growing = [p for p in measured.populations if p.gradient.end_to_end > FAR]
    if growing:
        p = growing[0]
        text = (
            f"The gradient explodes over time in {named([one.name for one in growing])}: at the "
            f"first step it is {p.gradient.end_to_end:.1g} times as large as at the last "
            f"({p.gradient.growth:.2f} times per step), where the gradient of its surrogate is "
            f"{p.slopes.per_scale:.2g} on average."
        )
        slope = p.slopes.per_scale
        cure = lambda: remedies.for_height(slope) if slope > HIGH_SLOPE else None
        yield Finding("exploding", tuple(one.name for one in growing), text, cure)


def changing_over_depth(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """From the last population to the first it falls or grows by more than a million."""
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
    yield Finding(cause, (p.name,), text)


def direction_lost(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Neighbouring steps point against each other: the reset, or inhibition, overshoots."""
    found = [p for p in measured.populations if p.gradient.consistency < FLIPPED]
    if found:
        first, index = found[0], measured.populations.index(found[0])
        text = (
            f"The gradient loses its direction in {named([p.name for p in found])}: at each step "
            f"it points away from that of the next (mean cosine {first.gradient.consistency:.2f}), "
            "as where slopes are so steep that the reset overshoots."
        )
        cure = lambda: remedies.for_direction(evaluator, measured, index)
        yield Finding("direction lost", tuple(p.name for p in found), text, cure)


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
)


def named(names: Sequence[str]) -> str:
    """Some populations, in the order of signals: one or two by name, more by the ends."""
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
    """Fat tails lose from a mean slope of 0.1 on; thin ones do not up to what is too high."""
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
        f"{_span([p.slopes.per_scale for p in found])}; with so fat a tail {HIGH_SLOPE:g} is "
        "better: set_surrogate(model, normalize_surrogate(model, inputs))."
    ]


def _unmoved(measured: Measured) -> list[str]:
    share = measured.zero_parameter_share
    if not share > 0:
        return []
    return [
        f"{share:.1%} of the parameters get no gradient: what they feed did not fire in the steps "
        "that count. Pass objective= to measure with your own loss."
    ]


def _forward(evaluator: Evaluator, population: Population) -> tuple[jax.Array, ...]:
    """A population's membranes, and arguments and results of its spike function, by step."""
    call = evaluator.run.calls[evaluator.step.last_call(population)]
    return evaluator.run.states[population.membrane], call.argument, call.spikes


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

"""Why does the network not learn? Name the most basic cause, and a remedy that was tried.

A rule finds the populations that have one cause. `RULES` has them in the order in which causes
count: NaN makes all numbers meaningless, a silent population starves all after it, and the height
of the surrogate matters only in a network that fires and is connected. What slows learning without
preventing it is a hint. The causes and their limits are in `_causes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from .._causes import CAUSES, limits
from .._wording import listed
from ..records import Diagnosis, PopulationFlow
from . import activity, connections, not_finite, over_time, remedies, setup, surrogates
from .evaluate import Measured
from .findings import AGAIN, IMPORT, Change, Finding, Rule, named, span, with_s
from .graph import OUTPUTS
from .normalize import lowered
from .relay import is_deep
from .step import Step

# NaN and infinity make all other numbers meaningless, so that nothing else is looked for.
FINITE: tuple[Rule, ...] = (
    not_finite.membrane_not_finite,
    not_finite.output_not_finite,
    not_finite.surrogate_not_finite,
    not_finite.gradient_not_finite,
    not_finite.parameter_not_finite,
    not_finite.half_parameters,
)
RULES: tuple[Rule, ...] = (
    connections.disconnected,
    setup.inputs_say_nothing,
    setup.inputs_out_of_range,
    setup.starts_above,
    connections.gradient_stopped,
    connections.no_parameters,
    setup.too_small,
    setup.dropout,
    setup.delay,
    activity.silent,
    activity.saturated,
    activity.died_out,
    surrogates.negative_derivative,
    surrogates.out_of_reach,
    connections.gradient_zero,
    surrogates.too_wide,
    surrogates.too_high,
    connections.parameters_zero,
    setup.outputs_alike,
    over_time.fading,
    over_time.direction_lost,
)


def diagnose(measured: Measured, *, remedy: bool = True) -> tuple[Diagnosis, tuple[str, ...]]:
    """The cause, and sentences that do not follow from it."""
    findings = _findings(measured)
    first, *others = findings or [_nothing(measured)]
    where = first.populations[0] if first.populations else None
    text, code = _remedy(measured, findings) if remedy else (None, None)
    diagnosis = Diagnosis(first.cause, where, first.text, text, code)
    further = [finding.text for finding in others if not _is_consequence(finding, first)]
    return diagnosis, (*further, *(_hints(measured) if first.cause == "none" else ()))


def _findings(measured: Measured) -> list[Finding]:
    """What all rules find; only the first that is about NaN or infinity, if there is one."""
    for rule in FINITE:
        if finding := rule(measured):
            return [finding]
    return list(filter(None, (rule(measured) for rule in RULES)))


def _remedy(measured: Measured, findings: list[Finding]) -> tuple[str | None, str | None]:
    """The first change that helps when its line is run, or where to look."""
    if not findings:
        return None, None
    for change in findings[0].changes():
        if _helps(measured, change, findings):
            return f"{change.said}: {change.code}. {AGAIN}", change.code
    advice = findings[0].otherwise
    return (advice if isinstance(advice, str) or advice is None else advice()), None


def _helps(measured: Measured, change: Change, findings: list[Finding]) -> bool:
    """Whether a change removes the cause from every population and brings no other about."""
    try:
        after = remedies.after(measured, change.code)
    except Exception:  # the user would meet it, too
        return False
    left = _findings(after)
    known = {finding.cause for finding in findings[1:]} - {findings[0].cause}
    most = limits.FAR if findings[0].cause in ("too high", "not finite") else limits.CHAOTIC
    explodes = any(p.gradient.end_to_end > most for p in after.populations)
    return not explodes and all(finding.cause in known for finding in left)


def _is_consequence(finding: Finding, first: Finding) -> bool:
    """Whether a finding follows from the first: it is downstream, or only about its gradient.

    One about no population in particular follows from a first of its own cause.
    """
    if finding.cause == first.cause and not finding.populations:
        return True
    if finding.populations and set(finding.populations) <= first.consequences:
        return finding.cause not in ("too high", "negative derivative")
    return CAUSES[finding.cause].of_gradients and not CAUSES[first.cause].of_gradients


def _nothing(measured: Measured) -> Finding:
    rates = span([p.activity.firing_rate for p in measured.populations])
    slopes = span([p.slopes.per_scale for p in measured.populations])
    text = (
        f"No cause found in the rates ({rates} spikes per step), the mean slopes ({slopes}) and "
        "the gradients; labels, learning rate and optimizer are not looked at. If it does not "
        "learn, look there. To choose a surrogate, train: compare(...)."
    )
    return Finding("none", (), text)


def _hints(measured: Measured) -> Iterator[str]:
    """What may slow learning, not prevent it; printed where no cause was found."""
    if wide := [p.name for p in measured.populations if p.slopes.is_wide]:
        if not surrogates.too_wide(measured):
            yield (
                f"The surrogate gradient of {named(wide)} is nearly the same at all membrane "
                "potentials, which costs some points: "
                f"{IMPORT}set_surrogate; set_surrogate(model, 'QPseudoSpike(alpha=8)')."
            )
    elif (high := [p for p in measured.populations if p.slopes.is_high]) and not is_deep(
        measured.step
    ):  # deep stacks lose their gradient with a lower one
        yield (
            f"The mean slope of {named([p.name for p in high])} is "
            f"{span([p.slopes.per_scale for p in high])}. Above {limits.TOO_HIGH:g} recurrent and "
            f"long networks train worse than at {limits.HIGH_SLOPE:g}: {_lowering(measured, high)}."
        )
    if quiet := [p for p in measured.populations if p.activity.is_silent]:
        yield (
            f"{named([p.name for p in quiet])} hardly {with_s(quiet, 'fire')} yet: {IMPORT}"
            "normalize_rates; normalize_rates(model, inputs) lets "
            f"{'it' if len(quiet) == 1 else 'them'} take part."
        )
    if measured.filled:
        names = list(dict.fromkeys(measured.step.path(i) for i in measured.filled))
        yield (
            f"{listed(names)} {'is' if len(names) == 1 else 'are'} all 0 at the start, so the "
            "populations before get a gradient from the second training step on. The table is "
            "measured with random values in place of 0."
        )
    yield from _fixed(measured.step)
    yield from _vanishing(measured)
    if measured.zero_parameter_share > limits.MAJORITY:
        by_default = measured.evaluator.objective.function is None
        own = ", by default the last. Pass objective= to measure with your own loss" * by_default
        yield (
            f"{measured.zero_parameter_share:.1%} of the parameters get no gradient: no signal "
            f"passes through them in the steps that the objective uses{own}."
        )


def _lowering(measured: Measured, high: Sequence[PopulationFlow]) -> str:
    """A line that lowers mean slopes; another surrogate in place of a plain function."""
    others = remedies.other_surrogate(measured, [p.name for p in high])
    try:
        lowered(measured.evaluator, measured.spikes, limits.HIGH_SLOPE)
    except ValueError:
        return next(others).code
    return next(chain(remedies.lower(measured), others)).code


def _fixed(step: Step) -> Iterator[str]:
    """A sentence on weight matrices that an optimizer does not see."""
    sinks = (*step.graph.names, OUTPUTS)
    if positions := sorted({i for name in sinks for i in step.graph.fixed[name]}):
        one = len(positions) == 1
        yield (
            f"{listed(map(step.path, positions), 3)} {'is' if one else 'are'} no "
            f"brainstate.ParamState, so an optimizer does not train {'it' if one else 'them'}. If "
            f"it should: {step.as_parameter(positions[0])}."
        )


def _vanishing(measured: Measured) -> Iterator[str]:
    """A sentence on a first population whose gradient is next to nothing of the last one's."""
    first, last = measured.populations[0], measured.populations[-1]
    before, after = (np.sqrt(np.mean(p.gradient.second_moments)) for p in (first, last))
    if first.unit == last.unit and 0 < before < limits.VANISHED * after:
        times = (after / before) ** (1 / (len(measured.populations) - 1))
        yield (
            f"The gradient vanishes over depth: that of {first.name} is {before / after:.1e} times "
            f"that of {last.name}, so the first layers may hardly move: Adam's epsilon is 1e-8. "
            f"Raise the dampening of all surrogates, to about {times:.2g} times of now."
        )

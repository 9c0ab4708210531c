"""Plain sentences that follow from a gradient flow by stated rules.

Each rule is a function of a `GradientFlow` whose docstring gives the reason; it yields sentences
where it applies. The guide on how gradients flow lists them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from ..records import Adjustment, GradientFlow, PopulationFlow
from . import fading

STEADY = 10.0  # a gradient that changes by at most this factor over all steps
NOTICEABLE = 1.01  # ratio of two growths per step
OFTEN = 0.5  # share of neuron-steps outside of the surrogate
FLIPPED = -0.2  # mean cosine; random recurrence without a leak was seen down to -0.18
MANY = 0.3  # share of neurons that are silent or saturated

Rule = Callable[[GradientFlow], Iterator[str]]


def advise(flow: GradientFlow) -> tuple[str, ...]:
    """What all rules have to say, in their order."""
    return tuple(sentence for rule in RULES for sentence in rule(flow))


def not_finite(flow: GradientFlow) -> Iterator[str]:
    """NaN or inf in a gradient makes every other figure meaningless: look for its source first."""
    for p in flow.populations:
        if not np.all(np.isfinite(p.second_moments)):
            yield f"The gradient in {p.name} is not finite: look for NaN or overflow in the model."


def absent(flow: GradientFlow) -> Iterator[str]:
    """No step of a population has a gradient: the path from it to the loss is cut.

    Either every slope on the way is exactly 0, as with a surrogate of bounded support, or the
    output does not depend on the population.
    """
    for p in flow.populations:
        if not np.any(p.second_moments):
            yield (
                f"No gradient reaches {p.name}: the output does not depend on it, or the "
                "surrogate gradient is exactly 0 on the way. One with a larger scale or with a "
                "tail is a candidate to train."
            )


def overshooting(flow: GradientFlow) -> Iterator[str]:
    """A mean cosine well below 0 says that the gradient changes its sign from step to step.

    With a soft reset a membrane passes back its leak times ``1 - G * (V_th - V_reset)``, G being
    the slope. Slopes that make it negative keep the gradient's size and lose what it says;
    inhibition among neurons does the same to what they have in common. Detaching the reset makes it
    positive again, and left the study's networks at half of the accuracy that a quarter of the
    dampening gave. Where a recurrent layer has no leak, the cosine is about 0 at any dampening.
    """
    for p in flow.populations:
        if FLIPPED <= p.consistency < 0:
            yield (
                f"The gradient in {p.name} keeps no direction from step to step (mean cosine "
                f"{p.consistency:.2f}). Unless its neurons are recurrent and have no leak, slopes "
                "are too steep: lower the dampening."
            )
        elif p.overshoots:
            yield (
                f"The gradient in {p.name} changes its sign from step to step (mean cosine "
                f"{p.consistency:.2f}): slopes are so steep that the reset, or inhibition, "
                "overshoots. Lower the dampening."
            )


def changing(flow: GradientFlow) -> Iterator[str]:
    """Over the run the gradient falls or rises by a factor of 10 or more.

    What came early is then hardly learnt, or drowns the late. The time to halve is log(1/2) /
    log(growth), that to double log(2) / log(growth). Where two lines fit much better than one, both
    are told; where even they lie off by a factor of 2, so is that. The reach is counted from the
    last step alone, which may lie off the line: where it is not what the pace says, so is that.
    """
    for p in flow.populations:
        if fading.change(p) > STEADY:
            paces = ", then ".join(map(fading.pace, p.phases))
            yield f"The gradient in {p.name} {paces}.{fading.reach(p)}"


def steady(flow: GradientFlow) -> Iterator[str]:
    """Between the two, and unless it overshoots, the gradient asks for no change."""
    for p in flow.populations:
        if np.isfinite(p.growth) and fading.change(p) <= STEADY and not p.overshoots:
            yield (
                f"The gradient in {p.name} keeps its size within a factor of "
                f"{fading.change(p):.2g} over {fading.lags(p)} steps (growth {p.growth:.3f} per "
                f"step).{fading.reach(p)}"
            )


def piling_up(flow: GradientFlow) -> Iterator[str]:
    """A loss on several steps adds to the gradient as it goes back, which is no explosion."""
    for p in flow.populations:
        if p.accumulation > p.growth * NOTICEABLE:
            yield (
                f"In {p.name} the loss on several steps piles up going back ({p.accumulation:.3f} "
                f"per step), while what a single step sends back changes by {p.growth:.3f}: this "
                "is a sum over steps, not an explosion."
            )


def uneven_depth(flow: GradientFlow) -> Iterator[str]:
    """A network can be even in time and uneven in depth.

    Each layer then learns at its own pace, unless the optimizer rescales gradients, as Adam does:
    with it, evening them out gained nothing in the study of the advice.
    """
    for p in flow.populations:
        if p.depth_growth > 0 and abs(math.log(p.depth_growth)) > math.log(STEADY):
            yield (
                f"The gradient in {p.name} is {p.depth_growth:.2g} times as large as in the next "
                "population on the way to the output."
            )


def out_of_range(flow: GradientFlow) -> Iterator[str]:
    """Where most slopes are below 1% of the peak, the membrane lies outside the surrogate.

    A larger ``scale`` lowers the peak as it widens. In the study of the advice it helped, as did a
    fatter tail; a surrogate as wide and as high as before gained little or did harm.
    """
    for p in flow.populations:
        if p.flat_share > OFTEN:
            yield (
                f"In {p.name} the surrogate gradient is below 1% of its peak for "
                f"{p.flat_share:.0%} of neuron-steps: one with a larger scale, which is wider and "
                "lower, or with a fatter tail is a candidate to train."
            )


def silent(flow: GradientFlow) -> Iterator[str]:
    """A neuron that never fires gives exactly 0 as the gradient of the weights that leave it.

    No surrogate changes that. Larger inputs or input weights or a lower threshold do; by how much
    is found by bisection on the forward pass.
    """
    for p in flow.populations:
        if p.silent_share > MANY:
            yield (
                f"{p.silent_share:.0%} of the neurons in {p.name} never fire, so the weights that "
                f"leave them do not move.{_rates(p, more=True)}"
            )


def saturated(flow: GradientFlow) -> Iterator[str]:
    """A neuron that fires at every step tells nothing about its input."""
    for p in flow.populations:
        if p.saturated_share > MANY:
            yield (
                f"{p.saturated_share:.0%} of the neurons in {p.name} fire at almost every step."
                f"{_rates(p, more=False)}"
            )


def unmoved(flow: GradientFlow) -> Iterator[str]:
    """A parameter with a gradient of exactly 0 is not moved by this loss on these inputs.

    Mostly it leaves a neuron that did not fire in time. The default loss reads the last step alone;
    the one of the training tells what training will move.
    """
    if flow.zero_parameter_share > 0:
        yield (
            f"{flow.zero_parameter_share:.1%} of the parameters have a gradient of exactly 0 from "
            "this loss on these inputs."
        )


def adjustable(flow: GradientFlow) -> Iterator[str]:
    """The growth is a function of the slopes alone once the spikes are known, so it can be aimed.

    It speaks only where the gradient falls or rises by more than 10, and only of changes that
    lower, widen or thin the surrogate: a steeper one attains the target by overshooting. From a
    gradient that overshoots already the search goes nowhere, so nothing is said of it.
    """
    if any(fading.change(p) > STEADY for p in flow.populations):
        attained = [a for a in flow.adjustments if a.factor is not None]
        yield from map(_attained, attained)
        if flow.adjustments and not attained and not any(p.overshoots for p in flow.populations):
            yield _unattained(flow.adjustments)


RULES: tuple[Rule, ...] = (
    not_finite,
    absent,
    overshooting,
    changing,
    steady,
    piling_up,
    uneven_depth,
    out_of_range,
    silent,
    saturated,
    unmoved,
    adjustable,
)


def _attained(a: Adjustment) -> str:
    shown = "" if a.surrogate is None else f": {a.surrogate!r}"
    outside = ""
    if a.flat_share is not None and a.flat_share > OFTEN:
        outside = (
            f", but the derivative is below 1% of its peak for {a.flat_share:.0%} of neuron-steps"
        )
    return (
        f"A candidate to train: with {a.parameter} {a.factor:g} times as large the growth is "
        f"{a.growth:.3f}{outside}{shown}."
    )


def _unattained(adjustments: tuple[Adjustment, ...]) -> str:
    low = min(a.attainable[0] for a in adjustments)
    high = max(a.attainable[1] for a in adjustments)
    return (
        f"No lower dampening and no wider or thinner surrogate brings the growth to "
        f"{adjustments[0].target:g}: it stays between {low:.3f} and {high:.3f}."
    )


def _rates(p: PopulationFlow, *, more: bool) -> str:
    """Firing rates that the search on the forward pass attains, as a sentence; empty for nothing.

    A population may be silent in part and saturated in part: what lets it fire more is no answer to
    the latter.
    """
    found, ways = p.rate_adjustment, []
    if found is None or (found.target > p.firing_rate) is not more:
        return ""
    if found.input_gain is not None:
        ways.append(
            f"{found.input_rate:.3f} with the model's inputs {found.input_gain:g} times as large"
        )
    if found.weight_gain is not None:
        ways.append(
            f"{found.weight_rate:.3f} with its input weights {found.weight_gain:g} times as large"
        )
    if found.threshold_change is not None:
        ways.append(
            f"{found.threshold_rate:.3f} with its threshold changed by {found.threshold_change} in "
            "the unit of spk_fun's argument"
        )
    return f" Its firing rate would be {', '.join(ways)}." if ways else ""

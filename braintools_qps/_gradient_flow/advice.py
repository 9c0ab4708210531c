"""Plain sentences that follow from a gradient flow by stated rules.

Each rule is a function of a `GradientFlow` whose docstring gives the reason; it yields sentences
where it applies. The guide on choosing a surrogate lists them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from ..records.flow import Adjustment, GradientFlow, PopulationFlow

STEADY = 10.0  # a gradient that changes by at most this factor over all steps
OFTEN = 0.5  # share of neuron-steps outside of the surrogate
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
                "surrogate's derivative is exactly 0 on the way. Take one with a tail."
            )


def vanishing(flow: GradientFlow) -> Iterator[str]:
    """Over the run the gradient falls by a factor of 10 or more: what came early is hardly learnt.

    The time to halve is log(1/2) / log(growth).
    """
    for p in flow.populations:
        if p.growth < 1 and _change(flow, p) > STEADY:
            yield (
                f"The gradient in {p.name} falls by half every {_steps(p)} "
                f"(growth {p.growth:.3f} per step)"
                + ("." if p.reached_start else f" and is down to 1 % after {p.reach}.")
            )


def exploding(flow: GradientFlow) -> Iterator[str]:
    """Over the run the gradient rises by a factor of 10 or more: early steps drown the late ones.

    The time to double is log(2) / log(growth).
    """
    for p in flow.populations:
        if p.growth > 1 and _change(flow, p) > STEADY:
            yield (
                f"The gradient in {p.name} doubles every {_steps(p)} (growth {p.growth:.3f} per "
                "step): clip it, or bring the growth down."
            )


def steady(flow: GradientFlow) -> Iterator[str]:
    """Between the two, nothing needs to be done for the gradient's sake."""
    for p in flow.populations:
        if np.isfinite(p.growth) and _change(flow, p) <= STEADY:
            yield (
                f"The gradient in {p.name} keeps its size within a factor of "
                f"{_change(flow, p):.2g} over {flow.steps} steps (growth {p.growth:.3f} per step)."
            )


def out_of_range(flow: GradientFlow) -> Iterator[str]:
    """Where most slopes are below 1 % of the peak, the membrane lies outside the surrogate.

    A wider surrogate, or weights that bring the membrane closer to its threshold, let more neurons
    take part in learning. A larger ``scale`` alone lowers the peak as it widens; ``dampening``
    raised by the same factor keeps the height.
    """
    for p in flow.populations:
        if p.flat_share > OFTEN:
            yield (
                f"In {p.name} the surrogate's derivative is below 1 % of its peak for "
                f"{p.flat_share:.0%} of neuron-steps: make it wider at the same height, or its "
                "tail fatter."
            )


def silent(flow: GradientFlow) -> Iterator[str]:
    """A neuron that never fires gives exactly 0 as the gradient of the weights that leave it.

    No surrogate changes that. Larger input weights or a lower threshold do.
    """
    for p in flow.populations:
        if p.silent_share > MANY:
            yield (
                f"{p.silent_share:.0%} of the neurons in {p.name} never fire, so the weights that "
                "leave them do not move: raise the input weights or lower the threshold."
            )


def saturated(flow: GradientFlow) -> Iterator[str]:
    """A neuron that fires at every step tells nothing about its input: smaller input weights."""
    for p in flow.populations:
        if p.saturated_share > MANY:
            yield (
                f"{p.saturated_share:.0%} of the neurons in {p.name} fire at almost every step: "
                "lower the input weights or raise the threshold."
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

    Said only where the gradient vanishes or explodes: a steady one needs no aim. And only as far as
    the growth follows the parameter in one direction: past a turn, where slopes are so steep that
    the reset overshoots, the gradient keeps its size by changing its sign at each step.
    """
    if any(_change(flow, p) > STEADY for p in flow.populations):
        for a in flow.adjustments:
            yield _attained(a) if a.factor is not None else _unattained(a)


RULES: tuple[Rule, ...] = (
    not_finite,
    absent,
    vanishing,
    exploding,
    steady,
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
            f", but the derivative below 1 % of its peak for {a.flat_share:.0%} of neuron-steps"
        )
    return (
        f"With {a.parameter} {a.factor:g} times as large the growth is "
        f"{a.growth:.3f}{outside}{shown}."
    )


def _unattained(a: Adjustment) -> str:
    low, high = a.attainable
    return (
        f"No {a.parameter} from {a.searched[0]:.3g} to {a.searched[1]:.3g} times its value brings "
        f"the growth to {a.target:g}: it stays between {low:.3f} and {high:.3f}."
    )


def _change(flow: GradientFlow, population: PopulationFlow) -> float:
    """By what factor the fitted gradient rises or falls over the run; at least 1, NaN for none."""
    return math.exp(abs(math.log(population.growth)) * (flow.steps - 1))


def _steps(population: PopulationFlow) -> str:
    steps = math.log(2) / abs(math.log(population.growth))
    return "step" if f"{steps:.2g}" == "1" else f"{steps:.2g} steps"

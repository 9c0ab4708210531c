"""Gradients that fade on their way back in time, or lose their direction."""

from __future__ import annotations

from functools import partial

from .._causes import limits
from . import measures, remedies
from .evaluate import Measured
from .findings import AGAIN, Finding, named

EARLY = 0.9  # share of what tells samples apart; from the other tenth, a network learns
REPEATED = 0.5  # from this correlation on, late inputs count as repeating the early ones


def fading(measured: Measured) -> Finding | None:
    """The gradient reaches next to none of the inputs, and later ones do not repeat them."""
    evaluator, gradients = measured.evaluator, [p.gradient for p in measured.populations]
    reaches = [(gradient.reach, gradient.reached_start) for gradient in gradients]
    reaches += [(lag + 1, reached_start) for lag, reached_start in measured.currents]
    lag = max(lag for lag, _ in reaches)
    if lag == 0 or any(reached_start for _, reached_start in reaches):
        return None
    inputs, batched = evaluator.run.inputs[1:], evaluator.batch is not None
    share, repeated = measures.early_inputs(inputs, lag, batched=batched)
    if share <= EARLY or repeated >= REPEATED:
        return None
    names = [p.name for p in measured.populations]
    steps = f"{lag} step{'s' * (lag > 1)}"
    text = (
        f"The gradient fades over time in {named(names)}: {steps} before the end it is down to "
        f"1%. So the network does not learn from the inputs of the first {len(inputs[0]) - lag} "
        "steps, and later inputs do not repeat them."
    )
    advice = partial(remedies.more_steps, measured)
    return Finding("fading", tuple(names), text, otherwise=advice)


def direction_lost(measured: Measured) -> Finding | None:
    """The gradient reverses from step to step: the reset, inhibition or recurrence overshoots."""
    turning = [p for p in measured.populations if p.gradient.overshoots]
    if not turning:
        return None
    names, worst = [p.name for p in turning], max(turning, key=lambda p: p.gradient.end_to_end)
    text = (
        f"The gradient loses its direction in {named(names)}: it reverses from step to step "
        f"(mean cosine {turning[0].gradient.consistency:.2f}). "
    )
    if worst.gradient.end_to_end > limits.CHAOTIC:
        text += (
            f"In {worst.name} it grows {worst.gradient.end_to_end:.1g}-fold over the steps: "
            "usually the weights from one step to the next are too large."
        )
        advice = f"Divide these weights, so that no eigenvalue is above 1. {AGAIN}"
    else:
        text += "Usually the reset or inhibition overshoots."
        advice = f"Stop the gradient at the reset, with jax.lax.stop_gradient(spikes). {AGAIN}"
    changes = partial(remedies.lower, measured)
    return Finding("direction lost", tuple(names), text, changes, advice)

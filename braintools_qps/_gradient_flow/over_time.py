"""Gradients that fade on their way back in time, or lose their direction."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..records import CHAOTIC
from . import measures, remedies
from .evaluate import Evaluator, Measured
from .findings import AGAIN, Finding, named

EARLY = 0.9  # share of what tells samples apart; from the other tenth, a network learns
REPEATED = 0.5  # from this correlation on, late inputs count as repeating the early ones


def fading(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The gradient reaches next to none of the inputs, and later ones do not repeat them."""
    gradients = [p.gradient for p in measured.populations]
    lag = max(gradient.reach for gradient in gradients)
    if lag == 0 or any(gradient.reached_start for gradient in gradients):
        return
    inputs, batched = evaluator.run.inputs[1:], evaluator.batch is not None
    share, repeated = measures.early_inputs(inputs, lag, batched=batched)
    if share > EARLY and repeated < REPEATED:
        names = [p.name for p in measured.populations]
        text = (
            f"The gradient fades over time in {named(names)}: {lag} steps before the end it is "
            f"down to 1%. So the network does not learn from the inputs of the first "
            f"{len(evaluator.run.inputs[0]) - lag} steps, and later inputs do not repeat them."
        )
        advice = partial(remedies.more_steps, evaluator, measured)
        yield Finding("fading", tuple(names), text, otherwise=advice)


def direction_lost(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """The gradient reverses from step to step: the reset, inhibition or recurrence overshoots."""
    turning = [p for p in measured.populations if p.gradient.overshoots]
    if turning:
        worst = max(turning, key=lambda p: p.gradient.end_to_end)
        explodes = worst.gradient.end_to_end > CHAOTIC
        text = (
            f"The gradient loses its direction in {named([p.name for p in turning])}: it reverses "
            f"from step to step (mean cosine {turning[0].gradient.consistency:.2f}). "
        ) + (
            f"In {worst.name} it grows {worst.gradient.end_to_end:.1g}-fold over the steps: "
            "usually the weights from one step to the next are too large."
            if explodes
            else "Usually the reset or inhibition overshoots."
        )
        changes = partial(remedies.lower, evaluator, measured)
        advice = (
            f"Divide these weights, so that no eigenvalue is above 1. {AGAIN}"
            if explodes
            else f"Stop the gradient at the reset, with jax.lax.stop_gradient(spikes). {AGAIN}"
        )
        yield Finding("direction lost", tuple(p.name for p in turning), text, changes, advice)

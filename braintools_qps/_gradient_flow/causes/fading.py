"""Gradients that fade on their way back in time before they reach the first steps."""

from __future__ import annotations

from typing import final

from ..evaluate import Measured
from .cause import Cause, Finding, named


@final
class Fading(Cause):
    name = "fading"
    rule = "the gradient of the objective is down to 1% before it reaches the first step"
    helps = "more steps in the loss"

    def find(self, measured: Measured) -> Finding | None:
        if measured.evaluator.objective.function is None:
            return None  # the trial reads all steps
        gradients, steps = [p.gradient for p in measured.populations], len(measured.slopes[0])
        reach = max(gradient.reach for gradient in gradients)
        if reach == 0 or any(gradient.reached_start for gradient in gradients):
            return None
        names = tuple(p.name for p in measured.populations)
        text = (
            f"The gradient fades over time in {named(names)}: {reach} step{'s' * (reach > 1)} "
            "before the end it is down to 1%, so it hardly reaches the inputs of the first "
            f"{steps - reach} steps."
        )
        return Finding(names, text, "Let the loss read all steps, for example their mean output.")

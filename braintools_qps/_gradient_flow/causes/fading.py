"""Gradients that fade on their way back in time before they reach the first steps."""

from __future__ import annotations

from ..._wording import plural
from ..evaluate import Measured
from .cause import Cause, Finding, named, names_of


def _find(measured: Measured) -> Finding | None:
    if measured.evaluator.objective.function is None:
        return None  # the trial reads all steps
    gradients, steps = [p.gradient for p in measured.populations], len(measured.slopes[0])
    reach = max(gradient.reach for gradient in gradients)
    if reach == 0 or any(gradient.reached_start for gradient in gradients):
        return None
    names = names_of(measured.populations)
    text = (
        f"The gradient fades over time in {named(names)}: {plural(reach, 'step')} before the end "
        f"it is down to 1%, so it hardly reaches the inputs of the first {steps - reach} steps."
    )
    return Finding(names, text, "Let the loss read all steps, for example their mean output.")


FADING = Cause(
    "fading",
    "the gradient of the objective is down to 1% before it reaches the first step",
    "more steps in the loss",
    _find,
)

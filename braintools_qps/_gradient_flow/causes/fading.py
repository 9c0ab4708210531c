"""Gradients that fade on their way back in time before they reach what the inputs tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from .. import measures
from ..changes import Change, ReadAllSteps
from ..evaluate import Measured
from .cause import Cause, Finding, named

EARLY = 0.9  # share of what tells samples apart; from the other tenth, a network learns
REPEATED = 0.5  # from this correlation on, late inputs count as repeating the early ones


@final
class Fading(Cause):
    name = "fading"
    rule = (
        "less than 1% of the gradient reaches the steps that bring 90% of what tells samples "
        "apart, and later steps do not repeat it"
    )
    helps = "more steps in the loss"

    def find(self, measured: Measured) -> Finding | None:
        evaluator, gradients = measured.evaluator, [p.gradient for p in measured.populations]
        if evaluator.objective.function is None:
            return None  # the trial reads all steps
        reaches = [(gradient.reach, gradient.reached_start) for gradient in gradients]
        reaches += [(lag + 1, reached_start) for lag, reached_start in measured.currents]
        lag = max(lag for lag, _ in reaches)
        if lag == 0 or any(reached_start for _, reached_start in reaches):
            return None
        inputs, batched = evaluator.run.inputs[1:], evaluator.batch is not None
        share, repeated = measures.early_inputs(inputs, lag, batched=batched)
        if share <= EARLY or repeated >= REPEATED:
            return None
        names = tuple(p.name for p in measured.populations)
        text = (
            f"The gradient fades over time in {named(names)}: {lag} step{'s' * (lag > 1)} before "
            "the end it is down to 1%. So the network does not learn from the inputs of the first "
            f"{len(inputs[0]) - lag} steps, and later inputs do not repeat them."
        )
        return Finding(names, text)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield ReadAllSteps()

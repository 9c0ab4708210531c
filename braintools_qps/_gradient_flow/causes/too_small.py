"""Fewer neurons than the task needs, in a population that all signals pass."""

from __future__ import annotations

import numpy as np

from ..._wording import plural
from ..evaluate import Evaluator, Measured
from ..graph import OUTPUTS
from ..step import is_real
from .cause import Cause, Finding, all_pass, be, named, names_of


def _find(measured: Measured) -> Finding | None:
    graph, (least, task) = measured.step.graph, _needed(measured.evaluator)
    ends = [p for p in measured.populations if p.name in graph.feeds[OUTPUTS]]
    for part, limit in [(ends, least), *(([p], least / 2) for p in measured.populations)]:
        names, neurons = names_of(part), sum(p.size for p in part)
        if neurons < limit and all_pass(measured, names):
            has = f"{be(names)} too small: {plural(neurons, 'neuron')} for {task}"
            advice = f"Give {named(names)} as many neurons, or more."
            return Finding(names, f"{named(names)} {has}.", advice)
    return None


def _needed(evaluator: Evaluator) -> tuple[float, str]:
    """How many neurons a task needs, and why. Outputs as many as features are no classes."""
    labels, batched = evaluator.labels, evaluator.batch is not None
    if labels is not None and not np.issubdtype(labels.dtype, np.floating):
        classes = len(np.unique(labels))
        return classes, f"{classes} classes"
    outputs = [np.asarray(x) for x in evaluator.run.outputs if is_real(x)]
    size = int(np.prod(outputs[0].shape[1 + batched :])) if len(outputs) == 1 else 0
    is_classes = labels is None and size < evaluator.features
    return size / 2 if is_classes else 0, f"{size} outputs"


TOO_SMALL = Cause(
    "too small",
    "the neurons before the output are fewer than the classes, or than half of the outputs; or "
    "those of another population that all signals pass are half as few",
    "more neurons",
    _find,
)

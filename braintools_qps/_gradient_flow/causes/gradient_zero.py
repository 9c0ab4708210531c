"""A gradient of 0, or too small for Adam, in all weights of a population."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from ..changes import Change, other_surrogates
from ..evaluate import Measured
from ..step import is_real
from .cause import Cause, Finding, named


@final
class GradientZero(Cause):
    name = "no gradient"
    rule = "Adam moves no weight of a population in the trial: its gradient is 0 or next to 0"
    helps = "another surrogate"

    def find(self, measured: Measured) -> Finding | None:
        if measured.tried is None:
            return None
        moved, step = set(measured.tried.moved), measured.step
        reaching = [p.name for p in step.populations if step.graph.reaches_output(p.name)]
        weights = {name: step.graph.input_weights(name) for name in reaching}
        names = tuple(n for n, known in weights.items() if known and not moved & set(known))
        if not names:
            return None
        flat = [name for name in names if measured.is_flat(name)]
        text, why = f"The gradient of {named(names)} is 0 or next to 0", _outputs_alike(measured)
        if flat:
            text = f"No gradient reaches {named(names)}"
            why = f"the surrogate gradient of {named(flat)} is 0 at all membrane potentials"
        return Finding(names, f"{text}{': ' * bool(why)}{why}.", exact=True)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_surrogates(measured)


def _outputs_alike(measured: Measured) -> str:
    """How outputs are alike, so that no loss can learn from them, or that the objective is flat."""
    if measured.evaluator.objective.function:
        moves = any(np.asarray(x).any() for x in measured.evaluator.cotangents.values)
        return "" if moves else "that of the objective is 0 at these outputs"
    values = np.asarray(next(filter(is_real, measured.evaluator.run.outputs)))
    if not np.ptp(values, axis=1).any():
        return "the output is the same for all samples"
    if values.shape[-1] > 1 and not np.ptp(values, axis=-1).any():
        return "all outputs for a sample are the same"
    return ""

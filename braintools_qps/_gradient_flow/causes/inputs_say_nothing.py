"""Samples that are all the same, or next to nothing."""

from __future__ import annotations

from typing import final

import numpy as np

from ..evaluate import Measured
from ..graph import INPUTS
from .cause import Cause, Finding, is_silent

RARE = 0.1  # input signals per step; between two of them, membranes forget


@final
class InputsSayNothing(Cause):
    name = "inputs"
    rule = "all inputs are 0, all samples are the same, or most samples have no input spike"
    helps = "look at how the inputs are loaded and encoded"

    def find(self, measured: Measured) -> Finding | None:
        arrays = [np.asarray(x) for x in measured.evaluator.run.inputs[1:]]
        samples = measured.evaluator.batch or 1
        alike = samples > 1 and all((x == x[:, :1]).all() for x in arrays)
        signals = _signals_per_step(arrays) if samples > 1 else 1.0
        fed = [p for p in measured.populations if INPUTS in measured.step.graph.feeds[p.name]]
        if not any(np.any(x) for x in arrays):
            why = "All inputs are 0."
        elif alike:
            why = f"All {samples} samples are the same."
        elif signals < RARE and all(map(is_silent, fed)):
            most = (
                f"{signals:.2g} input signals per step or fewer" if signals else "no input signal"
            )
            why = f"Half of the samples bring {most}, too few to make a neuron fire."
        else:
            return None
        axes = " Their first axis is time, or with batch_first=True the samples." * (samples > 1)
        advice = f"Look at how the inputs are loaded and encoded.{axes}"
        return Finding((), why, advice, exact=True, final=True)


def _signals_per_step(arrays: list[np.ndarray]) -> float:
    """Inputs other than 0 per step, in the usual sample."""
    counts = [np.count_nonzero(x, axis=(0, *range(2, x.ndim))) for x in arrays]
    return float(np.median(sum(counts)) / len(arrays[0]))

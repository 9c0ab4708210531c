"""Neurons that cannot fire whatever the factor on their weights: clipped, or out of reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..evaluate import Measured
from ..normalize_rates import scaled
from ..step import Population

FACTORS = (1.0, 1e3, 1e6)  # on all input weights
CLEAR = 1e-3  # relative error with which V and the spike function's argument are on one line


def cannot_fire(measured: Measured, population: Population, weights: Sequence[int]) -> str:
    """A sentence on how near the threshold a population comes; empty if some factor fires it."""
    evaluator, states = measured.evaluator, measured.step.arrays.states
    order = [p.name for p in measured.step.populations].index(population.name)
    share = -np.inf
    for factor in FACTORS:
        run = evaluator.over(evaluator.inputs, scaled(states, weights, factor))
        if np.asarray(run.fired[order]).any():
            return ""
        share = max(
            share, _nearest(run.states[population.membrane], run.arguments[population.call])
        )
    if not 0 < share < np.inf:
        return f"{population.name} cannot fire, whatever the factor on its input weights."
    return (
        f"{population.name} cannot fire, whatever the factor on its input weights: its largest "
        f"membrane is {share:.2g} of the threshold. Look at a clip of its current or its membrane, "
        "and at the unit of its threshold."
    )


def _nearest(membranes: object, arguments: object) -> float:
    """The largest membrane, relative to the threshold, which is where the argument is 0.

    NaN if arguments are not on one line with membranes. States are those before each step.
    """
    v = np.asarray(membranes, np.float64)[1:].ravel()
    x = np.asarray(arguments, np.float64)[:-1].ravel()
    if not v.size or v.shape != x.shape or not np.ptp(v) > 0 or not np.isfinite([v, x]).all():
        return np.nan
    slope, offset = np.polyfit(v, x, 1)
    if not slope > 0 or np.abs(slope * v + offset - x).max() > CLEAR * np.ptp(x):
        return np.nan
    threshold = -offset / slope
    return float(v.max() / threshold) if threshold > 0 else np.nan

"""Inputs that carry hardly any information, or whose scale is far from 1 or varies widely."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import brainunit as u
import jax
import numpy as np

from ..changes import Change, other_inputs
from ..evaluate import Measured
from ..graph import INPUTS
from .cause import Cause, Finding, is_silent

RARE = 0.1  # nonzero inputs per step; with fewer, membranes decay in between
SMALL, LARGE = 1 / 30, 30.0  # range of the largest input for which usual weights fit
APART = 100.0  # ratio of the largest feature to the smallest


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
    """The median over samples of the number of nonzero inputs per step."""
    counts = [np.count_nonzero(x, axis=(0, *range(2, x.ndim))) for x in arrays]
    return float(np.median(sum(counts)) / len(arrays[0]))


@final
class InputsOutOfRange(Cause):
    name = "inputs"
    rule = "inputs are far from 1, or features differ a hundredfold"
    helps = "scale the inputs, or standardise each feature"

    def find(self, measured: Measured) -> Finding | None:
        inputs = _plain_inputs(measured)
        largest = max(map(_usual_largest, inputs), default=0.0)
        apart = max(map(_times_apart, inputs), default=1.0)
        if not 0 < largest < np.inf or (SMALL <= largest <= LARGE and apart < APART):
            return None
        text = f"The inputs go up to {largest:.3g}."
        if apart >= APART:
            size = float(f"{apart:.1g}")
            text = f"The largest feature of the inputs is {size:,.0f} times the smallest."
        return Finding((), text)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        inputs = _plain_inputs(measured)
        if any(_times_apart(x) >= APART for x in inputs):
            yield other_inputs(measured, "({x} - {x}.mean((0, 1))) / ({x}.std((0, 1)) + 1e-6)")
        yield other_inputs(measured, f"{{x}} / {max(map(_usual_largest, inputs)):.3g}")


def _plain_inputs(measured: Measured) -> list[Any]:
    """The inputs that are no quantities, whose scale depends on their unit."""
    leaves = jax.tree.leaves(measured.evaluator.inputs, is_leaf=u.math.is_quantity)
    return [x for x in leaves if not u.math.is_quantity(x)]


def _usual_largest(values: Any) -> float:
    """The 99.9th percentile of the nonzero inputs' magnitudes; 0 if all are 0."""
    sizes = np.abs(np.asarray(values, np.float64))
    signals = sizes[sizes > 0]
    return float(np.quantile(signals, 0.999, method="higher")) if signals.size else 0.0


def _times_apart(values: Any) -> float:
    """The scale of the largest feature, relative to that of the smallest that is not 0."""
    if values.ndim < 3:
        return 1.0
    sizes = np.abs(np.asarray(values, np.float64)).reshape(-1, *values.shape[2:]).max(axis=0)
    signals = sizes[sizes > 0]
    return float(signals.max() / signals.min()) if signals.size else 1.0

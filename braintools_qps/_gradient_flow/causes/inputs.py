"""Inputs that carry hardly any information, or whose scale is far from 1 or varies widely."""

from __future__ import annotations

from collections.abc import Iterator

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


def _nothing_said(measured: Measured) -> Finding | None:
    arrays = [np.asarray(x) for x in measured.evaluator.run.inputs[1:]]
    samples = measured.evaluator.batch or 1
    signals = _signals_per_step(arrays) if samples > 1 else 1.0
    fed = [p for p in measured.populations if INPUTS in measured.step.graph.feeds[p.name]]
    if not any(np.any(x) for x in arrays):
        why = "All inputs are 0."
    elif samples > 1 and all((x == x[:, :1]).all() for x in arrays):
        why = f"All {samples} samples are the same."
    elif signals < RARE and all(map(is_silent, fed)):
        most = f"{signals:.2g} input signals per step or fewer" if signals else "no input signal"
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


INPUTS_SAY_NOTHING = Cause(
    "inputs",
    "all inputs are 0, all samples are the same, or most samples have no input spike",
    "look at how the inputs are loaded and encoded",
    _nothing_said,
)


def _out_of_range(measured: Measured) -> Finding | None:
    largest, apart = _sizes(measured)
    if not 0 < largest < np.inf or (SMALL <= largest <= LARGE and apart < APART):
        return None
    if apart < APART:
        return Finding((), f"The inputs go up to {largest:.3g}.")
    times = f"{float(f'{apart:.1g}'):,.0f} times"
    return Finding((), f"The largest feature of the inputs is {times} the smallest.")


def _scaled(measured: Measured) -> Iterator[Change]:
    largest, apart = _sizes(measured)
    if apart >= APART:
        yield other_inputs(measured, "({x} - {x}.mean((0, 1))) / ({x}.std((0, 1)) + 1e-6)")
    yield other_inputs(measured, f"{{x}} / {largest:.3g}")


def _sizes(measured: Measured) -> tuple[float, float]:
    """How large plain inputs usually are at most, and the ratio of their features.

    The scale of quantities depends on their unit.
    """
    leaves = jax.tree.leaves(measured.evaluator.inputs, is_leaf=u.math.is_quantity)
    sizes = [np.abs(np.asarray(x, np.float64)) for x in leaves if not u.math.is_quantity(x)]
    return max(map(_usual_largest, sizes), default=0.0), max(map(_times_apart, sizes), default=1.0)


def _usual_largest(sizes: np.ndarray) -> float:
    """The 99.9th percentile of those that are not 0; 0 if all are."""
    signals = sizes[sizes > 0]
    return float(np.quantile(signals, 0.999, method="higher")) if signals.size else 0.0


def _times_apart(sizes: np.ndarray) -> float:
    """The scale of the largest feature, relative to that of the smallest that is not 0."""
    if sizes.ndim < 3:
        return 1.0
    scales = sizes.reshape(-1, *sizes.shape[2:]).max(axis=0)
    signals = scales[scales > 0]
    return float(signals.max() / signals.min()) if signals.size else 1.0


INPUTS_OUT_OF_RANGE = Cause(
    "inputs",
    "inputs are far from 1, or features differ a hundredfold",
    "scale the inputs, or standardise each feature",
    _out_of_range,
    (_scaled,),
)

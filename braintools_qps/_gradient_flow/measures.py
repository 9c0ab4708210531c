"""Numbers that describe the gradient and the spikes of a population."""

from __future__ import annotations

import numpy as np

from ..records import Activity

FADED = 0.01  # relative: below it the gradient has faded
SATURATED = 0.95  # share of the steps in which a neuron fires


def second_moments(amplitudes: np.ndarray) -> np.ndarray:
    """Mean square over draws, from last step to first, of amplitudes of shape (time, draws)."""
    return np.mean(np.square(np.asarray(amplitudes, np.float64)), axis=-1)[::-1]


def growth_per_step(moments: np.ndarray) -> float:
    """Factor per step back of the root of the second moment, by a line fit to its logarithm.

    Lags without a gradient are left out. NaN if fewer than two remain.
    """
    lags = np.flatnonzero((moments > 0) & np.isfinite(moments))
    if len(lags) < 2:
        return np.nan
    slope, _ = np.polyfit(lags, 0.5 * np.log(moments[lags]), 1)
    return float(np.exp(slope))


def end_to_end(moments: np.ndarray) -> float:
    """Root mean square at the first step, relative to the last step that has a gradient."""
    present = np.flatnonzero(moments > 0)
    if not len(present):
        return np.nan
    return float(np.sqrt(moments[-1] / moments[present[0]]))


def consistency(cosines: np.ndarray, amplitudes: np.ndarray) -> float:
    """Mean cosine between the adjoints of neighbouring steps, over draws and steps that have both.

    Both arguments have the shape (time, draws). Each cosine is that with the step after it.
    """
    present = (amplitudes[:-1] > 0) & (amplitudes[1:] > 0)
    return float(np.mean(cosines[:-1][present])) if present.any() else np.nan


def reach(moments: np.ndarray) -> tuple[int, bool]:
    """Steps back from which on the amplitude stays at 1% or below, and whether it never does.

    It may come back, through a memory in another state than the membrane. Steps are counted from
    the last one that has a gradient. At the very last step, the membrane of a neuron that resets
    within the step has none.
    """
    present = np.flatnonzero(moments > 0)
    if len(present) == 0:
        return 0, False
    relative = np.sqrt(moments[present[0] :] / moments[present[0]])
    farthest = int(np.flatnonzero(relative > FADED)[-1])
    reached_start = farthest == len(relative) - 1
    return farthest + (not reached_start), reached_start


def activity(fired: np.ndarray, *, batched: bool) -> Activity:
    """Rates and shares from spikes of shape (time, batch, neurons...), or without a batch."""
    rates = fired.mean(axis=(0, 1) if batched else 0, dtype=np.float64)
    silent, saturated = np.mean(rates == 0), np.mean(rates >= SATURATED)
    neurons = (0, *range(2 if batched else 1, fired.ndim))
    empty = 1 - np.mean(fired.any(axis=neurons))
    same = same_share(fired) if batched else 0.0
    shares = map(float, (rates.mean(), silent, saturated, empty, same))
    return Activity(*shares)


def same_share(fired: np.ndarray) -> float:
    """Share of samples in which all neurons fire at the steps at which they do in most samples.

    0 for a single sample.
    """
    if fired.shape[1] == 1:
        return 0.0
    usual = fired.mean(axis=1, keepdims=True) > 0.5
    neurons = (0, *range(2, fired.ndim))
    return float(np.mean(np.all(fired == usual, axis=neurons)))

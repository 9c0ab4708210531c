"""Whether the training of a comparison had converged."""

from __future__ import annotations

import numpy as np

from .comparison_data import ComparisonData
from .verdict import names_of

# A loss still falls if this last part of the epochs brought this share of its whole fall.
LAST_PART, STILL_FALLING = 1 / 4, 0.01


def convergence(comparison: ComparisonData) -> str:
    """Which losses, as means over seeds, were still falling at the end; empty if none was."""
    sound = [r for r in comparison.results if r.curves.loss and not r.diverged]
    losses = {result.label: np.mean(result.curves.loss, axis=0) for result in sound}
    falling = [result for result in sound if _still_falls(losses[result.label])]
    if not falling:
        return ""
    everyone = len(falling) == len(comparison.results)
    who = "losses were" if everyone else f"loss of {names_of(falling)} was"
    epochs = 2 * max(map(len, losses.values()))
    return (
        f"The {who} still falling when training ended: differences may only reflect speed. Train "
        f"for {epochs} epochs. All runs are then trained again, because the learning rate falls "
        "more slowly."
    )


def _still_falls(loss: np.ndarray) -> bool:
    """Whether a loss still fell at the end; False for a single epoch."""
    part = max(1, round(LAST_PART * len(loss)))
    least = STILL_FALLING * max(loss[0] - loss[-1], 0.0)
    return part < len(loss) and bool(loss[-1 - part] - loss[-1] > least)

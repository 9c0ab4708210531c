"""Whether the training of a comparison was long enough, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .verdict import names_of

if TYPE_CHECKING:
    from .comparison import Comparison

# A loss still falls if this last part of the epochs brought this share of its whole fall.
LAST_PART, STILL_FALLING = 1 / 4, 0.01


def convergence(comparison: Comparison) -> str:
    """Whether losses, as means over seeds, still fell at the end; empty where they cannot say."""
    sound = [r for r in comparison.results if r.curves.loss and not r.diverged]
    losses = {r.label: np.mean(r.curves.loss, axis=0) for r in sound}
    if falling := [result for result in sound if _still_falls(losses[result.label])]:
        everyone = len(falling) == len(comparison.results)
        who = "losses were" if everyone else f"loss of {names_of(falling)} was"
        return (
            f"The {who} still falling when training ended: differences may only reflect speed. "
            f"With {2 * max(map(len, losses.values()))} epochs all runs train anew, since the "
            "learning rate then falls more slowly."
        )
    if losses and all(map(_has_fallen, losses.values())):
        part = _last_part(next(iter(losses.values())))
        last = "the last epoch" if part == 1 else f"the last {part} epochs"
        ours = "cosine schedule" in str(comparison.settings.get("optimizer"))
        rates = ", at low learning rates," if ours else ""
        return f"In {last}{rates} training had levelled off: losses fell by under 1%."
    return ""


def _still_falls(loss: np.ndarray) -> bool:
    """Whether a loss still fell at the end; False for a single epoch."""
    part = _last_part(loss)
    least = STILL_FALLING * max(loss[0] - loss[-1], 0.0)
    return part < len(loss) and bool(loss[-1 - part] - loss[-1] > least)


def _has_fallen(loss: np.ndarray) -> bool:
    """Whether a loss fell, and did not rise again at the end."""
    return bool(loss[0] > loss[-1] <= loss[-1 - _last_part(loss)])


def _last_part(loss: np.ndarray) -> int:
    """How many epochs the last quarter has."""
    return max(1, round(LAST_PART * len(loss)))

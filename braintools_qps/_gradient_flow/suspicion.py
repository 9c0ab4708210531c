"""Inputs that look as if their axes were swapped."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SMOOTH = 0.5  # correlation of neighbours along time that says so
ROUGH = 0.2  # and of neighbours in a batch


def suspicions(inputs: Any) -> tuple[str, ...]:
    """A sentence where the batch is smoother than time: samples are independent, steps rarely so.

    Only inputs with three axes or more can be swapped, and neighbours in a batch below six correlate less.
    """
    leaf = jax.tree.leaves(inputs)[0]
    if leaf.ndim < 3 or min(leaf.shape[:2]) < 4 or not jnp.issubdtype(leaf.dtype, jnp.floating):
        return ()
    values = np.asarray(leaf, np.float64)
    along_time, along_batch = _correlation(values), _correlation(np.swapaxes(values, 0, 1))
    if not (along_time < ROUGH and along_batch > SMOOTH):
        return ()
    return (
        f"The inputs change less along their second axis ({leaf.shape[1]}, read as the batch) than "
        f"along their first ({leaf.shape[0]}, read as time): if they are (batch, time, features), "
        "pass jax.numpy.swapaxes(inputs, 0, 1).",
    )


def _correlation(values: np.ndarray) -> float:
    """Correlation of neighbours along the first axis; 0 where nothing changes."""
    moved = values - values.mean(axis=0)
    power = np.sum(moved**2)
    return float(np.sum(moved[1:] * moved[:-1]) / power) if power > 0 else 0.0

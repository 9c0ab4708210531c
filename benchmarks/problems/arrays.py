"""Arrays of data: inputs over their root mean square."""

from __future__ import annotations

import numpy as np

Arrays = tuple[np.ndarray, ...]  # X and y, and those to test on if they are given


def over_rms(X: np.ndarray, y: np.ndarray, *test: np.ndarray) -> Arrays:
    """The same data with inputs, those to test on too, over the root mean square of X."""
    rms = float(np.sqrt(np.mean(np.square(X, dtype=np.float64))))
    divided = [inputs.astype(np.float32) / np.float32(rms) for inputs in (X, *test[:1])]
    return divided[0], y, *divided[1:], *test[1:]

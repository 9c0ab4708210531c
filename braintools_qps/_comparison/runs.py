"""Many runs of one pure function: one compiled program, shared out to the cores of a CPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

# A few small networks fit into a core's cache, and fill its vectors; many do the same arithmetic in
# twice the time. With few at once the last share is soon full, whatever the number of runs.
RUNS_AT_ONCE_ON_CPU = 3


class Shares:
    """Runs dealt out in shares of one width: to all cores, or all of them to an accelerator.

    XLA works through a small network on one core. The same program, called from as many threads as
    there are cores, uses them all.
    """

    def __init__(self, runs: int, width: int | None = None) -> None:
        self.width = usual_width(runs) if width is None else width
        count = -(-runs // self.width)
        self.runs = runs
        # What is missing in the last share is filled up with the last run.
        self.rows = np.minimum(np.arange(count * self.width), runs - 1).reshape(count, self.width)

    def deal(self, tree: Any) -> list[Any]:
        """The rows of each share, out of arrays with a row for each run."""
        return [jax.tree.map(lambda leaf, rows=rows: leaf[rows], tree) for rows in self.rows]

    def gather(self, shares: list[Any]) -> Any:
        """The way back from `deal`, as numpy arrays."""
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: self.runs], *shares)


def usual_width(runs: int) -> int:
    """How many of so many runs to train at once."""
    return min(runs, RUNS_AT_ONCE_ON_CPU) if jax.default_backend() == "cpu" else runs


def in_threads(function: Callable[..., Any], *shares: list[Any]) -> list[Any]:
    """Call a compiled function with each share, on as many cores as there are."""
    finished = lambda *share: jax.block_until_ready(function(*share))
    with ThreadPoolExecutor(min(cores(), len(shares[0]))) as pool:
        return list(pool.map(finished, *shares))


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

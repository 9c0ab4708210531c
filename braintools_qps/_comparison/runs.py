"""Many runs of one pure function: one compiled program, shared out to the cores of a CPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

# So many networks fit into a core's cache. More at once do the same arithmetic in twice the time.
RUNS_AT_ONCE_ON_CPU = 4


class Shares:
    """Runs dealt out in equal shares: one for each core, or all of them to an accelerator.

    XLA works through a small network on one core. The same program, called from as many threads as
    there are cores, uses them all.
    """

    def __init__(self, runs: int) -> None:
        on_cpu = jax.default_backend() == "cpu"
        size = -(-runs // min(runs, _cores() if on_cpu else 1))
        count = -(-runs // size)
        self.runs = runs
        self.at_once = _largest_divisor(size, RUNS_AT_ONCE_ON_CPU) if on_cpu else size
        # What is missing in the last share is filled up with the last run.
        self.rows = np.minimum(np.arange(count * size), runs - 1).reshape(count, size)

    def deal(self, tree: Any) -> list[Any]:
        """The rows of each share, out of arrays with a row for each run."""
        return [jax.tree.map(lambda leaf, rows=rows: leaf[rows], tree) for rows in self.rows]

    def gather(self, shares: list[Any]) -> Any:
        """The way back from `deal`, as numpy arrays."""
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: self.runs], *shares)

    def compile(self, function: Callable, *arguments: list[Any]) -> Callable[..., list[Any]]:
        """From a function of one run to one of shares; ``arguments`` are an example of them."""

        def of_share(*arguments: Any) -> Any:
            return jax.lax.map(lambda run: function(*run), arguments, batch_size=self.at_once)

        compiled = jax.jit(of_share).lower(*(shares[0] for shares in arguments)).compile()
        finished = lambda *share: jax.block_until_ready(compiled(*share))

        def in_threads(*arguments: list[Any]) -> list[Any]:
            with ThreadPoolExecutor(len(self.rows)) as pool:
                return list(pool.map(finished, *arguments))

        return in_threads


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _largest_divisor(number: int, limit: int) -> int:
    """A remainder would be compiled as a second program."""
    return max(d for d in range(1, limit + 1) if number % d == 0)

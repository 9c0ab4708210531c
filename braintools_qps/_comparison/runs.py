"""Many runs of one pure function: shared out to devices, and on a CPU to cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from typing import Any

import jax
import numpy as np


class Shares:
    """Runs dealt out in turn to places, each of which takes so many at once.

    What is missing in the last share is filled up with the last run, so that a place needs one
    program, whatever the number of runs.
    """

    def __init__(self, runs: int, widths: Sequence[int]) -> None:
        self.runs = runs
        self.rows: list[np.ndarray] = []
        self.places: list[int] = []  # of each share
        start = 0
        for place, width in cycle(enumerate(widths)):
            if start >= runs:
                break
            self.rows.append(np.minimum(np.arange(start, start + width), runs - 1))
            self.places.append(place)
            start += width

    def deal(self, tree: Any) -> list[Any]:
        """The rows of each share, out of arrays with a row for each run."""
        return [jax.tree.map(lambda leaf, rows=rows: leaf[rows], tree) for rows in self.rows]

    def gather(self, shares: list[Any]) -> Any:
        """The way back from `deal`, as numpy arrays."""
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: self.runs], *shares)

    def call(
        self, function: Callable[..., Any], at_once: Sequence[int], *dealt: list[Any]
    ) -> list[Any]:
        """Call ``function(place, *share)`` with each share; at each place, so many at once.

        XLA works through a small network on one core. The same program, called from as many
        threads as there are cores, uses them all.
        """
        finished = lambda *share: jax.block_until_ready(function(*share))
        with ExitStack() as stack:
            pools = [stack.enter_context(ThreadPoolExecutor(threads)) for threads in at_once]
            futures = [
                pools[place].submit(finished, place, *share)
                for place, *share in zip(self.places, *dealt)
            ]
            try:
                return [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()  # those that wait, where one has failed

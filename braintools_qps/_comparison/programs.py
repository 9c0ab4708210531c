"""Calls a function of one run for many runs at once: vmapped, and on all devices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle

import jax
import jax.numpy as jnp
import numpy as np

from .devices import is_full, present_devices, program_bytes
from .tasks import Samples
from .typing import Tree


class Programs:
    """Compiled functions of one run and of the samples, which all runs share.

    Many runs are one tree, whose leaves have a row for each. They are cut into parts of equal
    size, one program for each device and each function, and the parts are joined again.
    """

    def __init__(self, samples: Samples, width: int) -> None:
        self._devices = present_devices()
        self._samples = [jax.device_put(samples, device) for device in self._devices.all]
        self.width = width  # runs that a program takes at once
        self._compiled: dict[tuple[Callable, jax.Device, int], jax.stages.Compiled] = {}

    def call(self, function: Callable, runs: Tree) -> tuple[Tree, float]:
        """The results of ``function(run, samples)`` for all runs, and the seconds that it took.

        If memory is full, fewer runs are taken at once.
        """
        while True:
            try:
                return self._call(function, runs)
            except Exception as error:
                if self.width == 1 or not is_full(error):
                    raise
            self.width //= 2

    def bytes(self, function: Callable) -> int | None:
        """Memory of the program for a function; None if it is unknown, or was never called."""
        program = self._compiled.get((function, self._devices.all[0], self.width))
        return None if program is None else program_bytes(program)

    def _call(self, function: Callable, runs: Tree) -> tuple[Tree, float]:
        places = zip(_cut(runs, self.width), cycle(self._devices.all), cycle(self._samples))
        parts = [(jax.device_put(part, device), samples) for part, device, samples in places]
        programs = [self._program(function, *part) for part in parts]
        began = time.perf_counter()
        # XLA runs a small network on one core, so there is one thread per core.
        with ThreadPoolExecutor(self._threads(programs[0])) as pool:
            results = list(pool.map(_finished, programs, parts))
        seconds = time.perf_counter() - began
        count = len(jax.tree.leaves(runs)[0])
        return _joined(jax.device_put(results, self._devices.all[0]), count), seconds

    def _program(self, function: Callable, part: Tree, samples: Samples) -> jax.stages.Compiled:
        (device,) = samples.inputs.devices()
        key = function, device, self.width
        if key not in self._compiled:
            try:
                lowered = jax.jit(jax.vmap(function, (0, None))).lower(part, samples)
            except NotImplementedError as error:
                raise ValueError(
                    "compare trains runs together, so that all operations of a model must have a "
                    f"rule for jax.vmap\n{error}\nUse dense weights in place of sparse ones"
                ) from error
            self._compiled[key] = lowered.compile()
        return self._compiled[key]

    def _threads(self, program: jax.stages.Compiled) -> int:
        """How many threads may call a program at once.

        Raises
        ------
        MemoryError
            If it does not fit into memory as often as there are cores, and a smaller one might.
        """
        room, most = self._devices.memory / (program_bytes(program) or 1), self._devices.threads
        if room < most and self.width > 1:
            raise MemoryError
        return max(1, int(min(room, most)))


@partial(jax.jit, static_argnums=1)
def _cut(runs: Tree, width: int) -> list[Tree]:
    """Parts of this many rows; the last one is filled up with its last row."""
    count = len(jax.tree.leaves(runs)[0])
    parts = [np.arange(start, start + width) for start in range(0, count, width)]
    cut = lambda rows: jax.tree.map(lambda leaf: leaf[np.minimum(rows, count - 1)], runs)
    return list(map(cut, parts))


@partial(jax.jit, static_argnums=1)
def _joined(parts: Sequence[Tree], count: int) -> Tree:
    """The inverse of `_cut`."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[:count], *parts)


def _finished(program: jax.stages.Compiled, part: tuple[Tree, Samples]) -> Tree:
    return jax.block_until_ready(program(*part))


def stacked(trees: Sequence[Tree]) -> Tree:
    """Trees of equal form as one, whose leaves have a row for each."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def unstacked(tree: Tree) -> Iterator[Tree]:
    """The inverse of `stacked`."""
    count = len(jax.tree.leaves(tree)[0])
    return (jax.tree.map(lambda leaf, row=row: leaf[row], tree) for row in range(count))

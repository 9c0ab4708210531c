"""The devices of this process, and the memory that runs may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .callbacks import without_ordered_callbacks

# A few small networks fit into a core's cache and fill its vector registers. Many networks at once
# take twice the time for the same arithmetic.
RUNS_AT_ONCE_ON_CPU = (3, 4)
RUNS = "runs"  # the axis that is split over devices
SHARE_OF_MEMORY = 0.5  # of the computer: data, other programs and the system also need memory


@dataclass(frozen=True)
class Devices:
    """Devices of one kind: a program is compiled once for all of them."""

    all: tuple[jax.Device, ...]

    def __len__(self) -> int:
        return len(self.all)

    @cached_property
    def split(self) -> NamedSharding:
        """Sharding for arrays with a row per run: each device has some of the rows."""
        return NamedSharding(self._mesh, PartitionSpec(RUNS))

    @cached_property
    def whole(self) -> NamedSharding:
        """Sharding for arrays that all runs share: each device has a copy."""
        return NamedSharding(self._mesh, PartitionSpec())

    @cached_property
    def _mesh(self) -> Mesh:
        return Mesh(np.array(self.all), (RUNS,))

    @property
    def are_cpus(self) -> bool:
        return self.all[0].platform == "cpu"

    @property
    def threads(self) -> int:
        """How many programs run at once; XLA uses one core for a small network."""
        return max(1, cores() // len(self)) if self.are_cpus else 1

    @property
    def memory(self) -> float:
        """Bytes that all programs may take together; no limit on an accelerator, which raises if
        full."""
        if not (self.are_cpus and hasattr(os, "sysconf")):
            return np.inf
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return SHARE_OF_MEMORY * pages * size

    def width(self, runs: int) -> int:
        """How many runs a program trains if memory allows, the same number on each device."""
        each = -(-runs // len(self))
        if not self.are_cpus:
            return len(self) * each
        turns = lambda width: -(-each // (width * self.threads))
        return len(self) * min(each, *RUNS_AT_ONCE_ON_CPU, key=lambda width: turns(width) * width)

    def spread(self, function: Callable, own: int, shared: int) -> Callable:
        """Spread a function of many runs over all devices, none of which waits for another.

        The last ``shared`` arguments are the same for all runs; the others have a row per run.
        """
        if len(self) == 1:
            return function
        each, same = self.split.spec, self.whole.spec
        return jax.shard_map(
            without_ordered_callbacks(function),
            mesh=self._mesh,
            in_specs=(each,) * own + (same,) * shared,
            out_specs=each,
            check_vma=False,  # a model does not know the axis of devices
        )


def present_devices() -> Devices:
    """All devices of the first kind of this process, or the one that ``jax.default_device``
    names."""
    chosen: Any = jax.config.jax_default_device  # type: ignore[attr-defined]
    if isinstance(chosen, jax.Device):
        return Devices((chosen,))
    first, *others = jax.local_devices(backend=chosen)
    same = [device for device in others if device.device_kind == first.device_kind]
    return Devices((first, *same))


def device_text() -> str:
    """The devices as text: ``"cpu: cpu"``, or ``"cuda: NVIDIA H100, 4 of them"``."""
    devices = present_devices()
    text = f"{devices.all[0].platform}: {devices.all[0].device_kind}"
    return f"{text}, {len(devices)} of them" if len(devices) > 1 else text


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def program_bytes(compiled: jax.stages.Compiled) -> int | None:
    """Memory that a program takes on each device; None where the backend does not say."""
    try:
        memory = compiled.memory_analysis()
    except NotImplementedError:
        return None
    if memory is None:
        return None
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return int(used - memory.alias_size_in_bytes)


def is_full(error: Exception) -> bool:
    """Whether there is no more memory, on a device or on this computer."""
    of_xla = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return of_xla or isinstance(error, MemoryError)

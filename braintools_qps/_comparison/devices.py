"""The devices of this process, and the memory that runs may use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

# A few small networks fit into a core's cache and fill its vector registers. Many networks at once
# take twice the time for the same arithmetic.
RUNS_AT_ONCE_ON_CPU = (3, 4)
SHARE_OF_MEMORY = 0.5  # of the computer: data, other programs and the system also need memory


@dataclass(frozen=True)
class Devices:
    """Devices of one kind, each of which trains some of the runs."""

    all: tuple[jax.Device, ...]

    @property
    def are_cpus(self) -> bool:
        return self.all[0].platform == "cpu"

    @property
    def threads(self) -> int:
        """How many programs run at once; XLA uses one core for a small network."""
        return max(cores(), len(self.all)) if self.are_cpus else len(self.all)

    @property
    def memory(self) -> float:
        """Bytes that all programs may take together; no limit on an accelerator, which raises if
        full."""
        if not (self.are_cpus and hasattr(os, "sysconf")):
            return np.inf
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return SHARE_OF_MEMORY * pages * size

    def width(self, runs: int) -> int:
        """How many runs a program trains if memory allows."""
        each = -(-runs // len(self.all))
        if not self.are_cpus:
            return each
        turns = lambda width: -(-runs // (width * self.threads))
        return min(each, *RUNS_AT_ONCE_ON_CPU, key=lambda width: turns(width) * width)


def present_devices() -> Devices:
    """All devices of the first kind of this process, or the one that ``jax.default_device``
    names."""
    chosen: Any = jax.config.jax_default_device  # type: ignore[attr-defined]
    if isinstance(chosen, jax.Device):
        return Devices((chosen,))
    present = jax.local_devices(backend=chosen)
    return Devices(tuple(d for d in present if d.device_kind == present[0].device_kind))


def device_text() -> str:
    """The devices as text: ``"cpu: cpu"``, or ``"cuda: NVIDIA H100, 4 of them"``."""
    devices = present_devices().all
    text = f"{devices[0].platform}: {devices[0].device_kind}"
    return f"{text}, {len(devices)} of them" if len(devices) > 1 else text


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def program_bytes(compiled: jax.stages.Compiled) -> int | None:
    """Memory that a program takes on its device; None where the backend does not say."""
    memory = compiled.memory_analysis()
    if memory is None:
        return None
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return int(used - memory.alias_size_in_bytes)


def is_full(error: Exception) -> bool:
    """Whether there is no more memory, on a device or on this computer."""
    of_xla = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return of_xla or isinstance(error, MemoryError)

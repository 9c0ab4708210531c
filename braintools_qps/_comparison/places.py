"""Where runs are trained: the devices of this process, and what each can hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

# A few small networks fit into a core's cache, and fill its vectors; many do the same arithmetic in
# twice the time. With few at once the last share is soon full, whatever the number of runs.
RUNS_AT_ONCE_ON_CPU = 3
RUNS = "runs"  # the axis that is split over devices
FILLED = 0.8  # of what is free: other programs and fragments take some, too
ASSUMED_BYTES = 4 << 30  # free where nobody says
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


class Place:
    """Devices of one kind: a program is compiled once for all of them."""

    def __init__(self, devices: Sequence[jax.Device]) -> None:
        self.devices = tuple(devices)
        self.on_cpu = self.devices[0].platform == "cpu"

    @cached_property
    def split(self) -> NamedSharding:
        """Arrays with a row for each run: each device has some of the rows."""
        return NamedSharding(self._mesh, PartitionSpec(RUNS))

    @cached_property
    def whole(self) -> NamedSharding:
        """Arrays that all runs share: each device has a copy."""
        return NamedSharding(self._mesh, PartitionSpec())

    @cached_property
    def _mesh(self) -> Mesh:
        return Mesh(np.array(self.devices), (RUNS,))

    @property
    def threads(self) -> int:
        """How many shares to train at once, if there is room."""
        return max(1, cores() // len(self.devices)) if self.on_cpu else 1

    def usual(self, runs: int) -> int:
        """How many of so many runs each device trains at once, if there is room."""
        each = -(-runs // len(self.devices))
        return min(each, RUNS_AT_ONCE_ON_CPU) if self.on_cpu else each

    def spread(self, function: Callable, shared: int) -> Callable:
        """The function of a share on all devices, none of which waits for another.

        It takes three arguments with a row for each run, and so many that all runs share.
        """
        if len(self.devices) == 1:
            return function
        each, same = self.split.spec, self.whole.spec
        return jax.shard_map(
            function,
            mesh=self._mesh,
            in_specs=(each,) * 3 + (same,) * shared,
            out_specs=each,
            check_vma=False,  # models know nothing of devices
        )

    def free_bytes(self) -> int:
        """What programs may take on each device."""
        if not self.on_cpu:
            return min(int(FILLED * _free_on(device)) for device in self.devices)
        return int(FILLED * _free_of_host()) // len(self.devices)


def places(most: int, devices: Sequence[jax.Device] | None = None) -> list[Place]:
    """Of this process's devices, those of one kind together; no more of a kind than runs."""
    found: dict[str, list[jax.Device]] = {}
    for device in _wanted() if devices is None else devices:
        found.setdefault(device.device_kind, []).append(device)
    return [Place(of_kind[:most]) for of_kind in found.values()]


def device_text() -> str:
    """What there is, for the record: ``"cpu: cpu"``, or ``"cuda: NVIDIA H100, 4 of them"``."""
    first, *others = _wanted()
    text = f"{first.platform}: {first.device_kind}"
    return f"{text}, {1 + len(others)} of them" if others else text


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def needed_bytes(compiled: jax.stages.Compiled) -> int | None:
    """What a program takes on each device; None where the backend does not say."""
    try:
        memory = compiled.memory_analysis()
    except NotImplementedError:
        return None
    if memory is None:
        return None
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return int(used - memory.alias_size_in_bytes)


def _wanted() -> list[jax.Device]:
    """All of them, or the one that ``jax.default_device`` names."""
    chosen: Any = jax.config.values["jax_default_device"]
    if isinstance(chosen, jax.Device):
        return [chosen]
    return jax.local_devices(backend=chosen)


def _free_on(device: jax.Device) -> int:
    stats = device.memory_stats() or {}
    if "bytes_limit" not in stats:
        return ASSUMED_BYTES
    return stats["bytes_limit"] - stats.get("bytes_in_use", 0)


def _free_of_host() -> int:
    """What the system can still give, and the control group that it was put in."""
    known = [free for free in (_free_of_system(), _free_of_group()) if free is not None]
    return min(known, default=ASSUMED_BYTES)


def _free_of_system() -> int | None:
    try:
        lines = MEMINFO.read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(kilobytes[0]) if kilobytes else None


def _free_of_group() -> int | None:
    try:
        limit, used = ((CGROUP / f"memory.{n}").read_text().strip() for n in ("max", "current"))
        return max(0, int(limit) - int(used))
    except (OSError, ValueError):  # no such group, or a limit of "max"
        return None

"""Versions and precisions that results depend on, and the machine that they come from."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._registry import read_value
from ..records import to_plain
from .contexts import DEFAULT_STEP
from .devices import cores, device_text
from .typing import Plain

PACKAGES = (
    "braintools-qps", "braintools", "brainstate", "brainunit", "brainpy", "jax", "optax", "numpy",
)  # fmt: skip
# Settings of JAX that change numbers, each with the context that sets it in one thread
OF_JAX = ("default_prng_impl", "threefry_partitionable", "default_matmul_precision")
OTHER_FLAGS = "--xla_dump", "--xla_force_host_platform_device_count"  # change no numbers
# Values of brainstate.environ that are set for each step, or have a name of their own
OF_STEPS = ("i", "t", "fit", "dt", "precision")
COMPARED = bool, int, float, str, np.generic, np.ndarray, jax.Array, u.Quantity


def check_debugging() -> None:
    """Check that NaN and infinity may be computed: they stand for what has not been measured.

    Raises
    ------
    ValueError
        If JAX is set to stop at NaN or infinity.
    """
    for name in ("jax_debug_nans", "jax_debug_infs"):
        if getattr(jax.config, name):
            raise ValueError(
                f"compare needs {name} off, since NaN and infinity stand for what is not measured "
                f"yet. Call jax.config.update({name!r}, False): the table says which runs met NaN"
            )


@cache
def packages() -> dict[str, str]:
    """Versions of the installed packages that results depend on."""
    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # brainpy is an extra
            versions[name] = version(name)
    return versions


def numerics() -> Plain:
    """The time step, the precisions and the generator of this thread, as plain values.

    And what else is set in `brainstate.environ`, as it is: numbers, text, arrays and Quantities.
    """
    dt = brainstate.environ.get("dt", None)
    others = {
        name: value
        for name, value in brainstate.environ.all().items()
        if name not in OF_STEPS and isinstance(value, COMPARED)
    }
    return {
        "dt": to_plain(DEFAULT_STEP if dt is None else dt),
        "precision": brainstate.environ.get("precision"),
        "x64": jnp.result_type(float) == jnp.float64,
        **{name: getattr(jax.config, f"jax_{name}") for name in OF_JAX},
        **({"environ": others} if others else {}),
    }


def xla_flags() -> list[str]:
    """The flags of XLA that may change numbers."""
    flags = os.environ.get("XLA_FLAGS", "").split()
    return sorted(flag for flag in flags if not flag.startswith(OTHER_FLAGS))


@contextmanager
def computing_with(numbers: Plain) -> Iterator[None]:
    """Have this thread compute with the `numerics` of another process."""
    if brainstate.environ.get("precision", None) != numbers["precision"]:
        brainstate.environ.set(precision=numbers["precision"])
    dt: Any = read_value(numbers["dt"])
    with ExitStack() as stack:
        others = numbers.get("environ", {})
        stack.enter_context(brainstate.environ.context(dt=dt, **others))
        stack.enter_context(jax.enable_x64(numbers["x64"]))
        for name in OF_JAX:
            stack.enter_context(getattr(jax, name)(numbers[name]))
        yield


def machine() -> str:
    """What rounding depends on beside a program: on another machine, bits may differ."""
    return f"{socket.gethostname()}, {platform.machine()}, {device_text()}, {cores()} cores"


def present_environment() -> Plain:
    """The versions and the machine that this process runs on."""
    return {
        "python": platform.python_version(),
        "packages": packages(),
        "platform": platform.platform(),
        "device": device_text(),
        "cores": os.cpu_count(),
    }

"""Numerical settings that a worker must share: the time step and the precisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import brainstate
import jax
import jax.numpy as jnp

from .._registry import read_value
from ..records import to_plain
from .model import DEFAULT_STEP


class Numerics(NamedTuple):
    """The time step and the precisions, as plain values."""

    dt: float | str  # text where it has a unit
    precision: int | str  # brainstate's
    x64: bool  # JAX's

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread compute with them: those of brainstate are each thread's own."""
        if brainstate.environ.get("precision", None) != self.precision:
            brainstate.environ.set(precision=self.precision)
        dt: Any = read_value(self.dt)
        with brainstate.environ.context(dt=dt), jax.enable_x64(self.x64):
            yield


def numerics() -> Numerics:
    """Those of this thread."""
    dt = brainstate.environ.get("dt", None)
    return Numerics(
        to_plain(DEFAULT_STEP if dt is None else dt),
        brainstate.environ.get("precision"),
        jnp.result_type(float) == jnp.float64,
    )

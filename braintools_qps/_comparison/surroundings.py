"""What a model's numbers depend on beside its options, which a worker has to take over."""

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


class Surroundings(NamedTuple):
    """The time step and the precisions, as plain values."""

    dt: float | str  # text where it has a unit
    precision: int | str  # brainstate's
    x64: bool  # JAX's

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread compute in them: those of brainstate are each thread's own."""
        if brainstate.environ.get("precision", None) != self.precision:
            brainstate.environ.set(precision=self.precision)
        dt: Any = read_value(self.dt)
        with brainstate.environ.context(dt=dt), jax.enable_x64(self.x64):
            yield


def surroundings() -> Surroundings:
    """Those of this thread."""
    dt = brainstate.environ.get("dt", None)
    return Surroundings(
        to_plain(DEFAULT_STEP if dt is None else dt),
        brainstate.environ.get("precision"),
        jnp.result_type(float) == jnp.float64,
    )

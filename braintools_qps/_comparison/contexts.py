"""Contexts in which models are made and run: with seeded generators, and with a time step."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np
from jax import Array

DEFAULT_STEP = 1.0 * u.ms

# brainstate, NumPy and Python have one random state each per process.
_random_states = threading.RLock()


@contextmanager
def seeded(key: Array, number: int = 0) -> Iterator[None]:
    """Seed all random generators: brainstate by a key, which may be traced, others by a number.

    The others are those of NumPy and Python, which JAX cannot trace. Afterwards the user's random
    states are as before. Only one thread at a time can be inside such a block.
    """
    state = brainstate.random.DEFAULT
    # A StateTraceStack lets the global state hold a tracer. For a concrete key there must be none:
    # brainstate would count new states as part of it, and a later trace their weights as constants.
    traced = isinstance(key, jax.core.Tracer)
    with _random_states, brainstate.StateTraceStack() if traced else nullcontext():
        with jax.ensure_compile_time_eval():  # the first reading makes a key, not to be traced
            before = state.value, np.random.get_state(), random.getstate()  # noqa: NPY002
        state.value = key
        np.random.seed(number)  # noqa: NPY002
        random.seed(number)
        try:
            yield
        finally:
            state.value = before[0]
            np.random.set_state(before[1])  # noqa: NPY002
            random.setstate(before[2])


@contextmanager
def environment(**settings: Any) -> Iterator[None]:
    """The context in which models run: with the user's ``dt``, or else with steps of 1 ms."""
    if brainstate.environ.get("dt", None) is None:
        settings["dt"] = DEFAULT_STEP
    with brainstate.environ.context(**settings):
        yield

"""Eager calls: 32 elements, outside of jit.

These times are overhead: Python, dispatch and, for a new alpha, compilation. XLA runs programs of
less than 1,000 operations in the calling thread and others in another thread, which takes 25 to
95 µs longer. A derivative of 77 operations per element is beyond that at 32 elements.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import braintools.surrogate
import jax
import jax.numpy as jnp

from braintools_qps import QPseudoSpike

from .harness import Case, Ready, Settings, sampler

BASELINE = "braintools QPseudoSpike(2)"

CALLS: dict[str, Callable[[Any, jax.Array], Any]] = {
    "forward": lambda surrogate, x: surrogate(x),
    "surrogate_grad": lambda surrogate, x: surrogate.surrogate_grad(x),
    "surrogate_fun": lambda surrogate, x: surrogate.surrogate_fun(x),
    "grad": lambda surrogate, x: jax.grad(lambda x: surrogate(x).sum())(x),
    "vmap of grad": lambda surrogate, x: jax.vmap(jax.grad(surrogate))(x),
}


def cases(settings: Settings) -> Iterator[Case]:
    """Repeated calls, then calls with an alpha that was never seen before."""
    x = jnp.linspace(-2.0, 2.0, 32)
    for name, call in CALLS.items():
        yield Case("Eager call, 32 elements", name, _repeated(call, x), baseline=BASELINE)
    for name, call in CALLS.items():
        yield Case(
            "Eager call with a new alpha",
            name,
            _new_alpha(call, x),
            baseline="braintools QPseudoSpike",
        )


def _repeated(call: Callable, x: jax.Array) -> dict[str, Callable[[], Ready]]:
    surrogates = {
        "QPseudoSpike(2)": QPseudoSpike(2.0),
        "QPseudoSpike(1.7)": QPseudoSpike(1.7),
        BASELINE: braintools.surrogate.QPseudoSpike(2.0),
        "braintools QPseudoSpike(1.7)": braintools.surrogate.QPseudoSpike(1.7),
        "braintools Sigmoid()": braintools.surrogate.Sigmoid(),
        "braintools ReluGrad()": braintools.surrogate.ReluGrad(),
    }
    prepare = lambda surrogate: lambda: Ready(sampler(lambda: call(surrogate, x)))
    return {name: prepare(surrogate) for name, surrogate in surrogates.items()}


def _new_alpha(call: Callable, x: jax.Array) -> dict[str, Callable[[], Ready]]:
    kinds = {
        "QPseudoSpike": QPseudoSpike,
        "braintools QPseudoSpike": braintools.surrogate.QPseudoSpike,
    }
    alphas = (2.0 + n / 1024 for n in itertools.count(1))  # neither whole nor half
    prepare = lambda kind: lambda: Ready(sampler(lambda: call(kind(next(alphas)), x)))
    return {name: prepare(kind) for name, kind in kinds.items()}

"""Compact residuals: memory and time of surrogate gradients stored in few bits.

The gradient of a linear LIF scan stores only the surrogate gradient, because its reset is detached
and its inputs are constant. Memory is that of the temporaries, without arguments and results. The
second table is the product `x * ct` alone: encode, store and decode in one call. For accuracy see
`benchmarks.residual_accuracy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import braintools.surrogate
import jax
import jax.numpy as jnp

from braintools_qps import QPseudoSpike

from .harness import Case, Ready, Settings, compiled, jitted
from .networks import straight_through

STEPS, BATCH, NEURONS = 200, 64, 256
BASELINE = "braintools QPseudoSpike(2)"


def cases(settings: Settings) -> Iterator[Case]:
    contestants = {name: _scan(surrogate) for name, surrogate in _everyone().items()}
    work = f"{STEPS} steps, {BATCH} x {NEURONS}"
    yield Case("Gradient of a linear LIF scan", work, contestants, "derivative 1", BASELINE)
    yield _product_case(settings.elements)


def linear_lif(spike: Callable, v: jax.Array, currents: jax.Array) -> jax.Array:
    """Spikes of shape (steps, batch, neurons); only the surrogate stores anything for the
    gradient."""

    def step(v, current):
        v = 0.9 * v + current
        spikes = spike(v - 1.0)
        return v - jax.lax.stop_gradient(spikes), spikes

    return jax.lax.scan(step, v, currents)[1]


def _everyone() -> dict[str, Any]:
    return {
        "derivative 1": straight_through,
        "QPseudoSpike(2)": QPseudoSpike(2.0),
        **{
            f"QPseudoSpike(2, {dtype} residual)": QPseudoSpike(2.0, residual_dtype=dtype)
            for dtype in ("bfloat16", "float16", "uint8")
        },
        BASELINE: braintools.surrogate.QPseudoSpike(2.0),
        "braintools ReluGrad()": braintools.surrogate.ReluGrad(),
    }


def _scan(surrogate: Callable) -> Callable[[], Ready]:
    """The gradient with respect to the initial membrane, so that the result is small."""
    gradient = jax.grad(lambda v, currents: linear_lif(surrogate, v, currents).sum())
    v = jnp.zeros((BATCH, NEURONS))
    currents = jax.random.normal(jax.random.key(0), (STEPS, BATCH, NEURONS))

    def prepare() -> Ready:
        executable = jax.jit(gradient).lower(v, currents).compile()
        temporary = executable.memory_analysis().temp_size_in_bytes
        ready = compiled(lambda: executable, v, currents)
        return Ready(ready.sample, None, temporary)

    return prepare


def _product_case(elements: int) -> Case:
    keys = jax.random.split(jax.random.key(0))
    x, ct = (jax.random.normal(key, (elements,)) for key in keys)
    product = lambda spike: jitted(lambda x, ct: jax.vjp(spike, x)[1](ct)[0], x, ct)
    contestants = {
        "x * ct": jitted(lambda x, ct: x * ct, x, ct),
        **{name: product(spike) for name, spike in _everyone().items() if "QPseudo" in name},
    }
    return Case("Vector-Jacobian product", f"{elements} float32", contestants, "x * ct", BASELINE)

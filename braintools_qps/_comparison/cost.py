"""What a candidate costs in time and memory."""

from __future__ import annotations

import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate

from ..records import Cost
from .model import usual_promotion
from .places import needed_bytes
from .training import Bench, Samples, initial_state, training_step

WARM_UP, TIMED = 3, 20


def measure_cost(surrogate: Surrogate, bench: Bench) -> Cost:
    """Time and memory of one training step of one network, compiled on its own."""
    state = initial_state(bench, surrogate, 0)
    train, size = bench.task.train, bench.batch_size
    samples = Samples(jnp.asarray(train.inputs[:size]), jnp.asarray(train.labels[:size]))
    draw = jax.random.key(0), jnp.asarray(0)
    numbers = {
        n: jnp.asarray(x) for n, x in (("learning_rate", 0.0), ("clip", 1.0), ("epochs", 1.0))
    }

    def step(weights: Any, memory: Any, samples: Samples, draw: Any) -> Any:
        return training_step(
            weights, memory, samples, draw, numbers, jnp.zeros(()), surrogate, bench
        )

    carry = state.weights, state.optimizer
    with usual_promotion():
        compiled = jax.jit(step).lower(*carry, samples, draw).compile()
    times = []
    for _ in range(WARM_UP + TIMED):
        start = time.perf_counter()
        carry, _ = jax.block_until_ready(compiled(*carry, samples, draw))
        times.append(time.perf_counter() - start)
    return Cost(statistics.median(times[WARM_UP:]) * bench.batches, needed_bytes(compiled))

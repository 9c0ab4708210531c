"""What a candidate costs, and how its gradient flows before training."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._gradient_flow import gradient_flow
from ..records import GradientFlow, PopulationFlow, mean_growth, relative_gradient
from .model import environment, seeded, usual_promotion
from .places import needed_bytes
from .training import Bench, Samples, initial_state, training_step

WARM_UP, TIMED = 3, 20
FLOW_SAMPLES = 64
FLOW_SEEDS = 2


class Cost(NamedTuple):
    seconds_per_step: float
    seconds_per_epoch: float
    peak_bytes: int | None  # None where the backend does not say


class Flow(NamedTuple):
    growth: float | None  # None where there is no gradient
    reach: int
    gradient_by_lag: dict[str, tuple[float, ...]]  # of each population


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
    seconds = statistics.median(times[WARM_UP:])
    return Cost(seconds, seconds * bench.batches, needed_bytes(compiled))


def measure_flow(surrogate: Surrogate, bench: Bench, seeds: Sequence[int]) -> Flow:
    """At the initial weights: means over the first seeds, of the growth geometric."""
    flows = [_flow_of_seed(surrogate, bench, seed) for seed in seeds[:FLOW_SEEDS]]
    growth = mean_growth([flow.growth for flow in flows])
    populations = [flow.populations for flow in flows]
    return Flow(
        None if math.isnan(growth) else growth,
        round(np.mean([flow.reach for flow in flows])),
        {of_seeds[0].name: _mean_by_lag(of_seeds) for of_seeds in zip(*populations)},
    )


def _mean_by_lag(populations: Sequence[PopulationFlow]) -> tuple[float, ...]:
    """The relative gradient of one population with several seeds: their geometric mean."""
    curves = [relative_gradient(population.second_moments) for population in populations]
    lags = min(map(len, curves))
    return tuple(np.exp(np.mean(np.log([curve[:lags] for curve in curves]), axis=0)).tolist())


def _flow_of_seed(surrogate: Surrogate, bench: Bench, seed: int) -> GradientFlow:
    inputs = jnp.asarray(np.swapaxes(bench.task.train.inputs[:FLOW_SAMPLES], 0, 1))
    with seeded(jax.random.key(seed), seed), environment(fit=False):
        flows = gradient_flow(bench.model(surrogate), inputs, seed=seed, target=None, rate=None)
    (flow,) = flows.values()
    return flow

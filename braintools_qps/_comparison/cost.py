"""What a candidate costs, and how its gradient flows before training."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from braintools.surrogate import Surrogate

from .._gradient_flow import gradient_flow
from ..records.comparison import relative_gradient
from ..records.flow import mean_growth
from .network import RecurrentClassifier
from .tasks import Task
from .training import Settings, initial_state, time_constants, training_step

WARM_UP, TIMED = 3, 20
FLOW_SAMPLES = 64


class Cost(NamedTuple):
    seconds_per_step: float
    peak_bytes: int | None  # None where the backend does not say


class Flow(NamedTuple):
    growth: float | None  # None where there is no gradient
    reach: int
    gradient_by_lag: tuple[float, ...]


def measure_cost(surrogate: Surrogate, task: Task, settings: Settings) -> Cost:
    """Time and memory of one training step of one network, compiled on its own."""
    state = initial_state(jax.random.key(0), task, settings)
    inputs = task.train.inputs[: settings.batch_size]
    labels = task.train.labels[: settings.batch_size]

    def step(state, inputs, labels):
        return training_step(state, inputs, labels, surrogate, task, settings)

    compiled = jax.jit(step).lower(state, inputs, labels).compile()
    times = []
    for _ in range(WARM_UP + TIMED):
        start = time.perf_counter()
        state, _ = jax.block_until_ready(compiled(state, inputs, labels))
        times.append(time.perf_counter() - start)
    return Cost(statistics.median(times[WARM_UP:]), _peak_bytes(compiled))


def _peak_bytes(compiled: jax.stages.Compiled) -> int | None:
    try:
        memory = compiled.memory_analysis()
    except NotImplementedError:
        return None
    if memory is None:
        return None
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return int(used - memory.alias_size_in_bytes)


def measure_flow(
    surrogates: Sequence[Surrogate], task: Task, settings: Settings, seeds: Sequence[int]
) -> list[Flow]:
    """Of each surrogate, at the initial weights: means over seeds, of the growth geometric."""
    flows = [_flows_of_seed(surrogates, task, settings, seed) for seed in seeds]
    return [_mean(of_one) for of_one in zip(*flows)]


def _flows_of_seed(
    surrogates: Sequence[Surrogate], task: Task, settings: Settings, seed: int
) -> list[Flow]:
    weights = initial_state(jax.random.key(seed), task, settings).weights
    model = RecurrentClassifier(
        weights,
        surrogates[0],
        neuron=settings.neuron,
        reset=settings.reset,
        time_constants=time_constants(task),
    )
    inputs = np.swapaxes(task.train.inputs[:FLOW_SAMPLES], 0, 1)
    candidates = {str(number): surrogate for number, surrogate in enumerate(surrogates)}
    measured = gradient_flow(model, inputs, surrogates=candidates, seed=seed, target=None)
    return [
        Flow(f.growth, f.reach, tuple(relative_gradient(f.populations[0].second_moments)))
        for f in measured.values()
    ]


def _mean(flows: Sequence[Flow]) -> Flow:
    growth = mean_growth([flow.growth for flow in flows if flow.growth is not None])
    lags = min(len(flow.gradient_by_lag) for flow in flows)
    curves = np.array([flow.gradient_by_lag[:lags] for flow in flows])
    return Flow(
        None if math.isnan(growth) else growth,
        round(np.mean([flow.reach for flow in flows])),
        tuple(np.exp(np.mean(np.log(curves), axis=0)).tolist()),
    )

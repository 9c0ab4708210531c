"""First calls: what `gradient_flow` and `prepare` take before anything is compiled.

Three layers of 512 `brainpy.state.LIF` neurons and a readout, 200 steps, batch of 16. Every sample
is the first call on a new network, with JAX's caches cleared. In the silent network, whose weights
are a third as large, the second layer never fires. Times are relative to the first training step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import brainpy.state
import brainstate
import brainunit as u
import jax

from braintools_qps import QPseudoSpike, gradient_flow, prepare

from .descent import CLASSES, INPUTS, descent, spike_trains
from .harness import Case, Ready, Settings

NEURONS, STEPS, BATCH = 512, 200, 16
TRAINING = "training step"


def network(gain: float) -> brainstate.nn.Sequential:
    brainstate.random.seed(0)
    layers: list[Any] = []
    for features in (INPUTS, NEURONS, NEURONS):
        neurons = brainpy.state.LIF(NEURONS, tau=10 * u.ms, spk_fun=QPseudoSpike(alpha=8))
        layers += [brainstate.nn.Linear(features, NEURONS), lambda x: gain * x * u.mA, neurons]
    return brainstate.nn.Sequential(*layers, brainstate.nn.Linear(NEURONS, CLASSES))


def train(model: brainstate.nn.Sequential, data: tuple[jax.Array, jax.Array]) -> Any:
    """One training step, compiled and run."""
    logits = lambda x: brainstate.transform.for_loop(model, x).mean(axis=0)
    compile, arguments = descent(model, logits, data)
    return compile()(*arguments)


CONTESTANTS: dict[str, tuple[Callable, float]] = {
    TRAINING: (train, 3.0),
    "gradient_flow": (lambda model, data: gradient_flow(model, data[0]), 3.0),
    "gradient_flow, silent network": (lambda model, data: gradient_flow(model, data[0]), 1.0),
    "prepare": (lambda model, data: prepare(model, data[0]), 3.0),
    "prepare, silent network": (lambda model, data: prepare(model, data[0]), 1.0),
}


def first_call(call: Callable, gain: float, data: Any) -> Ready:
    def sample() -> float:
        model = network(gain)
        jax.clear_caches()
        start = time.perf_counter()
        with brainstate.environ.context(dt=1.0 * u.ms):
            jax.block_until_ready(call(model, data))
        return time.perf_counter() - start

    return Ready(sample)


def cases(settings: Settings) -> Iterator[Case]:
    """All contestants on the same data."""
    steps = 20 if settings.quick else STEPS
    data = spike_trains(steps, BATCH)
    contestants = {
        name: lambda call=call, gain=gain: first_call(call, gain, data)
        for name, (call, gain) in CONTESTANTS.items()
    }
    yield Case("First calls", f"3 x {NEURONS} neurons, {steps} steps", contestants, TRAINING)

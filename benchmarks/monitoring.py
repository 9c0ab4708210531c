"""The cost of `TrainingMonitor`: training with a measurement every tenth epoch, and without.

The default network of ``compare`` learns the digits row by row. An epoch is one compiled call, so
that the time without the monitor is training alone. The monitor measures on 16 samples and logs to
a dict. Training with and without it take turns, ten epochs at a time; the cost is the median of
the ratios of neighbouring turns. Run ``python -m benchmarks.monitoring``; ``--quick`` takes a few
turns and saves nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax

from braintools_qps import TrainingMonitor
from braintools_qps._comparison import RecurrentNetwork, load_task

from . import report
from .harness import quartiles

EVERY = 10  # epochs
BATCH, MEASURED = 32, 16  # samples
ROUNDS, QUICK_ROUNDS = 25, 5
OPTIMIZER = optax.adam(1e-2)


class Training:
    """A network in training; each epoch is one compiled call."""

    def __init__(self) -> None:
        task = load_task("digits-rows")
        brainstate.random.seed(0)
        self.network = RecurrentNetwork(task.features, task.outputs, task.steps)
        self.inputs, self.labels = map(jnp.asarray, task.part("train"))
        self.weights = self.network.states(brainstate.ParamState)
        values = {name: weight.value for name, weight in self.weights.items()}
        self.memory = brainstate.State(OPTIMIZER.init(values))
        brainstate.nn.init_all_states(self.network, BATCH)
        self.epoch = brainstate.transform.jit(self._epoch)

    def some_inputs(self) -> np.ndarray:
        """Inputs to measure on, of shape (steps, samples, features)."""
        return np.swapaxes(self.inputs[:MEASURED], 0, 1)

    def _epoch(self, key: Any) -> Any:
        order = jax.random.permutation(key, len(self.labels))
        batches = len(order) // BATCH
        rows = order[: batches * BATCH].reshape(batches, BATCH)
        return brainstate.transform.for_loop(self._step, rows).mean()

    def _step(self, rows: Any) -> Any:
        gradient, loss = brainstate.transform.grad(
            lambda: self._loss(rows), self.weights, return_value=True
        )()
        values = {name: weight.value for name, weight in self.weights.items()}
        changes, self.memory.value = OPTIMIZER.update(dict(gradient), self.memory.value)
        for name, value in optax.apply_updates(values, changes).items():
            self.weights[name].value = value
        return loss

    def _loss(self, rows: Any) -> Any:
        brainstate.nn.init_all_states(self.network, BATCH)
        inputs = jnp.swapaxes(self.inputs[rows], 0, 1)
        logits = brainstate.transform.for_loop(self.network.update, inputs).mean(axis=0)
        return optax.softmax_cross_entropy_with_integer_labels(logits, self.labels[rows]).mean()


def watched(training: Training) -> Callable[[], None]:
    """Ten epochs, of which the first is measured."""
    monitor = TrainingMonitor(training.network, training.some_inputs(), every=EVERY, log={})
    return lambda: _epochs(training, monitor)


def alone(training: Training) -> Callable[[], None]:
    """Ten epochs."""
    return lambda: _epochs(training, lambda: None)


def _epochs(training: Training, before: Callable[[], Any]) -> None:
    for number in range(EVERY):
        before()
        jax.block_until_ready(training.epoch(jax.random.key(number)))


def measure(rounds: int) -> dict[str, Any]:
    """Seconds of each round, and the time of the monitor as a share of the time without it."""
    contestants = {"alone": alone(Training()), "watched": watched(Training())}
    for run in contestants.values():
        run()  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in sorted(contestants, reverse=bool(number % 2)):
            start = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - start)
    costs = [one / other - 1 for one, other in zip(seconds["watched"], seconds["alone"])]
    return {"seconds": seconds, "cost": statistics.median(costs), "quartiles": quartiles(costs)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="take a few turns and save nothing")
    quick = parser.parse_args().quick
    facts = report.environment()
    with brainstate.environ.context(dt=1.0 * u.ms):
        found = measure(QUICK_ROUNDS if quick else ROUNDS)
    page = report.markdown(__doc__, facts, []) + "\n" + table(found)
    print(page)
    if not quick:
        folder = report.folder(facts)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"environment": facts, **found}, indent=1)
        (folder / "monitoring.json").write_text(text + "\n")
        (folder / "monitoring.md").write_text(page)


def table(found: dict[str, Any]) -> str:
    low, middle, high = (f"{100 * value:.1f}%" for value in found["quartiles"])
    one = 1e3 * statistics.median(found["seconds"]["alone"])
    return (
        "| ten epochs | the monitor adds | quartiles |\n| --- | --- | --- |\n"
        f"| {one:.0f} ms | {middle} | {low} to {high} |\n"
    )


if __name__ == "__main__":
    main()

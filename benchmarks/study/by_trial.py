"""A learning rate by trial: 40 steps at each of five rates name one, in place of a search.

``python -m benchmarks.study.by_trial`` tries the networks of the development half, and with
``--half held-out`` those of the other: the loss at the end of each trial, in
docs/results/by_trial.json. The trainings at the rates are those of the study's first three parts.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from braintools_qps import get_surrogate
from braintools_qps._comparison.experiment import RATE, Experiment
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.scoring import scoring
from braintools_qps._comparison.tasks import Samples
from braintools_qps._comparison.train import Given, Training, initial_checkpoint, stacked
from braintools_qps._comparison.tune import settings_of
from braintools_qps._defaults import BATCH_SIZE, LEARNING_RATE, SAMPLES
from braintools_qps._gradient_flow.trial import AS_GOOD, FIRST, LATE
from braintools_qps._gradient_flow.trial import RATES as TRIED
from braintools_qps._surrogate import adjusted, traceable

from .start import look
from .trained import trained
from .trainings import BOOK, RATES, SURROGATES, Plan, keep, kept, task_of

FILE, ASKED = "by_trial", BOOK["by_trial"]
TUNE = {RATE: (LEARNING_RATE,), "mean_slope": (0.1,)}
LABELS: list[str] = ASKED["labels"]


def plans(held_out: bool) -> Iterator[Plan]:
    """The problems of a half: of the third part, and of both waves before it."""
    development = [p.plan for p in trained("matter") if not p.plan.problem.held_out]
    third = [p.plan for p in trained("matter") if p.plan.problem.held_out]
    first = [p.plan for p in look(True)(trained("study"))]
    yield from (*third, *first) if held_out else development


def tried(plan: Plan, label: str) -> list[list[float | None]]:
    """The loss at the end of each trial, lowered as `compare` does: (seeds, rates)."""
    task, problem = task_of(plan.problem), plan.problem
    goal = scoring(task, problem.options.get("loss"), problem.options.get("score"))
    batch, seeds = min(BATCH_SIZE, task.sizes.train), tuple(range(plan.seeds))
    experiment = Experiment(
        Factory(problem.model), task, goal, None, batch, LEARNING_RATE, problem.epochs, seeds, TUNE
    )
    surrogate = get_surrogate(SURROGATES[label])
    (setting,) = settings_of(surrogate, experiment)
    lowered = traceable(adjusted(surrogate, dampening=setting["dampening"]))
    starts = [initial_checkpoint(experiment, surrogate, seed) for seed in seeds]
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    rows = jnp.array([task.split(seed).train[:SAMPLES] for seed in seeds])
    lost = partial(trial, Training(lowered.build, experiment), lowered.numbers, task.samples)
    every = jax.vmap(jax.vmap(lost, (None, None, 0)), (0, 0, None))
    ends = jax.jit(every)(stacked(starts), Given(keys, {}, rows), jnp.array(TRIED))
    return [[_plain(end) for end in row] for row in ends.tolist()]


def trial(
    training: Training, numbers: dict, data: Samples, start: Any, given: Given, rate: Any
) -> Any:
    """Mean loss of the last of 40 steps, all on the same samples."""
    experiment, surrogate = training.experiment, training.build(numbers)
    optimizer = experiment.optimizer_for(rate, experiment.epochs)
    taken = Samples(*(jnp.asarray(array)[given.rows] for array in data))

    def step(carry: Any, draw: Any) -> Any:
        weights, moments = carry
        loss_of = lambda values: training._loss(
            weights._replace(trained=values), surrogate, taken, (given.key, draw)
        )
        (loss, kept), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights.trained)
        values, structure = jax.tree.flatten(weights.trained)
        changes, moments = optimizer.update(jax.tree.leaves(gradient), moments, values)
        changed = jax.tree.unflatten(structure, optax.apply_updates(values, changes))
        return (weights._replace(trained=changed, kept=kept), moments), loss

    draws = jax.random.split(given.key, FIRST)
    _, losses = jax.lax.scan(step, (start.weights, start.optimizer), draws)
    return losses[-LATE:].mean()


def named(ends: Sequence[float | None], constant: float, among: Sequence[float] = RATES) -> float:
    """The smallest rate whose loss is within a tenth of the best; by default of `compare`'s."""
    known = {rate: math.inf if end is None else end for rate, end in zip(TRIED, ends)}
    known = {rate: end for rate, end in known.items() if rate in among}
    enough = min(known.values()) + AS_GOOD * constant
    return min(rate for rate, end in known.items() if end <= enough)


def constant(plan: Plan) -> float:
    """The loss of the best constant answer: the entropy of the classes."""
    shares = np.bincount(labels := task_of(plan.problem).samples.labels) / len(labels)
    return round(float(-(shares * np.log(shares)).sum()), 4)


def _plain(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=["development", "held-out"], default="development")
    held_out = parser.parse_args().half == "held-out"
    for label, plan in product(LABELS, plans(held_out)):
        known = kept(FILE).get("problems", {}).get(name := plan.problem.name, {})
        if label in plan.labels and label not in known.get("ends", {}):
            print(name, label, flush=True)
            ends = known.get("ends", {}) | {label: tried(plan, label)}
            keep(FILE, "problems", name, {"constant": constant(plan), "ends": ends})


if __name__ == "__main__":
    main()

"""A learning rate by trial: 40 steps at each of five rates name one, in place of a search.

``python -m benchmarks.study.by_trial`` tries the networks of the development half, and with
``--half held-out`` those of the other: the loss at the end of each trial, in
docs/results/by_trial.json. The trainings at the rates are those of the study's first three parts.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
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
from braintools_qps._comparison.one_run import (
    Given,
    Training,
    initial_checkpoint,
    initial_weights,
)
from braintools_qps._comparison.programs import stacked
from braintools_qps._comparison.scoring import scoring
from braintools_qps._comparison.settings import settings_of
from braintools_qps._comparison.tasks import Samples
from braintools_qps._defaults import BATCH_SIZE, SAMPLES
from braintools_qps._gradient_flow.trial import AS_GOOD, FIRST, LATE
from braintools_qps._gradient_flow.trial import RATES as TRIED
from braintools_qps._surrogate import adjusted, traceable

from .start import LOW, look
from .trained import Trained, over, table, trained
from .trainings import BOOK, RATES, SURROGATES, Plan, keep, kept, task_of

FILE, ASKED = "by_trial", BOOK["by_trial"]
USUAL = 0.03
TUNE = {RATE: (USUAL,), "mean_slope": (0.1,)}
LABELS: list[str] = ASKED["labels"]

Rule = Callable[[Sequence[float | None], float], float]  # from the losses of a trial to a rate


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
        Factory(problem.model), task, goal, None, batch, USUAL, problem.epochs, seeds, TUNE
    )
    surrogate = get_surrogate(SURROGATES[label])
    (setting,) = settings_of(surrogate, experiment)
    lowered = traceable(adjusted(surrogate, dampening=setting["dampening"]))
    weights = [initial_weights(experiment, surrogate, seed) for seed in seeds]
    starts = [initial_checkpoint(experiment, each, USUAL) for each in weights]
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
    optimizer = experiment.optimizer_for(rate)
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


def lowest(ends: Sequence[float | None], constant: float) -> float:
    """The rate with the lowest loss."""
    return named(ends, 0.0)


def by_trial(problem: Trained, label: str, rule: Rule = named) -> np.ndarray:
    """Test score of the training at the rate that each seed's trial names."""
    record = kept(FILE)["problems"][problem.plan.problem.name]
    rates = [rule(ends, record["constant"]) for ends in record["ends"][label]]
    places = [problem.at([rate], [LOW])[0] for rate in rates]
    return problem.test[label][places, np.arange(len(places))]


def searched(problem: Trained, label: str) -> np.ndarray:
    """Test score of the training that validation chooses among three rates."""
    return problem.chosen(label, problem.at(RATES, [LOW]))


def tried_labels(problem: Trained) -> list[str]:
    record = kept(FILE).get("problems", {}).get(problem.plan.problem.name, {"ends": {}})
    return list(record["ends"])


def regret(problem: Trained, rule: Rule = named) -> float:
    """Points that the search ends above the trial, a mean over surrogates and seeds."""
    each = [
        searched(problem, label).mean() - by_trial(problem, label, rule).mean()
        for label in tried_labels(problem)
    ]
    return float(np.mean(each))


def tables() -> dict[str, str]:
    """Tables and figures of the page, by name."""
    halves = {half: [*filter(tried_labels, some)] for half, some in all_halves().items()}
    rules: dict[str, Rule] = {"regret": named, "regret_lowest": lowest}
    texts = {
        "by_problem": table(
            ["problem", "half", "named by trials", "search", "trial", "regret"],
            [row(problem) for some in halves.values() for problem in some],
        ),
        "known": str(len(all_halves()["held_out"])),
        **{f"{half}_problems": str(len(some)) for half, some in halves.items()},
        **{f"{half}_lower": f"{lower(some):.0f}" for half, some in halves.items()},
        **{
            f"{half}_{name}": str(over(regret(p, rule) for p in some))
            for half, some in halves.items()
            for name, rule in rules.items()
        },
        **{
            f"{half}_{name}": str(over(below_search(p, rate) for p in some))
            for half, some in all_halves().items()
            for name, rate in zip(("high", "usual", "slow"), RATES)
        },
    }
    return {f"trial_{name}": text for name, text in texts.items()}


def all_halves() -> dict[str, list[Trained]]:
    """The problems whose trainings are known, tried or not."""
    third, first = trained("matter"), trained("study")
    return {
        "development": [p for p in third if not p.plan.problem.held_out],
        "held_out": [p for p in (*third, *first) if p.plan.problem.held_out],
    }


def below_search(problem: Trained, rate: float) -> float:
    """Points that the search ends above one rate for all, a mean over surrogates and seeds."""
    each = [
        searched(problem, label).mean() - problem.test[label][problem.at([rate], [LOW])].mean()
        for label in LABELS
        if label in problem.plan.labels
    ]
    return float(np.mean(each))


def row(problem: Trained) -> list:
    """A problem: how often each rate is named, and where search and trial end."""
    record = kept(FILE)["problems"][problem.plan.problem.name]
    each = [named(ends, record["constant"]) for of in record["ends"].values() for ends in of]
    counts = ", ".join(f"{rate}: {each.count(rate)}" for rate in RATES)
    of = lambda way: float(np.mean([way(problem, n).mean() for n in tried_labels(problem)]))
    half = "held out" if problem.plan.problem.held_out else "development"
    return [problem.plan.problem.name, half, counts, of(searched), of(by_trial), regret(problem)]


def lower(problems: Sequence[Trained]) -> float:
    """Percent of trials that would name a rate below the three that are searched."""
    records = [kept(FILE)["problems"][p.plan.problem.name] for p in problems]
    each = [
        named(ends, record["constant"], TRIED) < min(RATES)
        for record in records
        for of in record["ends"].values()
        for ends in of
    ]
    return 100 * float(np.mean(each)) if each else math.nan


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

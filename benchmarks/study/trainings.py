"""What the study trains, with `compare`, and the files that keep every score.

A part of the study is a list of plans, one for each problem, as plans.toml has them, and a file of
docs/results: ``python -m benchmarks.study matter`` trains what docs/results/matter.json lacks.
"""

from __future__ import annotations

import json
import math
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby, product
from operator import itemgetter
from pathlib import Path
from typing import Any

import brainstate
import jax.numpy as jnp
import numpy as np

from braintools_qps import Comparison, QPseudoSpike, compare, normalize_surrogate
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.tasks import Task
from braintools_qps.records import CandidateResult, Trial

from .. import report
from ..adaptive import FORMS, with_learnt_width
from ..problems import PROBLEMS, PUBLISHED, Problem

RESULTS = Path(__file__).parents[2] / "docs" / "results"

BOOK = tomllib.loads(Path(__file__).with_name("plans.toml").read_text("utf-8"))
SURROGATES, HEIGHTS, RATES = BOOK["surrogates"] | FORMS, BOOK["heights"], BOOK["rates"]
LEARNT = "learnt width"  # a label
TINY = 1e-6  # a mean slope that every surrogate has to be lowered to

Setting = tuple[float, str]  # a learning rate and a height


@dataclass(frozen=True)
class Plan:
    """What is trained on a problem."""

    problem: Problem
    labels: tuple[str, ...]  # of surrogates
    settings: tuple[Setting, ...]  # in the order of the scores
    seeds: int


def plans(part: str) -> Iterator[Plan]:
    """Those of plans.toml for a part."""
    for row in (row for row in BOOK["plans"] if row["part"] == part):
        grids = (product(grid["rates"], grid["heights"]) for grid in row["grids"])
        settings, halves = tuple(chain(*grids)), row.get("held_out", [False, True])
        for problem in (*PROBLEMS, PUBLISHED):
            if problem.wave == row["wave"] and problem.held_out in halves:
                epochs = round(problem.epochs * row.get("share_of_epochs", 1))
                named = replace(problem, name=row.get("name", problem.name), epochs=epochs)
                yield Plan(named, tuple(row["labels"]), settings, row["seeds"])


FILES = ("study", "matter", "referee", "adaptive", "short")
PARTS = {part: [*plans(part)] for part in FILES}
NINE = PARTS["matter"][0].labels


def train(plan: Plan) -> dict[str, Any]:
    """Train every surrogate with every setting and seed."""
    began = time.process_time()
    task, record = task_of(plan.problem), {}
    trials: dict[str, dict[Setting, Trial]] = {label: {} for label in plan.labels}
    for height, settings in groupby(sorted(plan.settings, key=itemgetter(1)), itemgetter(1)):
        rates = [rate for rate, _ in settings]
        for labels, model in by_model(plan):
            comparison = compare(
                {label: SURROGATES[label] for label in labels},
                task=task,
                model=model,
                tune={"learning_rate": rates} | {n: (x,) for n, x in HEIGHTS[height].items()},
                seeds=plan.seeds,
                epochs=plan.problem.epochs,
                progress=False,
                **plan.problem.options,
            )
            for result in comparison.results:
                trials[result.label] |= zip(product(rates, [height]), result.tuning.trials)
                if (result.label, height) == ("alpha 8", "mean slope 0.1"):
                    record["firing rate"] = round(float(np.mean(result.scores.firing_rate)), 3)
                if plan.problem.name in BOOK["adaptive"]["latency"]:
                    measured = latency(comparison, result, task, model)
                    record.setdefault("latency", {}).setdefault(result.label, {})[height] = measured
    return record | {
        "minutes": round((time.process_time() - began) / 60, 2),
        "chance": round(100 / task.classes, 1),
        "slopes": mean_slopes(plan, task),
        "scores": {
            label: {
                kind: [thousandths(getattr(of[setting], kind)) for setting in plan.settings]
                for kind in ("validation", "test")
            }
            for label, of in trials.items()
        },
    }


def by_model(plan: Plan) -> Iterator[tuple[list[str], Callable[..., Any]]]:
    """The labels that share a model: widths that are learnt are parameters of the network."""
    learnt = [label for label in plan.labels if label == LEARNT]
    yield [label for label in plan.labels if label != LEARNT], plan.problem.model
    if learnt:
        yield learnt, partial(with_learnt_width, plan.problem.model)


def latency(
    comparison: Comparison, result: CandidateResult, task: Task, model: Callable[..., Any]
) -> dict[str, list[int | None]]:
    """Of the setting that each seed chose: accuracy from a quarter of the steps, and firing."""
    early = []
    for seed in result.seeds:
        network, rows = Factory(model)(task, QPseudoSpike()), task.split(seed).test
        brainstate.nn.init_all_states(network, len(rows))
        weights = comparison.weights(result.label, seed)
        for path, state in brainstate.graph.states(network).items():
            state.value = weights.get(".".join(map(str, path)), state.value)
        inputs = task.to_model(jnp.asarray(task.samples.inputs[rows].swapaxes(0, 1)))
        outputs = brainstate.transform.for_loop(network.update, inputs[: task.steps // 4])
        early.append(float((outputs.mean(0).argmax(-1) == task.samples.labels[rows]).mean()))
    return {"quarter": thousandths(early), "firing": thousandths(result.scores.firing_rate)}


def task_of(problem: Problem) -> Task:
    """The data of a problem, over their root mean square, as the study has always trained on it."""
    return problem.task()


def mean_slopes(plan: Plan, task: Task) -> dict[str, float]:
    """The mean slope of each surrogate before training, in the population where it is largest."""
    brainstate.random.seed(0)
    network, slopes = Factory(plan.problem.model)(task), {}
    for label in plan.labels:
        lowered = normalize_surrogate(
            network, task.batch(32).inputs, surrogate=SURROGATES[label], mean_slope=TINY
        )
        slopes[label] = round(TINY / min(each.dampening for each in lowered.values()), 4)
    return slopes


def thousandths(scores: Any) -> list[int | None]:
    return [None if math.isnan(score) else round(1000 * score) for score in scores]


def kept(part: str) -> dict[str, Any]:
    """The file of a part."""
    path = RESULTS / f"{part}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(part: str, key: str, name: str, result: Any) -> None:
    """Put a result into the file of a part, one line each."""
    record = kept(part) | {"environment": report.environment()}
    record.setdefault(key, {})[name] = result
    plain = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    lines = lambda of: ",\n".join(f"{plain(name)}: {plain(value)}" for name, value in of.items())
    text = ",\n".join(f'"{key}": {{\n{lines(of)}\n}}' for key, of in record.items())
    (RESULTS / f"{part}.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")

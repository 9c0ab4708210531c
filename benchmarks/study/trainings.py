"""What the study trains, with `compare`, and the files that keep every score.

A part of the study is a list of plans, one for each problem, and a file of docs/results:
``python -m benchmarks.study matter`` trains what docs/results/matter.json lacks.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby, product
from operator import itemgetter
from pathlib import Path
from typing import Any

import brainstate
import numpy as np

from braintools_qps import QPseudoSpike, compare, normalize_surrogate
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.tasks import Task
from braintools_qps.records import Trial

from .. import report
from ..problems import PROBLEMS, PUBLISHED, Problem

RESULTS = Path(__file__).parents[2] / "docs" / "results"

ALPHAS = {"alpha 1/2": 0.5, "alpha 1": 1.0, "alpha 2": 2.0, "alpha 8": 8.0, "alpha ∞": math.inf}
NINE = ("ReluGrad", "Sigmoid", "S2NN", "Arctan", *ALPHAS)
PUBLISHED_SURROGATES = {
    "arctan 2": "snntorch.atan(alpha=2)",
    "fast sigmoid 25": "snntorch.fast_sigmoid(slope=25)",
    "straight-through": "snntorch.straight_through_estimator()",
    "triangular": "snntorch.triangular()",
    "sigmoid 25": "snntorch.sigmoid(slope=25)",
}
# Those of two reports on CIFAR-10: 1 / (1 + 10|x|)², 4 s(4x) (1 - s(4x)) and 1 - |x|.
REPORTED_SURROGATES = {
    "SuperSpike 10": "norse.superspike(alpha=10)",
    "sigmoid 4": "Sigmoid(alpha=4.0)",
    "piecewise linear 1": "ReluGrad(alpha=1.0, width=1.0)",
}
SURROGATES = {
    **{name: name for name in NINE[:4]},
    **{name: QPseudoSpike(alpha=alpha) for name, alpha in ALPHAS.items()},
    **PUBLISHED_SURROGATES,
    **REPORTED_SURROGATES,
}
# A dampening, or the mean slope to which a surrogate is lowered.
HEIGHTS = {
    "1": {"dampening": 1.0},
    "1/2": {"dampening": 1 / 2},
    "1/4": {"dampening": 1 / 4},
    "1/8": {"dampening": 1 / 8},
    "mean slope 0.1": {"mean_slope": 0.1},
    "mean slope 0.05": {"mean_slope": 0.05},
    "mean slope 0.025": {"mean_slope": 0.025},
}
RATES = (0.1, 0.03, 0.01)  # those of `compare`
TINY = 1e-6  # a mean slope that every surrogate has to be lowered to

Setting = tuple[float, str]  # a learning rate and a height


@dataclass(frozen=True)
class Plan:
    """What is trained on a problem."""

    problem: Problem
    labels: tuple[str, ...]  # of surrogates
    settings: tuple[Setting, ...]  # in the order of the scores
    seeds: int


def _start(problem: Problem) -> Plan:
    """Where to start: four dampenings and a lowered surrogate, at rates up to 0.3."""
    first = problem.wave == 1
    heights = list(HEIGHTS)[: 6 if first else 5]
    labels = ("alpha 1/2", "alpha 2", "alpha 8", "alpha ∞", *("Sigmoid", "S2NN") * first)
    return Plan(problem, labels, tuple(product((*RATES, 0.3), heights)), 3)


def _matter(problem: Problem) -> Plan:
    """Does the surrogate matter: nine of them, as they come and lowered."""
    settings = *_at("1", RATES), *_at("mean slope 0.1", RATES), *_at("mean slope 0.025", RATES[:2])
    return Plan(problem, NINE, settings, 8 if problem.held_out else 3)


def _referee(problem: Problem, surrogates: Iterable[str], *lower: float) -> Plan:
    """A published ranking, as it comes and lowered, at the published rate and others."""
    rates = (*lower, 0.001, 0.003, 0.01)
    settings = *_at("1", rates), *_at("mean slope 0.1", rates)
    return Plan(problem, tuple(surrogates), settings, 3)


def _at(height: str, rates: tuple[float, ...]) -> list[Setting]:
    return [(rate, height) for rate in rates]


PARTS = {  # by the name of their file
    "study": [_start(p) for p in PROBLEMS if p.wave < 3],
    "matter": [_matter(p) for p in PROBLEMS if p.wave == 3 or (p.wave == 1 and not p.held_out)],
    "referee": [
        _referee(PUBLISHED, PUBLISHED_SURROGATES),
        # Piecewise linear is best at the lowest of the three rates, so lower ones were added.
        _referee(replace(PUBLISHED, name="MNIST, two reports"), REPORTED_SURROGATES, 1e-4, 3e-4),
    ],
}


def train(plan: Plan) -> dict[str, Any]:
    """Train every surrogate with every setting and seed."""
    began = time.process_time()
    task, record = task_of(plan.problem), {}
    trials: dict[str, dict[Setting, Trial]] = {label: {} for label in plan.labels}
    for height, settings in groupby(sorted(plan.settings, key=itemgetter(1)), itemgetter(1)):
        rates = [rate for rate, _ in settings]
        comparison = compare(
            {label: SURROGATES[label] for label in plan.labels},
            task=task,
            model=plan.problem.model,
            tune={"learning_rate": rates} | {n: (x,) for n, x in HEIGHTS[height].items()},
            seeds=plan.seeds,
            epochs=plan.problem.epochs,
            progress=False,
            **plan.problem.options,
        )
        for result in comparison.results:
            trials[result.label] |= zip(_at(height, rates), result.tuning.trials)
            if (result.label, height) == ("alpha 8", "mean slope 0.1"):
                record["firing rate"] = round(float(np.mean(result.scores.firing_rate)), 3)
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

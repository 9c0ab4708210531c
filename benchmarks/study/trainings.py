"""Train every candidate on every problem with `compare`, and keep a summary of it.

`compare` leaves its own files under ``benchmarks/study/out``, from which an interrupted training
goes on. What the pages need of them, every score of every setting and seed, goes into
``docs/results/study.json``.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import brainstate
import numpy as np

from braintools_qps import QPseudoSpike, compare, load_task, normalize_surrogate
from braintools_qps._comparison.factory import parameters_of
from braintools_qps.records import CandidateResult, Comparison

from .. import report
from ..problems import PROBLEMS, Problem

RAW = Path(__file__).parent / "out"
SUMMARY = Path(__file__).parents[2] / "docs" / "results" / "study.json"

CANDIDATES = {
    "alpha 1/2": QPseudoSpike(alpha=0.5),
    "alpha 2": QPseudoSpike(alpha=2.0),
    "alpha 8": QPseudoSpike(alpha=8.0),
    "alpha ∞": QPseudoSpike(alpha=math.inf),
    "Sigmoid": "Sigmoid",
    "S2NN": "S2NN",
}
RATES = (0.1, 0.03, 0.01, 0.3)
DAMPENINGS = (1.0, 1 / 2, 1 / 4, 1 / 8)
SLOPES = (0.1, 0.05)  # what the mean slope is brought down to
TINY = 1e-6  # a mean slope that every surrogate has to be lowered to
SEEDS = 3
SHORT = 0.1  # of the epochs, for the short round of the search of old
UPDATES = 50  # of a short round that is sized by them
BATCH = 32

DEVELOPMENT = tuple(p.name for p in PROBLEMS if not p.held_out)
LONGER_CANDIDATES = ("alpha 1/2", "alpha 2", "alpha ∞")
EQUAL = ("digits-rows, recurrent", "GunPoint, recurrent with synapses")  # one candidate, many seeds
EQUAL_CANDIDATE, EQUAL_SEEDS = "alpha 2", 50

GRID = {"learning_rate": RATES, "dampening": DAMPENINGS}
LOW = {"learning_rate": RATES, "mean_slope": SLOPES[:1]}
LOWER = {"learning_rate": RATES, "mean_slope": SLOPES[1:]}
DEFAULT = {"learning_rate": (0.1, 0.03, 0.01), "mean_slope": SLOPES[:1]}  # of `compare`


def candidates_of(problem: Problem) -> dict[str, Any]:
    """All of them, or the q-PseudoSpikes alone in the second wave."""
    return CANDIDATES if problem.wave == 1 else dict(tuple(CANDIDATES.items())[:4])


def task_of(problem: Problem) -> Any:
    """The data of a problem, over its root mean square, as the study has always trained on it."""
    return load_task(problem.data(), scale="rms")


def train(problem: Problem) -> dict[str, Any]:
    """The candidates of a problem: the full grid, normalised heights, and the grid for a while."""
    short = max(2, round(SHORT * problem.epochs))
    began = time.process_time()
    grid = _compared(problem, "grid", GRID)
    lowered = [_compared(problem, "low", LOW)]
    brief = None
    if problem.wave == 1:
        lowered.append(_compared(problem, "lower", LOWER))
        brief = _compared(problem, "short", GRID, epochs=short)
    return {
        "wave": problem.wave,
        "held_out": problem.held_out,
        "epochs": problem.epochs,
        "chance": round(100 / grid.task["classes"], 1),
        "minutes": round((time.process_time() - began) / 60, 2),
        "slope": slopes_before(problem),
        "candidates": {
            label: _scores(grid, label)
            | {
                "lowered": [_scores(one, label) for one in lowered],
                "factors": [_factor(one, label) for one in lowered],
            }
            | ({"finalists": _finalists(brief, label)} if brief else {})
            for label in candidates_of(problem)
        },
    }


def train_longer(problem: Problem) -> dict[str, Any]:
    """Some candidates for twice the epochs: does it change a conclusion?"""
    chosen = {name: CANDIDATES[name] for name in LONGER_CANDIDATES}
    epochs = 2 * problem.epochs
    grid = _compared(problem, "longer", GRID, candidates=chosen, epochs=epochs)
    low = _compared(problem, "longer-low", LOW, candidates=chosen, epochs=epochs)
    return {label: _scores(grid, label) | {"lowered": [_scores(low, label)]} for label in chosen}


def train_updates(problem: Problem) -> dict[str, Any]:
    """The search of old with short rounds of a number of updates, not of a share of the epochs."""
    batches = len(task_of(problem).split(0).train) // BATCH
    epochs = min(problem.epochs, math.ceil(UPDATES / batches))
    brief = _compared(problem, "updates", GRID, epochs=epochs)
    finalists = {label: _finalists(brief, label) for label in candidates_of(problem)}
    return {"epochs": epochs, "finalists": finalists}


def train_equal(problem: Problem) -> dict[str, Any]:
    """One candidate, tuned by each of many seeds for itself."""
    one = {EQUAL_CANDIDATE: CANDIDATES[EQUAL_CANDIDATE]}
    found = _compared(problem, "equal", DEFAULT, candidates=one, seeds=EQUAL_SEEDS)
    return _scores(found, EQUAL_CANDIDATE)


def slopes_before(problem: Problem) -> dict[str, float]:
    """The mean slope of each candidate before training, in the population where it is largest."""
    task = task_of(problem)
    given = {"features": task.features, "outputs": task.outputs, "steps": task.steps}
    inputs = task.batch(32).inputs
    brainstate.random.seed(0)
    taken = given.keys() & {one.name for one in parameters_of(problem.model)}
    network = problem.model(**{name: given[name] for name in taken})
    found = {}
    for label, candidate in candidates_of(problem).items():
        lowered = normalize_surrogate(network, inputs, surrogate=candidate, mean_slope=TINY)
        found[label] = round(TINY / min(one.dampening for one in lowered.values()), 4)
    return found


def _compared(
    problem: Problem,
    part: str,
    tune: Mapping[str, Sequence[float]],
    *,
    candidates: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    seeds: int = SEEDS,
) -> Comparison:
    return compare(
        candidates or candidates_of(problem),
        task=task_of(problem),
        model=problem.model,
        tune=tune,
        seeds=seeds,
        epochs=epochs or problem.epochs,
        out=RAW / problem.name.replace(" ", "-").replace(",", "") / part,
        progress=False,
    )


def _result(comparison: Comparison, label: str) -> CandidateResult:
    (found,) = [one for one in comparison.results if one.label == label]
    if found.error:
        raise RuntimeError(f"{label}: {found.error}")
    return found


def _scores(comparison: Comparison, label: str) -> dict[str, list[int | None]]:
    """Thousandths by setting and seed, in the order in which they are tried."""
    trials = _result(comparison, label).tuning.trials
    return {
        part: [None if math.isnan(x) else round(1000 * x) for x in chain.from_iterable(scores)]
        for part, scores in (
            ("validation", [trial.validation for trial in trials]),
            ("test", [trial.test for trial in trials]),
        )
    }


def _finalists(comparison: Comparison, label: str) -> list[list[int]]:
    """For each seed the two settings that a short round of the whole grid lets go on."""
    losses = np.array([trial.loss for trial in _result(comparison, label).tuning.trials])
    return [finalists(np.nan_to_num(of_seed, nan=np.inf)) for of_seed in losses.T]


def finalists(losses: np.ndarray) -> list[int]:
    """The dampening with the lowest losses at all rates goes on, at its two best rates."""
    losses = losses.reshape(len(RATES), len(DAMPENINGS))
    points = (losses[:, :, None] < losses[:, None, :]).sum(axis=(0, 2))
    heights = np.tile(np.arange(len(DAMPENINGS)), len(RATES))
    order = np.lexsort((losses.ravel(), heights, -np.tile(points, len(RATES))))
    return sorted(order[:2].tolist())


def _factor(comparison: Comparison, label: str) -> float:
    """What the candidate's dampening was multiplied by to come down to the mean slope."""
    return _result(comparison, label).tuning.trials[0].setting["dampening"]


def kept(path: Path = SUMMARY) -> dict[str, Any]:
    """The whole summary."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(key: str, name: str, found: Mapping[str, Any], path: Path = SUMMARY) -> None:
    """Put a result into the summary; what was only read again keeps the time that it took."""
    record = kept(path)
    record["environment"] = report.environment()
    before = record.setdefault(key, {}).get(name, {})
    took = [one["minutes"] for one in (before, found) if "minutes" in one]
    record[key][name] = dict(found) | ({"minutes": max(took)} if took else {})
    text = ",\n".join(
        f'"{key}": {json.dumps(part, separators=(",", ":"), ensure_ascii=False)}'
        for key, part in record.items()
    )
    path.write_text("{\n" + text + "\n}\n", encoding="utf-8")


def problem_of(name: str) -> Problem:
    """The problem with that name."""
    return next(one for one in PROBLEMS if one.name == name)

"""Does the surrogate matter? Nine of them, as they come and lowered, at three learning rates.

The third part of the study, planned in `docs/results/protocol.md`. Every score goes into
``docs/results/matter.json``. Run ``python -m benchmarks.study.matter development``, and once
``held-out``.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from braintools_qps import QPseudoSpike, compare

from .. import report
from ..problems import PROBLEMS, Problem
from .trainings import task_of

SCORES = Path(__file__).parents[2] / "docs" / "results" / "matter.json"

SURROGATES = {
    "ReluGrad": "ReluGrad",
    "Sigmoid": "Sigmoid",
    "S2NN": "S2NN",
    "Arctan": "Arctan",
    **{f"alpha {name}": QPseudoSpike(alpha=alpha) for name, alpha in (
        ("1/2", 0.5), ("1", 1.0), ("2", 2.0), ("8", 8.0), ("∞", math.inf))},
}  # fmt: skip
RATES = (0.1, 0.03, 0.01)
# How high: as the surrogate comes, or lowered until no population has a larger mean slope
HEIGHTS = {"as it comes": {"dampening": (1.0,)}} | {
    f"at {slope}": {"mean_slope": (slope,)} for slope in (0.1, 0.025)
}
SEEDS = {False: 3, True: 8}  # by whether the problem is held out
THIRD = [p for p in PROBLEMS if p.wave == 3 or (p.wave == 1 and not p.held_out)]


def train(problem: Problem) -> dict[str, Any]:
    """Scores in thousandths by surrogate, setting and seed."""
    began = time.process_time()
    parts = [
        compare(
            SURROGATES,
            task=task_of(problem),
            model=problem.model,
            tune={"learning_rate": RATES[: 2 if height == HEIGHTS["at 0.025"] else 3]} | height,
            seeds=SEEDS[problem.held_out],
            epochs=problem.epochs,
            progress=False,
            **problem.objective,
        )
        for height in HEIGHTS.values()
    ]
    scores: dict[str, Any] = {}
    for label in SURROGATES:
        trials = [t for part in parts for r in part.results if r.label == label
                  for t in r.tuning.trials]  # fmt: skip
        scores[label] = {
            "validation": [thousandths(trial.validation) for trial in trials],
            "test": [thousandths(trial.test) for trial in trials],
        }
    firing = [r.scores.firing_rate for r in parts[1].results if r.label == "alpha 8"]
    return {
        "held_out": problem.held_out,
        "minutes": round((time.process_time() - began) / 60, 2),
        "chance": round(100 / parts[0].task["classes"], 1),
        "firing rate": round(float(np.mean(firing)), 3),
        "scores": scores,
    }


def thousandths(scores: Any) -> list[int | None]:
    return [None if math.isnan(score) else round(1000 * score) for score in scores]


def main(half: str) -> None:
    """Train what is not there yet of a half: ``development`` or ``held-out``."""
    record = json.loads(SCORES.read_text()) if SCORES.exists() else {"problems": {}}
    for problem in THIRD:
        if problem.held_out == (half == "held-out") and problem.name not in record["problems"]:
            record["problems"][problem.name] = train(problem)
            record["environment"] = report.environment()
            SCORES.write_text(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            print(problem.name, record["problems"][problem.name]["minutes"], flush=True)


if __name__ == "__main__":
    import sys

    main(sys.argv[1])

"""What `prepare`, and nothing else, makes of the networks of the casebook.

Each network is built, given to `prepare` with 64 samples, and trained as it always is. The file
docs/results/prepare.json has a list of runs for each network, one per seed. A network that comes
back unchanged keeps the accuracy of the casebook.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import brainstate
import numpy as np

from braintools_qps import prepare

from .cases import Case
from .data import inputs
from .evaluate import SIZE
from .train import accuracies, built

FILE = Path(__file__).parents[2] / "docs" / "results" / "prepare.json"
NEAR = 3.0  # points below the twin that count as cured

Run = Mapping[str, Any]


def run(case: Case, seed: int, scores: Sequence[float]) -> Run:
    """One network after `prepare`: what was done, and the accuracy, or the error."""
    model, shown = built(case.design, seed), inputs(case.design)
    try:
        with brainstate.environ.context(fit=True):
            done = prepare(model, shown[:, :SIZE])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    lines = list(done.lines)
    accuracy = accuracies(case.design, [model])[0] if lines else scores[seed]
    return {
        "before": done.before.cause,
        "after": done.after.cause,
        "lines": lines,
        "accuracy": accuracy,
    }


def update(cases: Sequence[Case], book: Mapping[str, Any], seeds: int) -> None:
    """Run what the file lacks, and write after each run."""
    for case in cases:
        for seed in range(len(read().get(case.name, ())), seeds):
            new = run(case, seed, book[case.name]["scores"])
            runs = read()
            runs.setdefault(case.name, []).append(new)
            FILE.write_text(json.dumps(runs, indent=1) + "\n")
            print(case.name, seed, new, "twin", book[case.name].get("twin"), flush=True)


def read() -> dict[str, list[Run]]:
    """The runs of each network, one per seed."""
    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def outcome(runs: Sequence[Run], row: Mapping[str, Any]) -> str:
    """What became of a network, of which the casebook has a row."""
    if any("error" in each for each in runs):
        return "error"
    if not any(each["lines"] for each in runs):
        return "unchanged"
    if "twin" not in row:
        return "changed"
    return "cured" if mean(runs) >= np.mean(row["twin"]) - NEAR else "not cured"


def mean(runs: Sequence[Run]) -> float:
    return float(np.mean([each["accuracy"] for each in runs]))

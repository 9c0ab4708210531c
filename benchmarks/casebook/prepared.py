"""What `prepare`, and nothing else, makes of the networks of the casebook.

Each network is built, given to `prepare` with 64 samples, and trained as it always is. The file
docs/results/prepare.json has a list of runs for each network, one per seed. A network that comes
back unchanged keeps the accuracy of the casebook. A failure that is not cured is also trained with
a higher learning rate.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import brainstate
import numpy as np

from braintools_qps import prepare
from braintools_qps.records import Preparation

from .cases import Case
from .data import inputs
from .evaluate import SIZE
from .train import accuracies, built

FILE = Path(__file__).parents[2] / "docs" / "results" / "prepare.json"
NEAR = 3.0  # points below the twin that count as cured
FASTER = 10  # times the learning rate

Run = dict[str, Any]


def update(cases: Sequence[Case], book: Mapping[str, Any], seeds: int) -> None:
    """Run what the file lacks, and write after each run."""
    for case in cases:
        row = book[case.name]
        for seed in range(len(read().get(case.name, ())), seeds):
            keep(case.name, seed, run(case, seed, row["scores"]))
        first = read()[case.name][0]
        if outcome(read()[case.name], row) == "not cured" and "faster" not in first:
            model, _ = made(case, 0)
            faster = dataclasses.replace(case.design, rate=FASTER * case.design.rate)
            keep(case.name, 0, first | {"faster": accuracies(faster, [model])[0]})


def run(case: Case, seed: int, scores: Sequence[float]) -> Run:
    """One network after `prepare`: what was done, and the accuracy, or the error."""
    try:
        model, done = made(case, seed)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    accuracy = accuracies(case.design, [model])[0] if done.lines else scores[seed]
    cause = {"before": done.before.cause, "after": done.after.cause}
    return cause | {"lines": list(done.lines), "accuracy": accuracy}


def made(case: Case, seed: int) -> tuple[Any, Preparation]:
    """A network after `prepare`."""
    model, shown = built(case.design, seed), inputs(case.design, slice(SIZE))
    with brainstate.environ.context(fit=True):
        return model, prepare(model, shown)


def keep(name: str, seed: int, new: Run) -> None:
    runs = read()
    runs.setdefault(name, [])[seed : seed + 1] = [new]
    part = FILE.with_suffix(".part")
    part.write_text(json.dumps(runs, indent=1) + "\n")
    part.replace(FILE)  # at once: another process may read it
    print(name, seed, new, flush=True)


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
    accuracy = np.mean([each["accuracy"] for each in runs])
    return "cured" if accuracy >= np.mean(row["twin"]) - NEAR else "not cured"

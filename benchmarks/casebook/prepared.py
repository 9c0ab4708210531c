"""What `prepare`, and nothing else, makes of the networks of the casebook.

Each network is built, given to `prepare` with 64 samples, and trained with the learning rate that
`prepare` names, or with its own where it names none. The network without the mistake is trained
with the same one. The file docs/results/prepare.json has a list of runs for each network, one per
seed. A network that comes back unchanged keeps the accuracy of the casebook.
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
from .every import EVERY
from .networks import Design
from .train import accuracies, built

FILE = Path(__file__).parents[2] / "docs" / "results" / "prepare.json"
NEAR = 3.0  # points below the twin that count as cured

Run = dict[str, Any]


def update(cases: Sequence[Case], book: Mapping[str, Any], seeds: int) -> None:
    """Run what the file lacks, and write after each run."""
    for case in cases:
        for seed in range(len(read().get(case.name, ())), seeds):
            keep(case.name, run(case, seed, float(np.mean(book[case.name]["scores"]))))


def run(case: Case, seed: int, untouched: float) -> Run:
    """One network after `prepare`: what was done, and the accuracy, or the error."""
    try:
        model, done = made(case, seed)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    row = {"before": done.before.cause, "after": done.after.cause, "lines": list(done.lines)}
    if not done.lines:
        return row | {"accuracy": untouched}
    rate = done.learning_rate or case.design.rate
    (accuracy,) = accuracies(dataclasses.replace(case.design, rate=rate), [model])
    row |= {"rate": rate, "accuracy": accuracy}
    return row | ({"twin": healthy(case.twin, rate, seed)} if case.mistake else {})


def made(case: Case, seed: int) -> tuple[Any, Preparation]:
    """A network after `prepare`."""
    model, shown = built(case.design, seed), inputs(case.design, slice(SIZE))
    with brainstate.environ.context(fit=True):
        return model, prepare(model, shown)


def healthy(twin: Design, rate: float, seed: int) -> float:
    """The accuracy of a network without the mistake, with this learning rate."""
    for name, runs in read().items():
        if EVERY[name].twin == twin and seed < len(runs) and runs[seed].get("rate") == rate:
            return runs[seed]["twin"]
    design = dataclasses.replace(twin, rate=rate)
    return accuracies(design, [built(design, seed)])[0]


def keep(name: str, new: Run) -> None:
    runs = read()
    runs.setdefault(name, []).append(new)
    part = FILE.with_suffix(".part")
    part.write_text(json.dumps(runs, indent=1) + "\n")
    part.replace(FILE)  # at once: another process may read it
    print(name, new, flush=True)


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
    accuracy, twin = ended(runs, row)
    return "cured" if accuracy >= twin - NEAR else "not cured"


def ended(runs: Sequence[Run], row: Mapping[str, Any]) -> tuple[float, float]:
    """Mean accuracies of a network and of the one without the mistake.

    The latter counts at the better of the two learning rates: its own, and that of `prepare`.
    """
    usual = float(np.mean(row["twin"]))
    twin = np.mean([each.get("twin", usual) for each in runs])  # a seed may come back unchanged
    return float(np.mean([each["accuracy"] for each in runs])), max(usual, float(twin))

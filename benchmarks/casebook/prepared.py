"""What `prepare` makes of the networks of the casebook, and at what learning rate.

Each network is built three times and given to `prepare` with 64 samples; where the diagnosis
changes the inputs, they are changed first, by its line. If anything was changed, or to judge the
learning rate, it is then trained with the one that `prepare` names, and the network as it was at
each of four rates. The file prepare.json, beside the results of the casebook, has both: a list of
runs, one per seed, and the accuracies by rate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import brainstate
import numpy as np

from braintools_qps import prepare

from ..report import RESULTS
from .cases import Case
from .codes import inputs
from .evaluate import SIZE, Verdict, goal
from .train import accuracies, built

FILE = RESULTS / "casebook" / "prepare.json"
NEAR = 3.0  # points below the twin that count as cured, and from which on a network is worse
RATES = (0.03, 0.01, 0.003, 0.001)
SEEDS = 3

Row = Mapping[str, Any]


def update(cases: Sequence[Case], book: Mapping[str, Row], anew: bool, rates: bool) -> None:
    """Run what the file lacks, and write after each network."""
    for case in cases:
        known = read().get(case.name)
        if anew or known is None or (rates and not known["as_it_was"]):
            keep(case.name, run(case, Verdict(*book[case.name]["said"]), rates))


def run(case: Case, said: Verdict, rates: bool) -> dict[str, Any]:
    """One network after `prepare`; trained if that changed anything, or to judge its rate."""
    design, typed = case.design, [said.code] if "inputs = " in said.code else []
    models, scope = [built(design, seed) for seed in range(SEEDS)], {"inputs": inputs(design)}
    for line in typed:
        exec(line, scope)
    runs = [made(case, model, scope["inputs"], typed) for model in models]
    if not rates and not any(row.get("lines") or "error" in row for row in runs):
        return {"runs": runs, "as_it_was": {}}
    own = [built(design, seed) for _ in RATES for seed in range(SEEDS)]
    untouched = accuracies(design, own, rates=np.repeat(RATES, SEEDS))
    as_it_was = {str(rate): untouched[SEEDS * i :][:SEEDS] for i, rate in enumerate(RATES)}
    for seed, (model, row) in enumerate(zip(models, runs)):
        if "error" in row:
            continue
        known = [] if row["lines"] else as_it_was.get(str(row["rate"]))
        row["accuracy"] = (
            known[seed]
            if known
            else accuracies(design, [model], [scope["inputs"]], [row["rate"]])[0]
        )
    return {"runs": runs, "as_it_was": as_it_was}


def made(case: Case, model: Any, shown: Any, typed: Sequence[str]) -> dict[str, Any]:
    """What `prepare` says of a model, which it changes."""
    try:
        with brainstate.environ.context(fit=True):
            done = prepare(model, shown[:, :SIZE], **goal(case, False))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    causes = {"before": done.before.cause, "after": done.after.cause}
    return causes | {"lines": [*typed, *done.lines], "rate": done.learning_rate}


def keep(name: str, row: Row) -> None:
    rows = read() | {name: row}
    part = FILE.with_suffix(".part")
    part.write_text(json.dumps(rows, indent=1) + "\n")
    part.replace(FILE)  # at once: another process may read it
    print(name, row, flush=True)


def read() -> dict[str, Any]:
    """The rows of the networks that were run."""
    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def best(row: Row) -> float:
    """The mean accuracy of the network as it was, at the best of its learning rates."""
    return max(float(np.mean(scores)) for scores in row["as_it_was"].values())


def ended(row: Row) -> float:
    """The mean accuracy after `prepare`; after an error, that of the network as it was."""
    return float(np.mean([each.get("accuracy", best(row)) for each in row["runs"]]))


def outcome(row: Row, twin: float | None) -> str:
    """What became of a network, of which the twin without the mistake reached an accuracy."""
    if not any(each.get("lines") for each in row["runs"]):
        return "error" if any("error" in each for each in row["runs"]) else "unchanged"
    if ended(row) < best(row) - NEAR:
        return "worse"
    if twin is not None and best(row) >= twin - NEAR:
        return "harmless"
    if twin is not None and ended(row) >= twin - NEAR:
        return "cured"
    return "better" if ended(row) > best(row) + NEAR else "as good"

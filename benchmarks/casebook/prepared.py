"""What `prepare` makes of the networks of the casebook, and at what learning rate.

Each network is built three times and given to `prepare` with 64 samples; where the diagnosis
changes the inputs, they are changed first, by its line. It is then trained with the learning rate
that `prepare` names. The network as it was is trained at each of four rates. The file
docs/results/prepare.json has both: a list of runs, one per seed, and the accuracies by rate.
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
from .evaluate import SIZE, Verdict, goal
from .train import accuracies, built

FILE = Path(__file__).parents[2] / "docs" / "results" / "prepare.json"
NEAR = 3.0  # points below the twin that count as cured, and from which on a network is worse
RATES = (0.03, 0.01, 0.003, 0.001)
SEEDS = 3

Row = Mapping[str, Any]


def update(cases: Sequence[Case], book: Mapping[str, Row], anew: bool) -> None:
    """Run what the file lacks, and write after each network."""
    for case in cases:
        if anew or case.name not in read():
            keep(case.name, run(case, Verdict(*book[case.name]["said"][str(SIZE)])))


def run(case: Case, said: Verdict) -> dict[str, Any]:
    """One network, as it was and after `prepare`."""
    design = case.design
    shown, typed = inputs(design), [said.code] if "inputs = " in said.code else []
    own = [built(design, seed) for _ in RATES for seed in range(SEEDS)]
    untouched = accuracies(design, own, rates=np.repeat(RATES, SEEDS))
    as_it_was = {rate: untouched[SEEDS * i :][:SEEDS] for i, rate in enumerate(RATES)}
    runs = []
    for seed in range(SEEDS):
        model, scope = built(design, seed), {"inputs": shown}
        for line in typed:
            exec(line, scope)
        row, changed = made(case, model, scope["inputs"], typed)
        if "error" not in row:
            known = not changed and as_it_was.get(row["rate"])
            row["accuracy"] = (
                known[seed]
                if known
                else accuracies(design, [model], [scope["inputs"]], [row["rate"]])[0]
            )
        runs.append(row)
    return {"runs": runs, "as_it_was": {str(rate): scores for rate, scores in as_it_was.items()}}


def made(case: Case, model: Any, shown: Any, typed: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """What `prepare` says of a model, which it changes; and whether anything was changed."""
    try:
        with brainstate.environ.context(fit=True):
            done = prepare(model, shown[:, :SIZE], **goal(case, SIZE, False))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}, False
    causes = {"before": done.before.cause, "after": done.after.cause}
    lines = [*typed, *done.lines]
    return causes | {"lines": lines, "rate": done.learning_rate}, bool(lines)


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
    if all("error" in each for each in row["runs"]):
        return "error"
    if not any(each.get("lines") for each in row["runs"]):
        return "unchanged"
    if ended(row) < best(row) - NEAR:
        return "worse"
    if twin is not None and best(row) >= twin - NEAR:
        return "harmless"
    if twin is not None and ended(row) >= twin - NEAR:
        return "cured"
    return "better" if ended(row) > best(row) + NEAR else "as good"

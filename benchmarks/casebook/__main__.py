"""``python -m benchmarks.casebook``: train the networks of the casebook, and evaluate on them.

``train`` trains each network and its healthy twin, ``evaluate`` runs gradient_flow on them,
``report`` prints the counts. All read and write docs/results/casebook.json. ``prepare`` trains
what `prepare` changes, after that and as it was, and writes docs/results/prepare.json. What the
files have is kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import brainstate
import brainunit as u

from . import prepared
from .cases import CASES, SETS, Case
from .evaluate import SIZES, confusion, counts, evaluated, judged, with_labels
from .networks.design import Design
from .prepared import SEEDS
from .train import accuracies, built

FILE = Path(__file__).parents[2] / "docs" / "results" / "casebook.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.casebook", description=__doc__)
    parser.add_argument("action", choices=("train", "evaluate", "report", "prepare"))
    parser.add_argument("names", nargs="*", help="networks, by default all of the set")
    parser.add_argument("--set", choices=SETS, help="by default all")
    parser.add_argument("--sizes", type=int, nargs="+", choices=SIZES, default=SIZES)
    parser.add_argument("--labels", action="store_true", help="with those of the task")
    parser.add_argument("--anew", action="store_true", help="run again what the files have")
    parser.add_argument("--rates", action="store_true", help="train what prepare leaves, too")
    options = parser.parse_args()
    brainstate.environ.set(dt=1 * u.ms)
    sets = (options.set,) if options.set else SETS
    chosen = [CASES[name] for name in options.names or CASES if CASES[name].set in sets]
    kept = json.loads(FILE.read_text("utf-8"))["networks"] if FILE.exists() else {}
    lacks = lambda case, key: options.anew or key not in kept.get(case.name, ())
    if options.action == "prepare":
        prepared.update(chosen, kept, options.anew, options.rates)
    elif options.action == "train":
        scores = cache(trained)
        update([c for c in chosen if lacks(c, "scores")], lambda c: told(c) | weights(c, scores))
    elif options.action == "evaluate" and options.labels:
        update([c for c in chosen if lacks(c, "labelled")], with_labels)
    elif options.action == "evaluate":
        update([c for c in chosen if lacks(c, "said")], lambda c: evaluated(c, options.sizes))
    report(chosen)


def trained(design: Design) -> list[float]:
    return accuracies(design, [built(design, seed) for seed in range(SEEDS)])


def weights(case: Case, scores: Callable[[Design], list[float]]) -> dict[str, Any]:
    """Accuracies of a network and its twin."""
    both = {"scores": scores(case.design)}
    return both | ({"twin": scores(case.twin)} if case.mistake else {})


def told(case: Case) -> dict[str, Any]:
    """What is known of a network without running it."""
    keys = ("set", "cause", "population", "seen", "thread", "user")
    return {key: getattr(case, key) for key in keys}


def update(chosen: list[Case], row: Callable[[Case], dict[str, Any]]) -> None:
    """Renew the rows of the chosen networks, one after the other."""
    for case in chosen:
        new = row(case)
        book = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
        rows = book.setdefault("networks", {})
        rows[case.name] = rows.get(case.name, {}) | new
        book["networks"] = rows = {name: rows[name] for name in CASES if name in rows}
        book |= summary(rows)
        FILE.write_text(json.dumps(book, indent=1) + "\n")
        print(case.name, new, flush=True)


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """The counts of each set that was evaluated, which the guide shows."""
    part = lambda p: {name: row for name, row in rows.items() if row["set"] == p}
    run = {row["set"] for row in rows.values() if "said" in row}
    return {"counts": {p: counts(part(p)) for p in SETS if p in run}}


def report(chosen: list[Case]) -> None:
    """Counts and confusions per set, then the networks that were judged wrongly."""
    rows = json.loads(FILE.read_text("utf-8"))["networks"]
    for part in SETS:
        cases = [c for c in chosen if c.set == part and "said" in rows.get(c.name, ())]
        if not cases:
            continue
        print(f"\n{part}: {len(cases)} networks")
        mine = {case.name: rows[case.name] for case in cases}
        for what, (hits, of) in counts(mine).items():
            print(f"  {what}: {hits} of {of}")
        for (truth, said), times in sorted(confusion(mine).items()):
            print(f"  {truth} -> {said}: {times}")
        for case in cases:
            explain(case, rows[case.name])


def explain(case: Case, row: dict[str, Any]) -> None:
    """Print what is wrong with the verdicts on a network."""
    marks = judged(case, row)
    wrong = [key for key in ("cause", "population", "agreement") if not marks[key]]
    if wrong:
        print(f"  {case.name} ({case.cause} in {case.population}) wrong: {', '.join(wrong)}")
        for size, said in row["said"].items():
            print(f"    {size}: {' | '.join(said)}")
        print(f"    {row.get('scores')}; twin {row.get('twin')}; {row.get('trial')}")


if __name__ == "__main__":
    main()

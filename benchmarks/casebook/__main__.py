"""``python -m benchmarks.casebook``: train the networks of the casebook, and evaluate on them.

``train`` trains each network and its healthy twin, ``evaluate`` runs gradient_flow on them and
follows it, ``report`` prints the counts. All read and write docs/results/casebook.json. ``prepare``
trains them after `prepare` and nothing else, and writes docs/results/prepare.json. The blind halves
are left out unless ``--half`` or names ask for them.
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
from .cases import Case
from .evaluate import confusion, counts, evaluated, judged
from .every import EVERY
from .networks import Design
from .train import accuracies, built

FILE = Path(__file__).parents[2] / "docs" / "results" / "casebook.json"
SEEDS = 3
PARTS = "development", "held out", "sealed"
PARTS += "blind", "second blind", "third blind", "fourth blind"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.casebook", description=__doc__)
    parser.add_argument("action", choices=("train", "evaluate", "report", "prepare"))
    parser.add_argument("names", nargs="*", help="networks, by default all of the half")
    parser.add_argument("--half", choices=PARTS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--anew", action="store_true", help="train again what the file has")
    parser.add_argument("--untrained", action="store_true", help="follow remedies without training")
    parser.add_argument("--file", type=Path, default=FILE)
    options = parser.parse_args()
    brainstate.environ.set(dt=1 * u.ms)
    halves = (options.half,) if options.half else PARTS if options.names else PARTS[:3]
    chosen = [EVERY[name] for name in options.names or EVERY if EVERY[name].half in halves]
    if options.action == "prepare":
        book = json.loads(options.file.read_text("utf-8"))["networks"]
        return prepared.update(chosen, book, options.seeds)
    if options.action == "train":
        kept = (
            json.loads(options.file.read_text("utf-8"))["networks"] if options.file.exists() else {}
        )
        chosen = [c for c in chosen if options.anew or "scores" not in kept.get(c.name, ())]
        known = (
            {}
            if options.anew
            else {
                c.design: kept[n]["scores"] for n, c in EVERY.items() if "scores" in kept.get(n, ())
            }
        )
        scores = cache(lambda design: known.get(design) or trained(design, options.seeds))
        update(options.file, chosen, lambda case: told(case) | weights(case, scores))
    elif options.action == "evaluate":
        update(options.file, chosen, lambda c: evaluated(c, options.seeds, not options.untrained))
    report(options.file, chosen)


def trained(design: Design, seeds: int) -> list[float]:
    return accuracies(design, [built(design, seed) for seed in range(seeds)])


def weights(case: Case, scores: Callable[[Design], list[float]]) -> dict[str, Any]:
    """Accuracies of a network and its twin."""
    both = {"scores": scores(case.design)}
    return both | ({"twin": scores(case.twin)} if case.mistake else {})


def told(case: Case) -> dict[str, Any]:
    """What is known of a network without running it."""
    keys = ("half", "cause", "population", "seen", "thread", "user")
    return {key: getattr(case, key) for key in keys}


def update(file: Path, chosen: list[Case], row: Callable[[Case], dict[str, Any]]) -> None:
    """Renew the rows of the chosen networks, one after the other."""
    for case in chosen:
        new = row(case)
        book = json.loads(file.read_text("utf-8")) if file.exists() else {}
        rows = book.setdefault("networks", {})
        if "said" in new:  # what was done last time does not count
            rows[case.name] = told(case) | {
                k: v for k, v in rows.get(case.name, {}).items() if k not in LATE
            }
        rows[case.name] = rows.get(case.name, {}) | new
        book["networks"] = rows = {name: rows[name] for name in EVERY if name in rows}
        book |= summary(rows)
        file.write_text(json.dumps(book, indent=1) + "\n")
        print(case.name, new, flush=True)


LATE = ("said", "typed", "followed")


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """The counts of each half that was evaluated, which the guide shows."""
    part = lambda p: {name: row for name, row in rows.items() if row["half"] == p}
    run = {row["half"] for row in rows.values() if "said" in row}
    return {"counts": {p: counts(part(p)) for p in PARTS if p in run}}


def report(file: Path, chosen: list[Case]) -> None:
    """Counts and confusions per half, then the networks that were judged wrongly."""
    rows = json.loads(file.read_text("utf-8"))["networks"]
    for part in PARTS:
        cases = [c for c in chosen if c.half == part and "said" in rows.get(c.name, ())]
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
    """Print what is wrong with the verdicts on a network, or with its remedy."""
    marks = judged(case, row)
    curable = case.cause != "none" and not case.user
    needed = ["cause", "population", "agreement"] + ["helps"] * curable
    wrong = [key for key in needed if not marks[key]]
    if not wrong:
        return
    print(f"  {case.name} ({case.cause} in {case.population}) wrong: {', '.join(wrong)}")
    for size, said in row["said"].items():
        print(f"    {size}: {' | '.join(said)}")
    print(f"    typed {row.get('typed')}")
    print(f"    {row.get('scores')} -> {row.get('followed')}; twin {row.get('twin')}")


if __name__ == "__main__":
    main()

"""``python -m benchmarks.casebook``: train the networks of the casebook, and evaluate on them.

``train`` trains each network and its healthy twin, ``evaluate`` runs gradient_flow on them,
``prepare`` trains what `prepare` changes, after that and as it was, ``report`` prints counts.
Results are in benchmarks/results/casebook, written after each network. What they have is kept;
``--to`` names another file, which begins as a copy without verdicts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import brainstate
import brainunit as u

from ..report import environment
from . import prepared
from .cases import CASES, SETS, Case
from .evaluate import Verdict, counts, verdict
from .networks.design import Design
from .pages import BOOK
from .prepared import SEEDS
from .train import accuracies, built

SAID = "said", "labelled"  # what `evaluate` finds


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.casebook", description=__doc__)
    parser.add_argument("action", choices=("train", "evaluate", "report", "prepare"))
    parser.add_argument("names", nargs="*", help="networks, by default all of the set")
    parser.add_argument("--set", choices=SETS, help="by default all")
    parser.add_argument("--labels", action="store_true", help="with those of the task")
    parser.add_argument("--to", type=Path, default=BOOK, help="file for what `evaluate` finds")
    parser.add_argument("--anew", action="store_true", help="run again what the files have")
    parser.add_argument("--rates", action="store_true", help="train what prepare leaves, too")
    options = parser.parse_args()
    brainstate.environ.set(dt=1 * u.ms)
    sets = (options.set,) if options.set else SETS
    chosen = [CASES[name] for name in options.names or CASES if CASES[name].set in sets]
    book = Book(options.to)
    lacking = lambda key: [c for c in chosen if options.anew or key not in book.rows[c.name]]
    if options.action == "prepare":
        prepared.update(chosen, book.rows, options.anew, options.rates)
    elif options.action == "train":
        scores = cache(trained)
        book.update(lacking("scores"), lambda c: told(c) | weights(c, scores))
    elif options.action == "evaluate":
        key = "labelled" if options.labels else "said"
        said = lambda c: {key: list(verdict(c, labelled=options.labels))}
        book.update(lacking(key), said)
    report(chosen, book.rows)


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


class Book:
    """The results of all networks, in a file."""

    def __init__(self, file: Path):
        self.file, known = file, {}
        if file.exists():
            known = json.loads(file.read_text("utf-8"))["networks"]
        elif BOOK.exists():
            known = json.loads(BOOK.read_text("utf-8"))["networks"]
            known = {n: {k: v for k, v in row.items() if k not in SAID} for n, row in known.items()}
        self.rows = {name: known.get(name, told(case)) for name, case in CASES.items()}

    def update(self, chosen: Sequence[Case], row: Callable[[Case], dict[str, Any]]) -> None:
        """Renew the rows of the chosen networks, one after the other."""
        for case in chosen:
            self.rows[case.name] |= row(case)
            book = {"environment": environment(), "networks": self.rows} | summary(self.rows)
            part = self.file.with_suffix(".part")
            part.write_text(json.dumps(book, indent=1) + "\n")
            part.replace(self.file)  # at once: a run that is ended leaves a whole file
            print(case.name, self.rows[case.name], flush=True)


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """The counts of each set that was evaluated, which pages show."""
    part = lambda p: {name: row for name, row in rows.items() if row["set"] == p}
    run = {row["set"] for row in rows.values() if "said" in row}
    return {"counts": {p: counts(part(p)) for p in SETS if p in run}}


def report(chosen: Sequence[Case], rows: dict[str, Any]) -> None:
    """Counts per set, then the networks that were judged wrongly."""
    for part in SETS:
        mine = {c.name: rows[c.name] for c in chosen if c.set == part and "said" in rows[c.name]}
        if mine:
            print(f"\n{part}: {len(mine)} networks")
        for what, (hits, of) in counts(mine).items() if mine else ():
            print(f"  {what}: {hits} of {of}")
        for name, row in mine.items():
            case, said = CASES[name], Verdict(*row["said"])
            if not (said.names(case) and said.places(case)):
                print(f"  {name} ({case.cause} in {case.population}): {' | '.join(said)}")
                print(f"    {row.get('scores')}; twin {row.get('twin')}")


if __name__ == "__main__":
    main()

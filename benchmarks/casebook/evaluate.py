"""Evaluation of gradient_flow on the networks of the casebook, as of a classifier.

For each network it records the diagnosis for batches of 8, 64 and 512 samples. Then it does what
the diagnosis for 64 samples says, to the letter and up to four times, and trains the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import brainstate
import numpy as np

from braintools_qps import gradient_flow

from .cases import Case
from .data import inputs, logits
from .every import EVERY
from .train import accuracies, built

SIZES = (8, 64, 512)
SIZE = 64  # whose diagnosis counts, and is followed
ROUNDS = 4


class Verdict(NamedTuple):
    cause: str
    population: str
    text: str
    remedy: str
    code: str

    def names(self, case: Case) -> bool:
        return self.cause in case.cause.split("|")

    def places(self, case: Case) -> bool:
        return self.population in case.population.split("|")


def verdict(case: Case, model: Any, shown: Any) -> Verdict:
    """What gradient_flow says in its first line, or its error."""
    design = case.design
    # The default objective reads the last step, as most users leave it; NaN is only in the loss.
    objective = (lambda x: logits(design, x).sum()) if design.read == "root" else None
    try:
        with brainstate.environ.context(fit=True):
            (flow,) = gradient_flow(model, shown, objective=objective).values()
    except Exception as error:
        return Verdict(type(error).__name__, "", str(error).splitlines()[0], "", "")
    said = flow.diagnosis
    where, remedy, code = said.population or "", said.remedy or "", said.code or ""
    return Verdict(said.cause, where, said.text, remedy, code)


def follow(case: Case, seed: int, shown: Any) -> tuple[Any, Any, list[list[str]]]:
    """Do what the diagnosis says, to a network and inputs; what was typed, with its error."""
    model, typed = built(case.design, seed), []
    for _ in range(ROUNDS):
        batch = shown[:, :SIZE]
        said = verdict(case, model, batch)
        if said.cause == "none" or not said.code:
            break
        scope = {"model": model, "inputs": batch}
        try:
            with brainstate.environ.context(fit=True):
                exec(said.code, scope)
        except Exception as error:
            typed.append([said.code, f"{type(error).__name__}: {str(error).splitlines()[0]}"])
            break
        typed.append([said.code, ""])
        if scope["inputs"] is not batch:  # the same is done to the inputs of the training
            scope = {"model": built(case.design, seed), "inputs": shown}
            exec(said.code, scope)
            shown = scope["inputs"]
    return model, shown, typed


def evaluated(case: Case, seeds: int, trained: bool) -> dict[str, Any]:
    """The verdicts on a network, and what comes of following them."""
    model, shown = built(case.design, 0), inputs(case.design)
    said = {size: verdict(case, model, shown[:, :size]) for size in SIZES}
    row: dict[str, Any] = {"said": {str(size): list(v) for size, v in said.items()}}
    if said[SIZE].cause == "none" or not said[SIZE].code:
        return row
    models, changed, typed = zip(*(follow(case, seed, shown) for seed in range(seeds)))
    row["typed"] = typed[0]
    if trained and not any(error for each in typed for _, error in each):
        own = () if all(x is shown for x in changed) else changed
        row["followed"] = accuracies(case.design, models, own)
    return row


def judged(case: Case, row: Mapping[str, Any]) -> dict[str, bool]:
    """What is right about a row of the results."""
    said = {int(size): Verdict(*v) for size, v in row["said"].items()}
    main, typed = said[SIZE], row.get("typed", [])
    runs = bool(typed) and not any(error for _, error in typed)
    before, twin = (np.mean(row[key]) if key in row else np.nan for key in ("scores", "twin"))
    after = np.mean(row["followed"]) if "followed" in row else np.nan
    return {
        "cause": main.names(case),
        "population": main.places(case),
        "agreement": len({v[:2] for v in said.values()}) == 1,
        "runs": runs,
        "helps": runs and bool(after >= (before + twin) / 2),
        "alarm": main.cause != "none",
        "any alarm": any(v.cause != "none" for v in said.values()),
    }


Rows = Mapping[str, Mapping[str, Any]]


def counts(rows: Rows) -> dict[str, list[int]]:
    """How many of how many, for the rows of one half."""
    marks = [(EVERY[name], judged(EVERY[name], row)) for name, row in rows.items() if "said" in row]
    sick = [(case, mark) for case, mark in marks if case.cause != "none"]
    well = [mark for case, mark in marks if case.cause == "none"]
    curable = [mark for case, mark in sick if not case.user]
    share = lambda key, among: [sum(mark[key] for mark in among), len(among)]
    ill = [mark for _, mark in sick]
    return {
        "right cause": share("cause", ill),
        "right population": share("population", ill),
        "right cause and population": [sum(m["cause"] and m["population"] for m in ill), len(ill)],
        "remedy runs": share("runs", curable),
        "remedy helps": share("helps", curable),
        "false alarms": share("alarm", well),
        "false alarm at any batch size": share("any alarm", well),
        "same verdict for 8, 64 and 512 samples": share("agreement", [mark for _, mark in marks]),
    }


def confusion(rows: Rows) -> Counter[tuple[str, str]]:
    """How often a cause was taken for which; the first name of an expected cause counts."""
    told: Callable[[str], str] = lambda name: rows[name]["said"][str(SIZE)][0]
    pairs = [(EVERY[name], told(name)) for name in rows if "said" in rows[name]]
    return Counter(
        (c.cause.split("|")[0], c.cause.split("|")[0] if said in c.cause.split("|") else said)
        for c, said in pairs
    )

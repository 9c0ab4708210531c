"""Evaluation of gradient_flow on the networks of the casebook, as of a classifier.

For each network it records the trial and the diagnosis for batches of 8, 64 and 512 samples, whose
labels are random; and the diagnosis with the labels of 64 samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import brainstate
import optax

from braintools_qps import gradient_flow
from braintools_qps.records import LearningTrial

from .cases import CASES, Case
from .codes import inputs, logits
from .data import dataset
from .train import built

SIZES = (8, 64, 512)
SIZE = 64  # whose diagnosis counts
# Causes with which networks may learn, and what is said of them then
FACTS = {
    "no gradient": "gradient",
    "disconnected": "does not depend on",
    "dropout": "is a dropout",
    "too small": "is too small",
    "information lost": "do the same",
}


class Verdict(NamedTuple):
    cause: str
    population: str
    text: str
    remedy: str
    code: str
    further: str = ""

    def names(self, case: Case) -> bool:
        return self.cause in case.cause.split("|") or self.says_fact(case)

    def says_fact(self, case: Case) -> bool:
        """Whether a network learns, and the mistake that does not keep it is said all the same."""
        said = [words for cause, words in FACTS.items() if cause in case.cause.split("|")]
        return self.cause == "none" and any(words in self.further for words in said)

    def places(self, case: Case) -> bool:
        return self.population in case.population.split("|")


def goal(case: Case, size: int, labelled: bool) -> dict[str, Any]:
    """What the trial aims at: the loss of the training, where it reads other than the mean output.

    Otherwise the labels, or nothing.
    """
    design = case.design
    labels = design.labels(dataset(design.source)[1])[:size]
    if design.read == "mean":
        return {"labels": labels} if labelled else {}
    entropy = optax.softmax_cross_entropy_with_integer_labels
    return {"objective": lambda outputs: entropy(logits(design, outputs), labels).mean()}


def verdict(
    case: Case, model: Any, shown: Any, *, labelled: bool = False
) -> tuple[Verdict, LearningTrial | None]:
    """What gradient_flow says in its first line, or its error; and the trial."""
    try:
        with brainstate.environ.context(fit=True):
            aim = goal(case, shown.shape[1], labelled)
            (flow,) = gradient_flow(model, shown, **aim).values()
    except Exception as error:
        return Verdict(type(error).__name__, "", str(error).splitlines()[0], "", ""), None
    said = flow.diagnosis
    where, remedy, code = said.population or "", said.remedy or "", said.code or ""
    return Verdict(said.cause, where, said.text, remedy, code, " ".join(flow.further)), flow.trial


def evaluated(case: Case, sizes: tuple[int, ...]) -> dict[str, Any]:
    """The verdicts on a network, and its trial with the batch whose diagnosis counts."""
    model, shown, row = built(case.design, 0), inputs(case.design), {}
    said = {}
    for size in sizes:
        said[str(size)], trial = verdict(case, model, shown[:, :size])
        if size == SIZE:
            row["trial"] = _kept(trial)
    return row | {"said": {size: list(v) for size, v in said.items()}}


def with_labels(case: Case) -> dict[str, Any]:
    """The verdict on a network with the labels of its task."""
    shown = inputs(case.design)[:, :SIZE]
    return {"labelled": list(verdict(case, built(case.design, 0), shown, labelled=True)[0])}


def _kept(trial: LearningTrial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    return {"half_after": trial.half_after, "share_gone": round(trial.share_gone, 3)}


def judged(case: Case, row: Mapping[str, Any]) -> dict[str, bool]:
    """What is right about a row of the results."""
    said = {int(size): Verdict(*v) for size, v in row["said"].items()}
    main, labelled = said[SIZE], Verdict(*row["labelled"]) if "labelled" in row else None
    return {
        "cause": main.names(case),
        "population": main.places(case) or main.says_fact(case),
        "agreement": len({v[:2] for v in said.values()}) == 1,
        "all sizes": len(said) == len(SIZES),
        "alarm": main.cause != "none",
        "unknown": main.cause == "unknown",
        "labelled": labelled is not None,
        "cause with labels": labelled is not None and labelled.names(case),
        "alarm with labels": labelled is not None and labelled.cause != "none",
        "any alarm": any(v.cause != "none" for v in said.values()),
    }


Rows = Mapping[str, Mapping[str, Any]]


def counts(rows: Rows) -> dict[str, list[int]]:
    """How many of how many, for the rows of one set."""
    marks = [(CASES[name], judged(CASES[name], row)) for name, row in rows.items() if "said" in row]
    ill = [mark for case, mark in marks if case.cause != "none"]
    well = [mark for case, mark in marks if case.cause == "none"]
    every = [mark for _, mark in marks if mark["all sizes"]]
    labelled = lambda some: [mark for mark in some if mark["labelled"]]
    share = lambda key, among: [sum(mark[key] for mark in among), len(among)]
    return {
        "right cause": share("cause", ill),
        "right cause, with labels": share("cause with labels", labelled(ill)),
        "right cause and population": [sum(m["cause"] and m["population"] for m in ill), len(ill)],
        "false alarms": share("alarm", well),
        "of these, without a cause": share("unknown", [m for m in well if m["alarm"]]),
        "false alarms, with labels": share("alarm with labels", labelled(well)),
        "false alarm at any batch size": share("any alarm", [m for m in well if m["all sizes"]]),
        "same verdict for 8, 64 and 512 samples": share("agreement", every),
    }


def confusion(rows: Rows) -> Counter[tuple[str, str]]:
    """How often a cause was taken for which; the first name of an expected cause counts."""
    told: Callable[[str], str] = lambda name: rows[name]["said"][str(SIZE)][0]
    pairs = [(CASES[name], told(name)) for name in rows if "said" in rows[name]]
    return Counter(
        (c.cause.split("|")[0], c.cause.split("|")[0] if said in c.cause.split("|") else said)
        for c, said in pairs
    )

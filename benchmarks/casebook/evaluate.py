"""Evaluation of gradient_flow on the networks of the casebook, as of a classifier.

For each network it records the diagnosis for 64 samples whose labels are random, and with the
labels of the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import brainstate
import optax

from braintools_qps import gradient_flow

from .cases import CASES, Case
from .codes import inputs, logits
from .data import dataset
from .train import built

SIZE = 64  # samples
# Causes with which networks may learn, and what is said of them then
FACTS = {
    "no gradient": "gradient",
    "disconnected": "does not depend on",
    "too small": "is too small",
}


class Verdict(NamedTuple):
    cause: str
    population: str
    text: str
    code: str
    further: str = ""

    def names(self, case: Case) -> bool:
        return self.cause in case.cause.split("|") or self.says_fact(case)

    def says_fact(self, case: Case) -> bool:
        """Whether a network learns, and the mistake that does not keep it is said all the same."""
        said = [words for cause, words in FACTS.items() if cause in case.cause.split("|")]
        return self.cause == "none" and any(words in self.further for words in said)

    def places(self, case: Case) -> bool:
        return self.population in case.population.split("|") or self.says_fact(case)


def goal(case: Case, labelled: bool) -> dict[str, Any]:
    """What the trial aims at: the loss of the training, where it reads other than the mean output.

    Otherwise the labels, or nothing.
    """
    design = case.design
    labels = design.labels(dataset(design.source)[1])[:SIZE]
    if design.read == "mean":
        return {"labels": labels} if labelled else {}
    entropy = optax.softmax_cross_entropy_with_integer_labels
    return {"objective": lambda outputs: entropy(logits(design, outputs), labels).mean()}


def verdict(case: Case, *, labelled: bool = False) -> Verdict:
    """What gradient_flow says in its first line, or its error."""
    model, shown = built(case.design, 0), inputs(case.design)[:, :SIZE]
    try:
        with brainstate.environ.context(fit=True):
            (flow,) = gradient_flow(model, shown, **goal(case, labelled)).values()
    except Exception as error:
        return Verdict(type(error).__name__, "", str(error).splitlines()[0], "")
    said, further = flow.diagnosis, " ".join(flow.further)
    return Verdict(said.cause, said.population or "", said.text, said.code or "", further)


def counts(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, list[int]]:
    """How many of how many, for the rows of one set."""
    said, labelled = (
        [(Verdict(*row[key]), CASES[name]) for name, row in rows.items() if key in row]
        for key in ("said", "labelled")
    )
    ill = lambda some: [pair for pair in some if pair[1].cause != "none"]
    well = lambda some: [pair for pair in some if pair[1].cause == "none"]
    alarms = lambda some: [pair for pair in well(some) if pair[0].cause != "none"]
    right = [pair for pair in ill(said) if Verdict.names(*pair)]
    return {
        "right cause": [len(right), len(ill(said))],
        "right cause, with labels": [
            sum(Verdict.names(*pair) for pair in ill(labelled)),
            len(ill(labelled)),
        ],
        "right cause and population": [
            sum(Verdict.places(*pair) for pair in right),
            len(ill(said)),
        ],
        "false alarms": [len(alarms(said)), len(well(said))],
        "of these, without a cause": [
            sum(verdict.cause == "unknown" for verdict, _ in alarms(said)),
            len(alarms(said)),
        ],
        "false alarms, with labels": [len(alarms(labelled)), len(well(labelled))],
    }

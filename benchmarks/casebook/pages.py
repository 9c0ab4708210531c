"""What the README file of benchmarks/results/casebook says of the diagnosis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ..report import RESULTS, rows
from .cases import CASES
from .evaluate import Verdict
from .prepared import best, ended, outcome, read

BOOK = RESULTS / "casebook" / "casebook.json"
UNSEEN = "sixth blind"  # no rule was made with these networks
OUTCOMES = {
    "cured": "within 3 points of the network without the mistake",
    "harmless": "the mistake did no harm at the best of the four rates",
    "better": "better by more than 3 points, but not so near",
    "as good": "changed, within 3 points of what it was",
    "worse": "worse by more than 3 points",
    "error": "refused with some seeds or all: nothing that was tried helps",
    "unchanged": "unchanged",
}
GROUPS = "failure with a remedy", "failure that only you can fix", "healthy"


@dataclass(frozen=True)
class Network:
    """A row of the casebook, and its row after `prepare`, if it ran."""

    name: str
    row: Mapping[str, Any]
    prepared: Mapping[str, Any] | None

    @property
    def is_right(self) -> bool:
        return Verdict(*self.row["said"]).names(CASES[self.name])

    @property
    def group(self) -> str:
        if not self.row["seen"]:
            return GROUPS[2]
        return GROUPS[1] if self.row["user"] else GROUPS[0]

    @property
    def outcome(self) -> str:
        twin = float(np.mean(self.row["twin"])) if "twin" in self.row else None
        return "" if self.prepared is None else outcome(self.prepared, twin)

    @property
    def part(self) -> str:
        """Whether the rules were made with this network."""
        return self.row["set"] if self.row["set"] == UNSEEN else "rules made on these"

    @property
    def cells(self) -> list[str]:
        """The symptom, with a link to its thread, what is right, what is said, and accuracies."""
        repository, _, number = self.row["thread"].partition("#")
        link = f"https://github.com/{repository}" + (f"/issues/{number}" if number else "")
        symptom = self.row["seen"] or self.name
        cause, population, *_ = self.row["said"]
        said = f"{cause}, {population}" if population else cause
        if cause == "none" and self.row["seen"] and self.is_right:
            said = "none, and the mistake as a fact"
        return [
            f"[{symptom}]({link})" if repository else symptom,
            ", ".join(self.row["cause"].split("|")),
            said if self.is_right else f"**{said}**",
            *(_percent(self.row.get(key)) for key in ("scores", "twin")),
        ]


def tables() -> dict[str, str]:
    """Tables and numbers, by name."""
    book, prepared = json.loads(BOOK.read_text("utf-8")), read()
    counts = book["counts"]
    networks = [
        Network(name, row, prepared.get(name))
        for name, row in book["networks"].items()
        if "said" in row
    ]
    head = ["network", "causes that count as right", "`gradient_flow` says", "accuracy", "twin"]
    by_set = {part: [n.cells for n in networks if n.row["set"] == part] for part in counts}
    shares = [
        [what, *(_of(*counts[part][what]) for part in counts)]
        for what in next(iter(counts.values()))
    ]
    return {
        "counts": rows([["", *counts], *shares]),
        "networks": "\n\n".join(
            f"**{part.capitalize()}**\n\n{rows([head, *cells])}" for part, cells in by_set.items()
        ),
        "all": str(len(networks)),
        **_prepared([network for network in networks if network.prepared]),
        **_unseen(counts),
    }


def _prepared(networks: Sequence[Network]) -> dict[str, str]:
    """What became of the networks after `prepare`."""
    parts = list(dict.fromkeys(network.part for network in networks))
    body = []
    for group, result in product(GROUPS, OUTCOMES):
        members = [[n for n in networks if (n.group, n.part) == (group, part)] for part in parts]
        count = [sum(n.outcome == result for n in some) for some in members]
        if any(count):
            shares = [f"{hits} of {len(some)}" for hits, some in zip(count, members)]
            body.append([group, OUTCOMES[result], *shares])
    lost = [
        best(n.prepared) - ended(n.prepared)
        for n in networks
        if n.outcome == "unchanged" and n.group == GROUPS[2] and n.prepared["as_it_was"]
    ]
    return {
        "prepared": rows([["networks", "after `prepare`", *parts], *body]),
        "tried": str(len(networks)),
        "rated": str(len(lost)),
        "rate_lost": f"{np.mean(lost):.1f}",
        "rate_lost_most": f"{np.max(lost):.1f}",
    }


def _unseen(counts: Mapping[str, Any]) -> dict[str, str]:
    """What was found on the set that no rule was made with."""
    share = lambda what: _of(*counts[UNSEEN][what])
    low, high = binomtest(*counts[UNSEEN]["right cause"]).proportion_ci(method="wilson")
    return {
        "unseen_right": share("right cause"),
        "unseen_interval": f"{low:.0%} to {high:.0%}",
        "unseen_alarms": share("false alarms"),
        "unseen_right_with_labels": share("right cause, with labels"),
        "unseen_alarms_with_labels": share("false alarms, with labels"),
    }


def _of(hits: int, among: int) -> str:
    return f"{hits} of {among}" if among else ""


def _percent(scores: Sequence[float] | None) -> str:
    return f"{np.mean(scores):.0f}%" if scores else ""

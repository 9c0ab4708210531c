"""What the pages on the diagnosis show, from the files of docs/results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ..study.trained import table
from .cases import CASES
from .evaluate import SIZE, judged
from .prepared import best, ended, outcome, read

BOOK = Path(__file__).parents[2] / "docs" / "results" / "casebook.json"
SOON, MOVES = 50, 0.02  # as `LearningTrial` has them
UNSEEN = "sixth blind"  # looked at once, with the rules finished; they were made with the others
OUTCOMES = {
    "cured": "within 3 points of the network without the mistake",
    "harmless": "the mistake did no harm at the best of the four rates",
    "better": "better by more than 3 points, but not so near",
    "as good": "changed, within 3 points of what it was",
    "worse": "worse by more than 3 points",
    "error": "refused with some seeds or all: nothing that was tried helps",
    "unchanged": "unchanged",
}
GROUPS = "failure with a remedy", "failure that only you can mend", "healthy"


@dataclass(frozen=True)
class Network:
    """A row of the casebook, and its row after `prepare`, if it ran."""

    name: str
    row: Mapping[str, Any]
    prepared: Mapping[str, Any] | None

    @property
    def said(self) -> list[str]:
        return self.row["said"][str(SIZE)]

    @property
    def first_line(self) -> str:
        """The cause and the population; or that it learns, with the mistake as a fact."""
        is_fact = self.is_right and self.said[0] == "none" and self.group != GROUPS[2]
        return (
            "none, and the mistake as a fact" if is_fact else ", ".join(filter(None, self.said[:2]))
        )

    @property
    def is_right(self) -> bool:
        return judged(CASES[self.name], self.row)["cause"]

    @property
    def group(self) -> str:
        if not self.row["seen"]:
            return GROUPS[2]
        return GROUPS[1] if self.row["user"] else GROUPS[0]

    @property
    def twin(self) -> float | None:
        return float(np.mean(self.row["twin"])) if "twin" in self.row else None

    @property
    def outcome(self) -> str:
        return "" if self.prepared is None else outcome(self.prepared, self.twin)

    @property
    def is_mended(self) -> bool:
        return self.outcome not in ("", "unchanged", "error")

    @property
    def is_known(self) -> bool:
        """Whether the rules were made with this network."""
        return self.row["set"] != UNSEEN

    @property
    def part(self) -> str:
        return "rules made on these" if self.is_known else self.row["set"]


def tables() -> dict[str, str]:
    """Tables and figures of the guide, by name."""
    book, prepared = json.loads(BOOK.read_text("utf-8")), read()
    counts = book["counts"]
    networks = [
        Network(name, row, prepared.get(name))
        for name, row in book["networks"].items()
        if "said" in row
    ]
    shares = [
        [what, *(_of(*counts[of][what]) for of in counts)]
        for what in next(iter(counts.values()))
        if any(counts[of][what][1] for of in counts)
    ]
    return {
        "trials": _trials(networks),
        "counts": table(["", *counts], shares),
        "networks": "\n\n".join(_set(of, networks) for of in counts),
        "threads": "\n\n".join(_thread(n) for n in networks if n.row["thread"] and n.is_known),
        "all": str(len(networks)),
        **_prepared([network for network in networks if network.prepared]),
        **_unseen(counts, networks),
    }


def _trials(networks: Sequence[Network]) -> str:
    """How many steps of a trial took half of the loss away, for healthy networks and failures."""
    head = ["networks", "tried", "up to 20 steps", "21 to 50", "51 to 200", "never", "next to none"]
    rows = []
    for name, healthy in {"healthy": True, "failures": False}.items():
        some = [n.row["trial"] for n in networks if (n.group == GROUPS[2]) is healthy]
        rows.append([name, *map(str, _when([trial for trial in some if trial]))])
    return table(head, rows)


def _when(trials: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many there are, and how many by the steps that took half of the loss away."""
    steps = sorted(n["half_after"] for n in trials if n["half_after"] is not None)
    never = [n["share_gone"] for n in trials if n["half_after"] is None]
    ends = np.searchsorted(steps, (20, SOON, 200), side="right")
    still = sum(share < MOVES for share in never)
    return [len(trials), *map(int, np.diff(ends, prepend=0)), len(never) - still, still]


def _set(of: str, networks: Iterable[Network]) -> str:
    """The failures and the healthy networks of a set."""
    some = [network for network in networks if network.row["set"] == of]
    head = ["symptom or mistake", "causes that count as right", "`gradient_flow` says", "right"]
    head += ["accuracy", "no mistake"]
    failures = [
        [
            n.row["seen"],
            ", ".join(n.row["cause"].split("|")),
            n.first_line,
            "yes" if n.is_right else "no",
            *(_percent(n.row.get(key)) for key in ("scores", "twin")),
        ]
        for n in some
        if n.row["seen"]
    ]
    healthy = [
        [n.name.replace("-", " "), n.said[0], _percent(n.row["scores"])]
        for n in some
        if not n.row["seen"]
    ]
    return (
        f"**{of.capitalize()}, failures**\n\n{table(head, failures)}\n\n"
        f"**{of.capitalize()}, healthy networks**\n\n"
        + table(["healthy network", "`gradient_flow` says", "accuracy"], healthy)
    )


def _prepared(networks: Sequence[Network]) -> dict[str, str]:
    """What became of the networks after `prepare`."""
    parts = list(dict.fromkeys(network.part for network in networks))
    rows = []
    for group, result in product(GROUPS, OUTCOMES):
        members = [[n for n in networks if (n.group, n.part) == (group, part)] for part in parts]
        count = [sum(n.outcome == result for n in some) for some in members]
        if any(count):
            shares = [f"{hits} of {len(some)}" for hits, some in zip(count, members)]
            rows.append([group, OUTCOMES[result], *shares])
    changed = [n for n in networks if n.is_mended]
    cells = lambda n: [f"{x:.0f}" for x in (best(n.prepared), ended(n.prepared))]
    twin = lambda n: "" if n.twin is None else f"{n.twin:.0f}"
    lost = [
        best(n.prepared) - ended(n.prepared)
        for n in networks
        if n.outcome == "unchanged" and n.group == GROUPS[2] and n.prepared["as_it_was"]
    ]
    fallen = max(changed, key=lambda n: best(n.prepared) - ended(n.prepared))
    return {
        "fallen": fallen.name,
        "fallen_by": f"{best(fallen.prepared) - ended(fallen.prepared):.1f}",
        "prepared": table(["networks", "after `prepare`", *parts], rows),
        "changes": table(
            ["mistake", "as it was", "after `prepare`", "no mistake"],
            [[n.row["seen"] or n.name, *cells(n), twin(n)] for n in changed],
        ),
        "tried": str(len(networks)),
        "changed": str(len(changed)),
        "rated": str(len(lost)),
        "rate_lost": f"{np.mean(lost):.1f}" if lost else "",
        "rate_lost_most": f"{np.max(lost):.1f}" if lost else "",
    }


def _unseen(counts: Mapping[str, Any], networks: Sequence[Network]) -> dict[str, str]:
    """What was found on the set that no rule was made with, and cured of all, in words."""
    share = lambda what: _of(*counts[UNSEEN][what])
    low, high = binomtest(*counts[UNSEEN]["right cause"]).proportion_ci(method="wilson")
    tried = [n for n in networks if n.group == GROUPS[0] and n.prepared]
    curable = [n for n in tried if n.outcome != "harmless"]
    cured = lambda some: f"{sum(n.outcome == 'cured' for n in some)} of {len(some)}"
    return {
        "unseen_right": share("right cause"),
        "unseen_interval": f"{low:.0%} to {high:.0%}",
        "unseen_alarms": share("false alarms"),
        "unseen_right_with_labels": share("right cause, with labels"),
        "unseen_alarms_with_labels": share("false alarms, with labels"),
        "unseen_cured": cured([n for n in curable if not n.is_known]),
        "known_cured": cured([n for n in curable if n.is_known]),
    }


def _thread(network: Network) -> str:
    """A failure that was reported in public."""
    row, (_, _, text, remedy, code, _) = network.row, network.said
    typed = code.partition("import ")[2].partition("; ")[2] or code
    remedy = remedy.replace(typed, f"`{typed}`") if typed else remedy
    repository, _, number = row["thread"].partition("#")
    link = f"https://github.com/{repository}" + (f"/issues/{number}" if number else "")
    after = f", {ended(network.prepared):.0f}% after `prepare`" if network.is_mended else ""
    lines = {
        "Thread": f"[{row['thread']}]({link})",
        "`gradient_flow` says": f"{text} {remedy}",
        "Not right": "" if network.is_right else "It takes something else for the cause, or none.",
        "Accuracy": f"{_percent(row['scores'])} with the mistake{after}, "
        f"{_percent(row['twin'])} without it.",
    }
    points = "\n".join(f"- **{what}.** {said}" for what, said in lines.items() if said)
    return f"### {row['seen']}\n\n{points}"


def _of(hits: int, among: int) -> str:
    return f"{hits} of {among}" if among else ""


def _percent(scores: Sequence[float] | None) -> str:
    return f"{np.mean(scores):.0f}%" if scores else ""

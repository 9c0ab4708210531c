"""What the pages on the diagnosis show, from the files of docs/results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ..study.trained import table
from .evaluate import SIZE
from .prepared import ended, outcome, read

BOOK = Path(__file__).parents[2] / "docs" / "results" / "casebook.json"
TRIALS = BOOK.with_name("trials.json")
SOON, MOVES = 50, 0.02  # as `LearningTrial` has them
UNSEEN = "third blind"  # looked at once, with the rules finished; they were made with the others
OUTCOMES = {
    "cured": "cured",
    "changed": "changed",
    "not cured": "changed, not cured",
    "error": "error, network as it was",
    "unchanged": "unchanged",
}
GROUPS = "failure with a remedy", "failure that only you can mend", "healthy"


@dataclass(frozen=True)
class Network:
    """A row of the casebook, and its runs after `prepare`."""

    name: str
    row: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]

    @property
    def said(self) -> list[str]:
        return self.row["said"][str(SIZE)]

    @property
    def group(self) -> str:
        if not self.row["seen"]:
            return GROUPS[2]
        return GROUPS[1] if self.row["user"] else GROUPS[0]

    @property
    def outcome(self) -> str:
        return outcome(self.runs, self.row)

    @property
    def is_known(self) -> bool:
        """Whether the rules of `prepare` were made with this network."""
        return self.row["half"] != UNSEEN

    @property
    def part(self) -> str:
        return "rules made on these" if self.is_known else self.row["half"]

    @property
    def is_changed(self) -> bool:
        return self.outcome in ("cured", "not cured")

    def accuracies(self) -> list[float]:
        """Before, after `prepare` where it changed the network, and without the mistake."""
        before, twin = (float(np.mean(self.row[key])) for key in ("scores", "twin"))
        return [before, *(ended(self.runs, self.row) if self.is_changed else (np.nan, twin))]


def tables() -> dict[str, str]:
    """Tables and figures of the guide, by name."""
    book, runs = json.loads(BOOK.read_text("utf-8")), read()
    counts = book["counts"]
    networks = [
        Network(name, row, runs.get(name, ()))
        for name, row in book["networks"].items()
        if row["half"] in counts
    ]
    shares = [
        [what, *("{} of {}".format(*counts[half][what]) for half in counts)]
        for what in next(iter(counts.values()))
    ]
    return {
        "trials": _trials(),
        "counts": table(["", *counts], shares),
        "networks": "\n\n".join(_half(half, networks) for half in counts),
        "threads": "\n\n".join(_thread(n) for n in networks if n.row["thread"] and n.is_known),
        **_prepared([network for network in networks if network.runs]),
        **_unseen(counts, networks),
        "all": str(len(networks)),
    }


def _trials() -> str:
    """How many steps of a trial took half of the loss away, for healthy networks and failures."""
    networks = json.loads(TRIALS.read_text("utf-8"))["networks"].values()
    head = ["networks", "tried", "up to 20 steps", "21 to 50", "51 to 200", "never", "next to none"]
    groups = {"healthy": True, "failures": False}
    rows = [
        [name, *map(str, _when([n for n in networks if (n["cause"] == "none") is healthy]))]
        for name, healthy in groups.items()
    ]
    return table(head, rows)


def _when(trials: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many there are, and how many by the steps that took half of the loss away."""
    steps = sorted(n["half_after"] for n in trials if n["half_after"] is not None)
    never = [n["share_gone"] for n in trials if n["half_after"] is None]
    ends = np.searchsorted(steps, (20, SOON, 200), side="right")
    still = sum(share < MOVES for share in never)
    return [len(trials), *map(int, np.diff(ends, prepend=0)), len(never) - still, still]


def _half(half: str, networks: Iterable[Network]) -> str:
    """The failures and the healthy networks of a half."""
    some = [network for network in networks if network.row["half"] == half]
    head = ["symptom or mistake", "cause", "`gradient_flow` says", "accuracy", "remedy followed"]
    failures = [
        [
            n.row["seen"],
            n.row["cause"].split("|")[0],
            ", ".join(filter(None, n.said[:2])),
            *(_percent(n.row.get(key)) for key in ("scores", "followed", "twin")),
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
        f"**{half.capitalize()}, failures**\n\n{table([*head, 'no mistake'], failures)}\n\n"
        f"**{half.capitalize()}, healthy networks**\n\n"
        + table(["healthy network", "`gradient_flow` says", "accuracy"], healthy)
    )


def _prepared(networks: Sequence[Network]) -> dict[str, str]:
    """What became of the networks after `prepare`."""
    parts = list(dict.fromkeys(network.part for network in networks))
    rows = []
    for group, result in product(GROUPS, OUTCOMES):
        members = [[n for n in networks if (n.group, n.part) == (group, part)] for part in parts]
        ended = [sum(n.outcome == result for n in some) for some in members]
        if any(ended):
            shares = [f"{count} of {len(some)}" for count, some in zip(ended, members)]
            rows.append([group, OUTCOMES[result], *shares])
    changed = [network for network in networks if network.is_changed]
    accuracies = np.array([network.accuracies() for network in changed])
    lower = [n.name for n, (before, after, _) in zip(changed, accuracies) if after < before]
    uncured = [n for n in networks if n.group == GROUPS[0] and n.outcome != "cured"]
    cells = lambda n: ["" if np.isnan(x) else f"{x:.0f}" for x in n.accuracies()]
    return {
        "prepared": table(["networks", "after `prepare`", *parts], rows),
        "uncured": table(
            ["mistake", "after `prepare`", "before", "after", "no mistake"],
            [[n.row["seen"], OUTCOMES[n.outcome], *cells(n)] for n in uncured],
        ),
        "tried": str(len(networks)),
        "changed": str(len(changed)),
        **{
            name: f"{value:.1f}%"
            for name, value in zip(("before", "after", "twins"), accuracies.mean(axis=0))
        },
        "lower": f"lower than before end {', '.join(lower) or 'none'}",
        "seeds": " or ".join(map(str, sorted({len(network.runs) for network in changed}))),
    }


def _unseen(counts: Mapping[str, Any], networks: Sequence[Network]) -> dict[str, str]:
    """What was found on the half that no rule was made with, and cured of the others, in words."""
    share = lambda what: "{} of {}".format(*counts[UNSEEN][what])
    curable = [n for n in networks if n.group == GROUPS[0]]
    cured = lambda some: f"{sum(n.outcome == 'cured' for n in some)} of {len(some)}"
    return {
        "unseen_right": share("right cause"),
        "unseen_alarms": share("false alarms"),
        "unseen_cured": cured([n for n in curable if not n.is_known]),
        "known_cured": cured([n for n in curable if n.is_known]),
    }


def _thread(network: Network) -> str:
    """A failure that was reported in public."""
    row, (*_, text, remedy, _) = network.row, network.said
    repository, _, number = row["thread"].partition("#")
    link = f"https://github.com/{repository}" + (f"/issues/{number}" if number else "")
    typed = [line for code, _ in row.get("typed", ()) for line in code.splitlines()]
    followed = f", {_percent(row['followed'])} with what was typed" if row.get("followed") else ""
    lines = {
        "Thread": f"[{row['thread']}]({link})",
        "`gradient_flow` says": f"{text} {remedy}",
        "Typed": "; ".join(f"`{line}`" for line in typed),
        "Accuracy": f"{_percent(row['scores'])} as reported{followed}, "
        f"{_percent(row['twin'])} without the mistake.",
    }
    points = "\n".join(f"- **{what}.** {said}" for what, said in lines.items() if said)
    return f"### {row['seen']}\n\n{points}"


def _percent(scores: Sequence[float] | None) -> str:
    return f"{np.mean(scores):.0f}%" if scores else ""


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    return f"{row['mean']:.1f}% ({low:.1f} to {high:.1f})"

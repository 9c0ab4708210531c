"""Time and memory that pages say are gained: ranges over networks and releases of JAX."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def tables() -> dict[str, str]:
    """How many times as fast as with braintools' class, and shares of the plain step's memory."""
    both = "checkpoints and save_memory"
    return {
        "speed": between(speeds(""), ".1f"),
        "speed_forward": between(speeds("Feed-forward"), ".1f"),
        "speed_recurrent": between(speeds("Recurrent"), ".1f"),
        "memory": between(shares("memory", "save_memory", table="training step"), ".0%"),
        "memory_most": f"{max(shares('memory', 'save_memory')):.0%}",
        "memory_published": between(shares("published", "save_memory"), ".0%"),
        "first_call": between(first_calls("gradient_flow"), ".0f"),
        "first_call_silent": between(first_calls("gradient_flow, silent network"), ".0f"),
        "peers": peers(),
        "peer_versions": peer_versions(),
        "memory_long": between(shares("long_sequences", both, work="10,000 steps"), ".1%"),
    }


def speeds(kind: str) -> Iterator[float]:
    for measurements in kept("networks"):
        for m in measurements:
            if m["table"].startswith(kind) and m["contestant"] == "QPseudoSpike(2)":
                yield 1 / m["to_baseline"]


def first_calls(contestant: str) -> Iterator[float]:
    """In first training steps."""
    for measurements in kept("first_calls"):
        yield from (m["to_bound"] for m in measurements if m["contestant"] == contestant)


def shares(suite: str, contestant: str, *, table: str = "", work: str = "") -> Iterator[float]:
    for measurements in kept(suite):
        memory = {(m["table"], m["work"], m["contestant"]): m["memory_bytes"] for m in measurements}
        for (of, at, name), taken in memory.items():
            plain = memory[of, at, "plain"]  # None if a library of the network is missing
            if plain and name == contestant and of.endswith(table) and at.endswith(work):
                yield taken / plain


def peers() -> str:
    """A table: the processor time of a training step in other libraries, relative to ours."""
    columns: dict[str, dict[str, str]] = {}
    for release, record in records("peers").items():
        others = records("accelerator")[release]["measurements"]  # one more width
        steps = [m for m in record["measurements"] + others if m["table"] == "Training step"]
        for m in sorted(steps, key=lambda m: int(m["work"].split()[2])):
            column = columns.setdefault(f"{m['work'].partition(',')[0]}, JAX {release}", {})
            column[m["contestant"]] = f"{m['to_bound']:.2f}" if m["to_bound"] else "failed"
    rows = [["", *columns], ["---"] * (1 + len(columns))]
    compared = dict.fromkeys(m["contestant"] for m in record["measurements"])
    rows += [[name, *(column.get(name, "") for column in columns.values())] for name in compared]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def peer_versions() -> str:
    """The versions of the libraries that the table compares."""
    names = "braintools-qps braintools spyx jaxpike spikingjelly snntorch norse torch".split()
    versions = [record["environment"]["versions"] for record in records("peers").values()]
    releases = lambda name: " and ".join(dict.fromkeys(of[name] for of in versions))
    return ", ".join(f"{name} {releases(name)}" for name in names)


def kept(suite: str) -> Iterator[list[dict[str, Any]]]:
    """The measurements of a suite, with each release of JAX."""
    yield from (record["measurements"] for record in records(suite).values())


def records(suite: str) -> dict[str, dict[str, Any]]:
    """What was kept of a suite on a CPU, by the release of JAX."""
    files = sorted(RESULTS.glob(f"cpu-jax-*/{suite}.json"))
    release = lambda file: file.parent.name.removeprefix("cpu-jax-")
    return {release(file): json.loads(file.read_text("utf-8")) for file in files}


def between(values: Iterable[float], form: str) -> str:
    """The lowest and the highest, or the one that both round to."""
    ordered = sorted(values)
    low, high = format(ordered[0], form), format(ordered[-1], form)
    return low if low == high else f"{low} to {high}"

"""Time and memory in the README file of benchmarks/results, over networks and releases of JAX."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from .networks import BASELINE, INTEGER
from .report import RESULTS, rows

OURS = "QPseudoSpike(2)"


def tables() -> dict[str, str]:
    """Times, shares of the plain step's memory, and tables, by name."""
    published = [*shares("published", "save_memory")]
    return {
        "speeds": speeds(),
        "memory": between(shares("memory", "save_memory"), ".0%"),
        "memory_published": between(published, ".0%"),
        "memory_published_median": f"{statistics.median(published):.0%}",
        "long_sequences": long_sequences(),
        "first_call": between(first_calls("gradient_flow"), ".0f"),
        "first_call_silent": between(first_calls("gradient_flow, silent network"), ".0f"),
        "peers": peers(),
        "peer_versions": peer_versions(),
    }


def faster(
    measurements: list[dict[str, Any]], other: str
) -> Iterator[tuple[tuple[str, str], float]]:
    """By table and work: the time with another surrogate, over the time with ours."""
    to_baseline = {(m["table"], m["work"], m["contestant"]): m["to_baseline"] for m in measurements}
    for (table, work, name), ratio in to_baseline.items():
        if name == other:
            yield (table, work), ratio / to_baseline[table, work, OURS]


def speeds() -> str:
    """A table: how many times as fast a step is as with braintools' class, by type of alpha."""
    columns = {
        f"{text}, JAX {release}": dict(faster(record["measurements"], other))
        for other, text in ((BASELINE, "float 2.0"), (INTEGER, "integer 2"))
        for release, record in records("networks").items()
    }
    works = dict.fromkeys(work for column in columns.values() for work in column)
    ratios = lambda of: [f"{column[of]:.1f}" for column in columns.values()]
    body = [[f"{of[0].split()[0].strip(',')}, {of[1]}", *ratios(of)] for of in works]
    return rows([["step", *columns], *body])


def first_calls(contestant: str) -> Iterator[float]:
    """In first training steps."""
    for measurements in kept("first_calls"):
        yield from (m["to_bound"] for m in measurements if m["contestant"] == contestant)


def shares(suite: str, contestant: str) -> Iterator[float]:
    for measurements in kept(suite):
        memory = {(m["table"], m["work"], m["contestant"]): m["memory_bytes"] for m in measurements}
        for (of, at, name), taken in memory.items():
            plain = memory[of, at, "plain"]  # None if a library of the network is missing
            if plain and name == contestant:
                yield taken / plain


def long_sequences() -> str:
    """A table: shares of the plain step's temporary memory over 5,000 and 10,000 steps."""
    columns = {
        f"{work}, JAX {release}": {
            m["contestant"]: m["memory_bytes"] for m in record["measurements"] if m["work"] == work
        }
        for work in ("5,000 steps", "10,000 steps")
        for release, record in records("long_sequences").items()
    }
    ways = next(iter(columns.values()))
    shares = lambda way: [f"{column[way] / column['plain']:.4f}" for column in columns.values()]
    return rows([["", *columns], *([way, *shares(way)] for way in ways)])


def peers() -> str:
    """A table: the processor time of a training step in other libraries, relative to ours."""
    columns: dict[str, dict[str, str]] = {}
    for release, record in records("peers").items():
        others = records("accelerator")[release]["measurements"]  # one more width
        steps = [m for m in record["measurements"] + others if m["table"] == "Training step"]
        for m in sorted(steps, key=lambda m: int(m["work"].split()[2])):
            column = columns.setdefault(f"{m['work'].partition(',')[0]}, JAX {release}", {})
            column[m["contestant"]] = f"{m['to_bound']:.2f}" if m["to_bound"] else "failed"
    compared = dict.fromkeys(m["contestant"] for m in record["measurements"])
    body = [[name, *(column.get(name, "") for column in columns.values())] for name in compared]
    return rows([["", *columns], *body])


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

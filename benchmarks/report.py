"""Saves results as JSON, and prints them as Markdown tables."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from .harness import Measurement

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "braintools-qps braintools brainstate brainunit brainpy jax jaxlib numpy "
    "torch spikingjelly snntorch norse spyx jaxpike"
).split()


def environment() -> dict[str, Any]:
    """The machine and its state: device, cores, load, XLA flags, versions, date."""
    return {
        "device": jax.devices()[0].device_kind,
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "flags": os.environ.get("XLA_FLAGS", ""),
        "python": platform.python_version(),
        "versions": _versions(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def folder(facts: dict[str, Any]) -> Path:
    """One folder for each device and release of JAX, such as ``results/cpu-jax-0.10``."""
    device = facts["device"].lower().replace(" ", "-")
    release = ".".join(facts["versions"]["jax"].split(".")[:2])
    return RESULTS / f"{device}-jax-{release}"


def write(suite: Any, facts: dict[str, Any], measurements: list[Measurement], to: Path) -> Path:
    """Write ``<suite>.json`` and return its path."""
    name = suite.__name__.rpartition(".")[2]
    to.mkdir(parents=True, exist_ok=True)
    record = {
        "suite": name,
        "environment": facts,
        "measurements": [dataclasses.asdict(m) for m in measurements],
    }
    file = to / f"{name}.json"
    file.write_text(json.dumps(record, indent=1) + "\n")
    return file


def markdown(title: str, facts: dict[str, Any], measurements: list[Measurement]) -> str:
    """A page: the title, the machine, and the tables.

    Times that were measured on a busy machine are marked as provisional.
    """
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    where = (
        f"Measured on {facts['date']} on {facts['device']} ({facts['processor']}, "
        f"{facts['cores']} cores, load {facts['load']}), Python {facts['python']}, {versions}."
    )
    if facts.get("flags"):
        where += f" With `XLA_FLAGS={facts['flags']}`."
    if "tests" in facts:
        where += f" `pytest tests/accelerator`: {facts['tests']}."
    if facts["load"] > 1 and any(m.quartiles_s for m in measurements):
        where += " **Something else was running: these times are provisional.**"
    heading, _, text = title.strip().partition("\n")
    parts = [f"# {heading.rstrip('.')}", *([text.strip()] if text.strip() else []), where]
    for name in dict.fromkeys(m.table for m in measurements):
        parts.append(f"## {name}")
        parts.append(_table([m for m in measurements if m.table == name]))
    return "\n\n".join(parts) + "\n"


def duration(seconds: float) -> str:
    """Three digits, in the unit that suits."""
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def rows(lines: Sequence[Sequence[object]]) -> str:
    """A Markdown table, whose first line has the headings."""
    ruled = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in ruled)


def _table(measurements: Iterable[Measurement]) -> str:
    """A table without its empty columns."""
    cells = [{title: cell(m) for title, cell in COLUMNS.items()} for m in measurements]
    titles = [title for title in COLUMNS if any(row[title] for row in cells)]
    return rows([titles, *([row[title] for title in titles] for row in cells)])


def _median(m: Measurement) -> str:
    if m.error:
        return f"failed: {m.error}"
    return duration(m.quartiles_s[1]) if m.quartiles_s else ""


def _quartiles(m: Measurement) -> str:
    return f"{duration(m.quartiles_s[0])} to {duration(m.quartiles_s[2])}" if m.quartiles_s else ""


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _above_bound(m: Measurement) -> str:
    return "" if m.to_bound is None else f"{max(0.0, 1 - 1 / m.to_bound):.0%}"


COLUMNS: dict[str, Callable[[Measurement], str]] = {
    "work": lambda m: m.work,
    "contestant": lambda m: m.contestant,
    "median": _median,
    "quartiles": _quartiles,
    "cores": lambda m: _number(m.cores, "{:.1f}"),
    "to bound": lambda m: _number(m.to_bound, "{:.2f}"),
    "above bound": _above_bound,
    "to braintools": lambda m: _number(m.to_baseline, "{:.2f}"),
    "compile": lambda m: "" if m.compile_s is None else duration(m.compile_s),
    "memory": lambda m: "" if m.memory_bytes is None else f"{m.memory_bytes / 1e6:.4g} MB",
}


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

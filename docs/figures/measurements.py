"""The figures of the benchmarks, drawn from `benchmarks/results` when the site is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.report import RESULTS

RELEASES = {"cpu-jax-0.10": "0.6", "cpu-jax-0.12": "tab:blue"}  # folder: color
DERIVATIVES = {
    "braintools QPseudoSpike(2)": "braintools QPseudoSpike",
    "QPseudoSpike(1.7)": "ours, alpha 1.7",
    "braintools ERF()": "braintools ERF",
    "QPseudoSpike(8)": "ours, alpha 8",
    "QPseudoSpike(2)": "ours, alpha 2",
    "braintools Arctan()": "braintools Arctan",
}


def _measured(release: str, suite: str) -> list[dict[str, Any]]:
    text = Path(RESULTS, release, f"{suite}.json").read_text(encoding="utf-8")
    return json.loads(text)["measurements"]


def _bars(axis: plt.Axes, values: dict[str, list[float]], form: str) -> None:
    """A group of bars for each name, one for each release of JAX, with their numbers."""
    for shift, (release, color) in zip((-0.2, 0.2), RELEASES.items()):
        places = np.arange(len(values)) + shift
        lengths = [value[shift > 0] for value in values.values()]
        label = release.removeprefix("cpu-").replace("-", " ")
        bars = axis.barh(places, lengths, 0.36, color=color, label=label)
        axis.bar_label(bars, fmt=form, padding=3, fontsize=8)
    axis.set_yticks(range(len(values)), values)
    axis.invert_yaxis()


def derivatives() -> None:
    """Time to differentiate 4 million spikes, relative to a product of two such arrays."""
    rows = {label: [] for label in DERIVATIVES.values()}
    for release in RELEASES:
        for m in _measured(release, "kernels"):
            if m["table"] == "Vector-Jacobian product" and m["contestant"] in DERIVATIVES:
                rows[DERIVATIVES[m["contestant"]]].append(m["to_bound"])
    _, axis = plt.subplots(figsize=(5.4, 3.2))
    _bars(axis, rows, "%.1f")
    axis.set(xlabel="time, relative to a product of two arrays")
    axis.legend(loc="lower right")


def training_steps() -> None:
    """Speed of a training step, relative to braintools' QPseudoSpike."""
    _, axes = plt.subplots(1, 2, figsize=(5.4, 2.8), sharey=True)
    for axis, kind in zip(axes, ("Feed-forward", "Recurrent")):
        for release, color in RELEASES.items():
            speeds = {
                int(m["work"].partition(" ")[0]): 1 / m["to_baseline"]
                for m in _measured(release, "networks")
                if m["table"] == f"{kind}, by neurons" and m["contestant"] == "QPseudoSpike(2)"
            }
            label = release.removeprefix("cpu-").replace("-", " ")
            axis.plot(list(speeds), list(speeds.values()), ".-", color=color, label=label)
        axis.set(title=kind.lower(), xlabel="neurons", xscale="log", ylim=(0, None))
        axis.set_xticks([32, 128, 512, 2048], ["32", "128", "512", "2048"])
        axis.minorticks_off()
        axis.axhline(1, color="0.3", linewidth=0.8)
    axes[0].set_ylabel("times as fast")
    axes[1].legend()


def long_sequences() -> None:
    """Temporary memory of a training step over 5,000 steps."""
    rows: dict[str, list[float]] = {}
    for release in RELEASES:
        for m in _measured(release, "long_sequences"):
            if m["work"] == "5,000 steps":
                rows.setdefault(m["contestant"], []).append(m["memory_bytes"] / 1e6)
    _, axis = plt.subplots(figsize=(5.4, 3.2))
    _bars(axis, rows, "%.1f MB")
    axis.set(xlabel="temporary memory (MB)", xlim=(None, 125))
    axis.legend(loc="lower right")

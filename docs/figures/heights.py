"""The figure of heights and shapes: ``python docs/figures/heights.py`` writes it again."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

DOCS = Path(__file__).parents[1]
LOSSES = DOCS.parent / "benchmarks" / "results" / "study" / "heights.json"
MARKS = {  # of the problems, by kind of network, in the order of the file
    "recurrent, 40 steps": ("o", "tab:blue"),
    "feed-forward, 8 layers": ("s", "tab:orange"),
    "recurrent, adapting, 46 steps": ("^", "tab:green"),
    "recurrent, synapses, 60 steps": ("v", "tab:purple"),
    "recurrent, 410 steps": ("D", "tab:red"),
    "recurrent, 3% fire": ("P", "0.5"),
}


def main() -> None:
    """Points below the best for each surrogate and problem, a panel for each way to train."""
    ways = json.loads(LOSSES.read_text("utf-8"))["points below the best"]
    plt.style.use(DOCS / "matplotlibrc")
    figure, axes = plt.subplots(1, len(ways), figsize=(7.6, 4.4), sharex=True, sharey=True)
    for axis, (way, losses) in zip(axes, ways.items()):
        rows = np.arange(len(losses))
        for problem, (kind, (marker, color)) in enumerate(MARKS.items()):
            points = [of_surrogate[problem] for of_surrogate in losses.values()]
            apart = rows + 0.13 * (problem - 2.5)
            axis.scatter(points, apart, s=14, marker=marker, color=color, label=kind)
        axis.axvline(0, color="0.5", linewidth=0.8)
        axis.hlines(rows[1:] - 0.5, -8, 82, color="0.5", alpha=0.3, linewidth=0.8)
        axis.set(title=way, xlim=(-8, 82))
    axes[0].set_yticks(rows, losses)
    axes[0].invert_yaxis()
    axes[1].set_xlabel("points of test accuracy below the best")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    plt.savefig(DOCS / "_static" / "heights.png")


if __name__ == "__main__":
    main()

"""The figure of heights and shapes: ``python docs/figures/heights.py`` writes it again."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

DOCS = Path(__file__).parents[1]
sys.path.append(str(DOCS.parent))  # benchmarks/ is not installed

from benchmarks.study.matter import half, lost  # noqa: E402
from benchmarks.study.trainings import NINE  # noqa: E402

WAYS = {
    "as it comes, rate 0.03": ("as it comes", "0.6"),
    "as it comes, rate tuned": ("as it comes, rate tuned", "tab:orange"),
    "lowered, rate tuned": ("tuned", "tab:blue"),
}


def main() -> None:
    """Points below the best for each surrogate, by how it is trained: a dot per problem."""
    plt.style.use(DOCS / "matplotlibrc")
    _, axis = plt.subplots(figsize=(6.4, 3.6))
    for shift, (name, (way, color)) in zip((-0.25, 0, 0.25), WAYS.items()):
        losses = [[lost(problem, label, way) for problem in half(True)] for label in NINE]
        rows = np.repeat(np.arange(len(losses)) + shift, len(losses[0]))
        axis.scatter(np.ravel(losses), rows, s=14, color=color, alpha=0.7, label=name)
    axis.set_yticks(range(len(NINE)), NINE)
    axis.invert_yaxis()
    axis.axvline(0, color="0.3", linewidth=0.8)
    axis.set_xlabel("points of test accuracy below the best")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    plt.savefig(DOCS / "_static" / "heights.png")


if __name__ == "__main__":
    main()

"""The figures of the study, drawn from its summary when the site is built."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from benchmarks.study import starts
from benchmarks.study.pages import SHOWN
from benchmarks.study.rules import RULES, lost
from benchmarks.study.trained import NORMALISED, over, problems_of
from benchmarks.study.trainings import SLOPES

COLORS = {"development": "0.6", "held out": "tab:blue"}
TAILS = ("tab:red", "tab:orange", "tab:blue")
TOP = 60.0  # points lost: beyond it the axis has no use


def _halves() -> dict:
    every = problems_of()
    return {"development": starts.look(False)(every), "held out": starts.look(True)(every)}


def mean_slopes() -> None:
    """Points lost over the mean slope before training: a dot for each setting of each problem."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
    for axis, (name, problems) in zip(axes, _halves().items()):
        for (group, labels), color in zip(starts.GROUPS.items(), TAILS):
            slopes, below = [], []
            for one in problems:
                rows = starts.rows_of(one, labels)
                slopes += one.slopes[rows, :NORMALISED].ravel().tolist()
                below += starts.losses(one, starts.UP_TO_01)[rows, :NORMALISED].ravel().tolist()
            label = group if axis is axes[0] else None
            axis.scatter(slopes, np.minimum(below, TOP), s=9, color=color, alpha=0.7, label=label)
        axis.axvline(SLOPES[0], color="0.3", linewidth=0.8)
        axis.set(title=name, xlabel="mean slope before training", xscale="log")
        axis.set_xticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
        axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("points below the best")
    figure.legend(loc="outside lower center", ncols=3)


def searches() -> None:
    """Points that each way to search loses: a dot for each problem, means with intervals."""
    figure, axis = plt.subplots(figsize=(8, 3))
    for shift, (name, problems) in zip((-0.15, 0.15), _halves().items()):
        for row, rule in enumerate(SHOWN):
            values = [lost(RULES[rule], one) for one in problems]
            place = np.full(len(values), row + shift)
            axis.scatter(values, place, s=12, color=COLORS[name], alpha=0.6)
            mean, low, high = over(values)
            label = name if row == 0 else None
            axis.errorbar(mean, row + shift, xerr=[[mean - low], [high - mean]], fmt="|",
                          color=COLORS[name], capsize=3, markersize=12, label=label)  # fmt: skip
    axis.set_yticks(range(len(SHOWN)), SHOWN)
    axis.invert_yaxis()
    axis.axvline(0, color="0.3", linewidth=0.8)
    axis.set_xlabel("points below the best of the whole grid")
    figure.legend(loc="outside lower center", ncols=2)

"""The figures of the study, drawn from its summary when the site is built."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.study import starts
from benchmarks.study.pages import SHOWN
from benchmarks.study.rules import RULES, lost
from benchmarks.study.trained import NORMALISED, half, over
from benchmarks.study.trainings import SLOPES

COLORS = {"development": "0.6", "held out": "tab:blue"}
LEAST = 0.01  # mean slopes below it are drawn there
TOP = 60.0  # points lost: beyond it the axis has no use


def _halves() -> dict:
    return {"development": half(False), "held out": half(True)}


def mean_slopes() -> None:
    """Points lost over the mean slope before training: a dot for each setting of each problem."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
    for axis, (rates, title) in zip(
        axes, ((starts.UP_TO_01, "learning rates up to 0.1"), (starts.AT_03, "learning rate 0.3"))
    ):
        for name, problems in _halves().items():
            for number, one in enumerate(problems):
                slopes = np.maximum(one.slopes[:, :NORMALISED].ravel(), LEAST)
                below = np.minimum(starts.losses(one, rates)[:, :NORMALISED].ravel(), TOP)
                label = name if number == 0 and axis is axes[0] else None
                axis.scatter(slopes, below, s=9, color=COLORS[name], alpha=0.6, label=label)
        axis.axvline(SLOPES[0], color="0.3", linewidth=0.8)
        axis.set(title=title, xlabel="mean slope before training", xscale="log")
        axis.set_xticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
    axes[0].set_ylabel("points below the best")
    figure.legend(loc="outside lower center", ncols=2)


def searches() -> None:
    """Points that each way to search loses: a dot for each problem, means with intervals."""
    figure, axis = plt.subplots(figsize=(8, 3))
    for shift, (name, problems) in zip((-0.15, 0.15), _halves().items()):
        for row, rule in enumerate(SHOWN):
            values = [lost(RULES[rule], one) for one in problems]
            if not values:
                continue
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

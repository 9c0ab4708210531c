"""The figure of the study, drawn from its scores when the site is built."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from benchmarks.study.start import TOO_HIGH, look, slopes_and_losses
from benchmarks.study.trained import trained

TAILS = {
    "alpha 1/2": (("alpha 1/2",), "tab:red"),
    "alpha 2, S2NN": (("alpha 2", "S2NN"), "tab:orange"),
    "alpha 8, ∞, Sigmoid": (("alpha 8", "alpha ∞", "Sigmoid"), "tab:blue"),
}
TOP = 60.0  # points lost: beyond it the axis has no use


def mean_slopes() -> None:
    """Points lost over the mean slope before training: a dot for each setting of each problem."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
    for axis, name in zip(axes, ("development", "held out")):
        problems = look(name == "held out")(trained("study"))
        for group, (labels, color) in TAILS.items():
            dots = [
                slopes_and_losses(problem, [label for label in labels if label in problem.test])
                for problem in problems
            ]
            slopes, losses = np.concatenate(dots).T
            label = group if axis is axes[0] else None
            axis.scatter(slopes, np.minimum(losses, TOP), s=9, color=color, alpha=0.7, label=label)
        axis.axvline(TOO_HIGH, color="0.3", linewidth=0.8)
        axis.set(title=name, xlabel="mean slope before training", xscale="log")
        axis.set_xticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
        axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("points below the best")
    figure.legend(loc="outside lower center", ncols=3)

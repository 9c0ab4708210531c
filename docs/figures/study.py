"""The figures of the surrogate study, drawn from its JSON when the site is built."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from benchmarks.study import defaults, equal, predict, regret, shapes, tails, variance
from benchmarks.study.data import Problem, alpha_of, alphas, cube, own, problems
from benchmarks.study.design import DAMPENINGS, FEWER_DAMPENINGS, SPREAD
from benchmarks.study.intervals import Effect, over
from benchmarks.study.store import Store

PARTS = {
    "task": "0.8", "scale": "tab:brown", "tail": "tab:blue", "dampening": "tab:orange",
    "learning rate": "tab:green", "tail by dampening": "tab:purple", "other interactions": "0.6",
}  # fmt: skip
FREEDOM_LABELS = {
    "nothing": "nothing: rate 0.1, dampening 1",
    "learning rate": "learning rate",
    "dampening": "dampening",
    "both": "both",
}


def variance_shares() -> None:
    """One bar for all problems, one for each of them."""
    store = Store()
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True)
    titles = "dampening 1/16 to 1", "dampening 1/16 to 1/4 only"
    for axis, title, dampenings in zip(axes, titles, (FEWER_DAMPENINGS, variance.LOW)):
        together = {n: e.value for n, e in variance.over_tasks(store, dampenings).items()}
        bars = {"all together": together} | variance.by_problem(store, dampenings)
        for row, of_one in enumerate(bars.values()):
            left = 0.0
            for name, share in of_one.items():
                label = name if row == 0 else None
                axis.barh(row, 100 * share, left=100 * left, color=PARTS[name], label=label)
                left += share
        axis.set(title=title, xlabel="% of the variance of test accuracy", xlim=(0, 100))
    axes[0].set_yticks(range(len(bars)), list(bars))
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)


def tails_by_freedom() -> None:
    """Accuracy over the tail, for each problem, by what a tail has of its own."""
    store = Store()
    shown = [one for one in problems(store) if _curves(store, one)]
    columns = 4
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9.5, 2.3 * rows), squeeze=False)
    for axis, problem in zip(axes.flat, shown):
        for (freedom, (names, effects)), color in zip(_curves(store, problem).items(), _COLORS):
            _line(axis, names, effects, color, FREEDOM_LABELS[freedom])
        axis.set_title(problem.label, fontsize="small")
    for axis in axes.flat[len(shown) :]:
        axis.axis("off")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, title="of its own")
    for row in axes:
        row[0].set_ylabel("test accuracy %", fontsize="small")
    for axis in axes.flat[max(0, len(shown) - columns) : len(shown)]:
        axis.set_xlabel("alpha", fontsize="small")


_COLORS = ("0.6", "tab:green", "tab:orange", "tab:blue")


def _curves(store: Store, problem: Problem) -> dict[str, tuple[list[float], list[Effect]]]:
    found = {}
    for freedom in FREEDOM_LABELS:
        scores = {n: own(store, problem, n, freedom) for n in alphas(store, problem)}
        known = {alpha_of(n): over(one) for n, one in scores.items() if one is not None}
        if len(known) > 3:
            found[freedom] = list(known), list(known.values())
    return found


def _line(
    axis: plt.Axes, names: list[float], effects: list[Effect], color: str, label: str
) -> None:
    low, value, high = (
        np.array([getattr(e, n) for e in effects]) for n in ("low", "value", "high")
    )
    places = [np.log2(x) if np.isfinite(x) else 5.5 for x in names]
    axis.errorbar(places, value, (value - low, high - value), color=color, label=label, capsize=2)
    axis.set_xticks(places, [f"{x:g}".replace("inf", "∞") for x in names], fontsize="x-small")


def difficulty() -> None:
    """Differences between tails over how hard a problem is."""
    store = Store()
    found = tails.all_spreads(store)
    hard = tails.difficulty(found["both"])
    _, axis = plt.subplots(figsize=(5, 3.2))
    for freedom, color in (("learning rate", "tab:green"), ("both", "tab:blue")):
        labels = [label for label in found[freedom] if label in hard]
        x, y = [hard[n] for n in labels], [found[freedom][n].sd for n in labels]
        axis.plot(x, y, "o", color=color, label=FREEDOM_LABELS[freedom])
    axis.set(xlabel="points that the best tail misses", ylabel="points between tails (SD)")
    axis.legend(title="of its own")


def shape_and_height() -> None:
    """Accuracy of every shape over its height, each at its own learning rate."""
    store = Store()
    shown = [p for p in problems(store) if shapes.at_own_rate(store, p, shapes.SHAPES) is not None]
    figure, axes = plt.subplots(1, len(shown), figsize=(2.4 * len(shown), 2.8), squeeze=False)
    colors = plt.cm.viridis(np.linspace(0, 0.9, len(shapes.SHAPES)))
    for axis, problem in zip(axes.flat, shown):
        accuracy = shapes.at_own_rate(store, problem, shapes.SHAPES)
        for name, row, color in zip(shapes.SHAPES, accuracy, colors):
            style = "-" if name.startswith("alpha") else ":"
            axis.plot(np.log2(DAMPENINGS), row, style, color=color, label=name)
        axis.set_title(problem.label, fontsize="small")
        axis.set_xticks(np.log2(DAMPENINGS), _fractions(DAMPENINGS), fontsize="x-small")
        axis.set_xlabel("dampening")
    axes[0, 0].set_ylabel("test accuracy %")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize="x-small")


def one_at_a_time() -> None:
    """Effects of dampening, of width at one peak and of the tail, with intervals."""
    store = Store()
    found = {
        "dampening, against 1": shapes.dampening_effect(store),
        "width at one peak, against 1": shapes.width_effect(store),
        "alpha, against ∞": shapes.tail_effect(store),
        "alpha at dampening ≤ 1/4": shapes.tail_effect(store, variance.LOW),
    }
    _, axes = plt.subplots(1, len(found), figsize=(9.5, 2.6))
    for axis, (title, effects) in zip(axes, found.items()):
        names = [name.removeprefix("alpha ").replace("inf", "∞") for name in effects]
        _dots(axis, dict(zip(names, effects.values())))
        axis.set_title(title, fontsize="small")
    axes[0].set_ylabel("points of test accuracy")


def _dots(axis: plt.Axes, effects: Mapping[str, Effect], color: str = "tab:blue") -> None:
    low, value, high = (
        np.array([getattr(e, n) for e in effects.values()]) for n in ("low", "value", "high")
    )
    axis.axhline(0, color="0.8", linewidth=0.8)
    axis.errorbar(range(len(value)), value, (value - low, high - value), fmt="o", color=color)
    axis.set_xticks(range(len(value)), list(effects), fontsize="x-small", rotation=30)


def equalised() -> None:
    """Curves of all tails over three numbers, on one problem; and the error over all problems."""
    store = Store()
    problem = problems(store)[0]
    known, accuracy = equal.numbers(store, problem), cube(store, problem)
    _, axes = plt.subplots(1, 4, figsize=(10, 2.8), width_ratios=(1, 1, 1, 1.2))
    colors = plt.cm.viridis(np.linspace(0, 0.9, len(SPREAD)))
    for axis, name in zip(axes, ("peak", "mean_slope", "growth")):
        for tail, x, y, color in zip(SPREAD, known[name], accuracy[..., predict.RATE], colors):
            axis.plot(x, y, ".-", color=color, label=tail)
        axis.set(xlabel=equal.NAMES[name], xscale="linear" if name == "growth" else "log")
        axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("test accuracy %")
    axes[0].legend(fontsize="xx-small")
    axes[1].set_title(f"{problem.label}, learning rate 0.1", fontsize="small")
    errors = equal.intervals(equal.over_problems(store, equal.error))
    _dots(axes[3], {equal.NAMES[name]: effect for name, effect in errors.items()})
    axes[3].set_title("error in points, all problems", fontsize="small")


def predictions() -> None:
    """Rank correlations with accuracy, by what is compared."""
    found = predict.correlations(Store())
    figure, axes = plt.subplots(1, len(predict.VIEWS), figsize=(10, 3.2), sharey=True)
    for axis, view in zip(axes, predict.VIEWS):
        effects = {name: views[view] for name, views in found.items()}
        for row, effect in enumerate(effects.values()):
            axis.plot([effect.low, effect.high], [row, row], color="tab:blue")
            axis.plot(effect.value, row, "o", color="tab:blue")
        axis.axvline(0, color="0.8", linewidth=0.8)
        axis.set(title=view.replace(", ", ",\n"), xlim=(-1, 1))
        axis.title.set_fontsize("small")
    axes[0].set_yticks(range(len(found)), list(found))
    axes[0].invert_yaxis()
    figure.supxlabel("rank correlation with test accuracy")


def search_regret() -> None:
    """Points lost by the search, by candidate."""
    found = regret.regrets(Store())
    _, axis = plt.subplots(figsize=(6, 3.4))
    for row, one in enumerate(found.values()):
        values = list(one.by_candidate.values())
        axis.plot(values, np.full(len(values), row), "o", alpha=0.5, color="tab:blue")
        axis.plot([one.mean.low, one.mean.high], [row + 0.2] * 2, color="black")
        axis.plot(one.mean.value, row + 0.2, "d", color="black")
    axis.axvline(0, color="0.8", linewidth=0.8)
    axis.set_yticks(range(len(found)), list(found))
    axis.set(xlabel="points lost, by candidate; mean in black", ylim=(-0.5, len(found) - 0.3))


def where_to_start() -> None:
    """How often each tail and dampening is within noise of the best, and what it loses."""
    store = Store()
    shares, losses = defaults.widths(store)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3))
    titles = "% of tasks and rates within noise", "mean loss in points"
    for axis, values, title, colors in zip(
        axes, (100 * shares, losses), titles, ("viridis", "viridis_r")
    ):
        shown = axis.imshow(values, cmap=colors, aspect="auto", vmax=min(values.max(), 100))
        for (row, column), value in np.ndenumerate(values):
            ink = "black" if np.mean(shown.to_rgba(value)[:3]) > 0.45 else "white"
            axis.text(column, row, f"{value:.0f}" if values is not losses else f"{value:.1f}",
                      ha="center", va="center", fontsize="x-small", color=ink)  # fmt: skip
        axis.set_xticks(range(len(FEWER_DAMPENINGS)), _fractions(FEWER_DAMPENINGS))
        axis.set_yticks(range(len(SPREAD)), [n.replace("alpha inf", "∞") for n in SPREAD])
        axis.set(title=title, xlabel="dampening")
        figure.colorbar(shown)


def _fractions(values: tuple[float, ...]) -> list[str]:
    return [f"1/{round(1 / v)}" if v < 1 else f"{v:g}" for v in values]

"""Where to start: which height and learning rate hold without a search, and what a search gains."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..named import function
from .trained import Effect, Trained, over, table, trained, trainings_of
from .trainings import BOOK, HEIGHTS, RATES

MOST_LOST = 1.5  # points: the aim for the default of `compare`
GRID = tuple(HEIGHTS)[:4]  # dampenings
LOW = "mean slope 0.1"
TOO_HIGH = 0.2  # what `gradient_flow` calls so

Problems = Sequence[Trained]
Chosen = Callable[[Problems], Problems]


def look(held_out: bool, wave: int | None = None) -> Chosen:
    """The problems of a half, in one wave or in both."""
    return lambda problems: [
        p
        for p in problems
        if p.plan.problem.held_out is held_out and wave in (None, p.plan.problem.wave)
    ]


def deep(problems: Problems) -> Problems:
    return [p for p in problems if "three layers" in p.plan.problem.name]


def hard(problems: Problems) -> Problems:
    """The third of the problems with the lowest best accuracy."""
    return sorted(problems, key=lambda p: p.best(p.at()))[: round(len(problems) / 3)]


LOOKS = {"dev": look(False), "held": look(True), "first": look(True, 1), "second": look(True, 2)}
# Columns: learning rates and problems; three layers and hard problems are too few in one half.
CASES: dict[str, tuple[Sequence[float], Chosen]] = {
    "second look": (RATES, look(True, 2)),
    "both looks": (RATES, look(True)),
    "rate 0.3": ((0.3,), look(True)),
    "three layers †": (RATES, deep),
    "hardest third †": (RATES, hard),
}


def below(problem: Trained, label: str, height: str, rates: Sequence[float] = RATES) -> float:
    """Points below the best surrogate and height at the same learning rate: a mean over rates."""
    lost = [
        problem.best(problem.at([rate])) - problem.test[label][problem.at([rate], [height])].mean()
        for rate in rates
    ]
    return float(np.mean(lost))


def gain(problem: Trained, label: str) -> float:
    """Points that a mean slope of 0.1 gains over a dampening of 1."""
    return below(problem, label, "1") - below(problem, label, LOW)


def lost(
    problem: Trained, rates: Sequence[float] = RATES, heights: Sequence[str] = (LOW,)
) -> float:
    """What a search ends below the best dampening and learning rate of each candidate."""
    grid, settings = problem.at((), GRID), problem.at(rates, heights)
    each = [
        problem.best(grid, [label]) - problem.chosen(label, settings).mean()
        for label in problem.plan.labels
    ]
    return float(np.mean(each))


def one_run(problem: Trained, label: str, rate: float = 0.03) -> float:
    """What one training at a mean slope of 0.1 ends below the best of all that was trained."""
    return problem.best(problem.at()) - float(problem.test[label][problem.at([rate], [LOW])].mean())


def slower(problem: Trained) -> float:
    """Points that a learning rate of 0.01 gains over 0.03."""
    return one_run(problem, "alpha 8", 0.03) - one_run(problem, "alpha 8", 0.01)


def wide(problem: Trained) -> float:
    """The same with 256 neurons."""
    return slower(problem) if "256 neurons" in problem.plan.problem.name else math.nan


def slopes_and_losses(problem: Trained, labels: Iterable[str] = ()) -> np.ndarray:
    """Mean slopes of surrogates at each dampening, and what they lose up to a rate of 0.1."""
    return np.array(
        [
            (problem.slopes[label] * HEIGHTS[height]["dampening"], below(problem, label, height))
            for label in labels or problem.plan.labels
            for height in GRID
        ]
    )


def picked(problem: Trained, is_high: bool) -> float:
    """What is lost by a surrogate with a mean slope above 0.2, or with one of at most 0.2."""
    slopes, losses = slopes_and_losses(problem).T
    return float(losses[(slopes > TOO_HIGH) == is_high].mean())


def lost_to_grid(problem: Trained) -> float:
    """What a search of one height loses against one of four dampenings."""
    return lost(problem) - lost(problem, (), GRID)


def at_rate(problem: Trained, rate: float) -> float:
    """What the best of a learning rate loses."""
    return problem.best(problem.at()) - problem.best(problem.at([rate]))


MEASURES: dict[str, Callable[[Trained], float]] = {
    name: function(of, globals()) for name, of in BOOK["start"]["measures"].items()
}


def tables() -> dict[str, str]:
    """The table and the figures of the pages, by name."""
    problems = trained("study")
    looks = {name: some(problems) for name, some in LOOKS.items()}
    search = over(map(lost, looks["held"]))
    minutes = {w: sum(p.minutes for p in problems if p.plan.problem.wave == w) for w in (1, 2)}
    return {
        "start": start_table(problems),
        "problems": str(len(problems)),
        "trainings": trainings_of(problems),
        "most_lost": f"{MOST_LOST:g}",
        "excludes": "excludes" if search.high < MOST_LOST else "does not exclude",
        **{f"minutes_{wave}": f"{total:.0f}" for wave, total in minutes.items()},
        **{f"{name}_problems": str(len(some)) for name, some in looks.items()},
        **{
            f"{name}_{measured}_interval": str(over(map(measure, some)))
            for name, some in looks.items()
            for measured, measure in MEASURES.items()
        },
    }


def start_table(problems: Problems) -> str:
    """What a start loses against the best of the same rate, and its mean slope."""
    rows = [
        [label, height, f"{slope(problems, label, height):.2f}", *losses(problems, label, height)]
        for label, height in BOOK["start"]["rows"]
    ]
    return table(["surrogate", "dampening", "mean slope", *CASES], rows)


def slope(problems: Problems, label: str, height: str) -> float:
    """The mean slope before training, as a mean over problems."""
    setting = HEIGHTS[height]
    factor, most = setting.get("dampening", 1.0), setting.get("mean_slope", math.inf)
    return float(np.mean([min(factor * p.slopes[label], most) for p in problems]))


def losses(problems: Problems, label: str, height: str) -> list[Effect]:
    return [
        over(below(p, label, height, rates) for p in some(problems))
        for rates, some in CASES.values()
    ]

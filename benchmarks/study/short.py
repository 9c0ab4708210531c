"""What short trainings need: learning rates after few epochs, and after all."""

from __future__ import annotations

import json

import numpy as np

from .start import LOW
from .trained import Trained, over, table, trained
from .trainings import RATES, RESULTS

HIGH, USUAL, SLOW = RATES


def lost_to(problem: Trained, rate: float, other: float) -> float:
    """Points that alpha 8 at a rate ends below another rate, lowered."""
    mean = lambda at: problem.test["alpha 8"][problem.at([at], [LOW])].mean()
    return float(mean(other) - mean(rate))


def quarter() -> dict[str, str]:
    """What a learning rate costs after a quarter of the epochs, and after all."""
    full = {problem.plan.problem.name: problem for problem in trained("matter")}
    rows = [
        [
            (name := problem.plan.problem.name),
            f"{problem.plan.problem.epochs} of {full[name].plan.problem.epochs}",
            *(lost_to(of, rate, HIGH) for of in (problem, full[name]) for rate in (USUAL, SLOW)),
        ]
        for problem in trained("short")
    ]
    effects = [over(row[column] for row in rows) for column in range(2, 6)]
    head = ["problem", "epochs", "0.03, short", "0.01, short", "0.03, all", "0.01, all"]
    names = ("usual_short", "slow_short", "usual_all", "slow_all")
    return {"short": table(head, rows)} | dict(zip(names, map(str, effects)))


def tables() -> dict[str, str]:
    """Tables and figures of the page, by name."""
    problems = json.loads((RESULTS / "short_rounds.json").read_text("utf-8"))["problems"]
    means = [{float(rate): np.mean(of[rate]) for rate in of} for of in problems.values()]
    texts = {
        "rounds": str(len(means)),
        "rounds_slow": str(sum(of[SLOW] > of[USUAL] for of in means)),
        "rounds_high": str(sum(of[HIGH] < of[USUAL] for of in means)),
    }
    return {f"short_{name}": text for name, text in (texts | quarter()).items()}

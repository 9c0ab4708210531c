"""All numbers of the study that pages may quote, nested under their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import (
    advised,
    defaults,
    equal,
    joint,
    picks,
    predict,
    regret,
    shapes,
    tables,
    tails,
    variance,
)
from .data import Problem, cube, measured, own, problems, ruled
from .design import (
    CANDIDATES,
    CUE,
    DAMPENINGS,
    FEWER_RATES,
    ROWS,
    SCALES,
    SPREAD,
)  # fmt: skip
from .intervals import Effect, over
from .picks import FREEDOMS
from .plan import RULED, RULES
from .store import Store


def everything(store: Store) -> dict[str, Any]:
    """Numbers in points or percent, effects with their intervals, tables."""
    spreads = tails.all_spreads(store)
    hard = tails.difficulty(spreads["both"])
    return {
        "problems": len(problems(store)),
        "cost": cost(store),
        "share": _times(100, variance.over_tasks(store)),
        "share at low dampening": _times(100, variance.over_tasks(store, variance.LOW)),
        "share with scale": {n: _times(100, of) for n, of in variance.with_scale(store).items()},
        "seed": {
            name: {"share": 100 * share, "sd": sd}
            for name, (share, sd) in variance.seeds(store).items()
        },
        "accuracy": {problem.label: accuracies(store, problem) for problem in problems(store)},
        "at rate": {problem.label: by_rate(store, problem) for problem in problems(store)},
        "turn": turn(store),
        "spread": {f: {n: one.spread for n, one in of.items()} for f, of in spreads.items()},
        "chance": {f: {n: one.by_chance for n, one in of.items()} for f, of in spreads.items()},
        "from thinnest": {n: tails.from_thinnest(one) for n, one in spreads["both"].items()},
        "trend": {
            freedom: ranks(tails.trend(spreads[freedom], hard))
            for freedom in ("learning rate", "both")
        },
        "shape": {p.label: shapes.of_shape_and_height(store, p) or {} for p in problems(store)},
        "dampening": shapes.dampening_effect(store),
        "tail": shapes.tail_effect(store),
        "tail at low dampening": shapes.tail_effect(store, variance.LOW),
        "width": shapes.width_effect(store),
        "error": equal.intervals(equal.over_problems(store, equal.error)),
        "gap": equal.intervals(equal.over_problems(store, equal.spread)),
        "error among thin tails": equal.thin_tails(store),
        "correlation": {
            name: {view: ranks(effect) for view, effect in views.items()}
            for name, views in predict.correlations(store).items()
        },
        "lost at 0.1": {
            rule: over(list(of.values())) for rule, of in predict.regrets(store).items()
        },
        "second seed": {
            task: {"most": max(of.values()), "mean": float(np.mean(list(of.values())))}
            for task in (ROWS, CUE)
            if (of := regret.of_second_seed(store, task))
        },
        "lost by problem": predict.regrets(store),
        "rule": {rule: ruled_scores(store, rule) for rule in RULES},
        "below": {
            label: {"settings": count, "lowest": lowest, "best": best}
            for label, (count, lowest, best) in equal.below(store, 0.15).items()
        },
        "proposals": proposals(store),
        "advice": advised.numbers(advised.kept()),
        "search": search(store),
        "joint": joint_search(store),
        "default": default(store),
        "table": {name: make(store) for name, make in tables.TABLES.items()},
    }


def search(store: Store) -> dict[str, Any]:
    """What the search of `compare`, and those that were tried for it, lose and cost."""
    lost = {
        name: {label: one.mean for label, one in regret.regrets(store, of).items()}
        for name, of in picks.SEARCHES.items()
    }
    return lost | {
        "cost": 100 * regret.cost(),
        "cost of six tails": 100 * regret.cost(max(regret.regrets(store)[ROWS].settings)),
        "worst": regret.worst(store),
        "third": dict(zip(("searches", "chosen"), regret.of_third(store))),
        "outer rates": dict(zip(("grids", "best"), regret.outer_rates(store))),
        "two seeds": {task: regret.of_two_seeds(store, task) for task in (ROWS, CUE)},
    }


def joint_search(store: Store) -> dict[str, Any]:
    """The same for the search of large grids, of which it tries a random sample."""
    lost = joint.lost(store)
    return {label: one.mean for label, one in lost.items()} | {
        "cost": 100 * joint.cost(),
        "settings": joint.SETTINGS,
        "tried": joint.TRIED,
        "unsampled": {label: one.unsampled for label, one in lost.items()},
        "samples": joint.SAMPLES,
    }


def cost(store: Store) -> dict[str, Any]:
    """Trainings, and the processor's time for them."""
    seconds = sum(cell["cpu_seconds"] for cell in store.cells.values())
    tested = [cell["test"] for cell in store.cells.values() if "test" in cell]
    facts = store.record["environments"][-1]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return {
        "runs": f"{sum(np.size(one) for one in tested):,}",
        "minutes": f"{seconds / 60:.0f}",
        "date": facts["date"][:10],
        "environment": f"on {facts['device']} ({facts['processor']}, {facts['cores']} cores) "
        f"beside other work, Python {facts['python']}, {versions}",
    }


def accuracies(store: Store, problem: Problem) -> dict[str, dict[str, Effect]]:
    """Percent by candidate and what it has of its own, where it was reported."""
    return {
        name: {
            freedom: over(scores)
            for freedom in FREEDOMS
            if (scores := own(store, problem, name, freedom)) is not None
        }
        for name in CANDIDATES
    }


def by_rate(store: Store, problem: Problem) -> dict[str, dict[str, float]]:
    """Percent in the common grid by learning rate and tail: means over the dampenings."""
    means = cube(store, problem).mean(axis=1)
    return {
        f"{rate:g}": dict(zip(SPREAD, means[:, number].tolist()))
        for number, rate in enumerate(FEWER_RATES)
    }


def turn(store: Store) -> dict[str, dict[str, str]]:
    """Alpha 2 at half the scale on digits-rows, as its dampening rises past the growth's turn."""
    problem, found = Problem(ROWS), {}
    scores = cube(store, problem, ["alpha 2"], DAMPENINGS, FEWER_RATES, 0.5)
    flows = {n: measured(store, problem, "alpha 2", n) for n in ("growth", "consistency")}
    if scores is None or any(one is None for one in flows.values()):
        return {}
    for dampening in (1.0, 2.0):
        at = DAMPENINGS.index(dampening)
        found[f"{dampening:g}"] = {
            n: f"{one[SCALES.index(0.5), at]:.2f}" for n, one in flows.items()
        }
        found[f"{dampening:g}"]["accuracy"] = f"{scores[0, at, FEWER_RATES.index(0.1)]:.0f}"
    return found


def ruled_scores(store: Store, rule: str) -> dict[str, dict[str, Effect]]:
    """Percent by problem and tail where a rule of `normalize_surrogate` chose the dampening."""
    return {
        problem.label: {
            name: over(scores)
            for name in RULED
            if (scores := ruled(store, problem, name, rule)) is not None
        }
        for problem in problems(store)
    }


def proposals(store: Store) -> dict[str, str]:
    """How often `gradient_flow` proposed anything, and how high the growth can be brought."""
    found = [cell for key, cell in store.cells.items() if key.startswith("proposal ")]
    made = [cell for cell in found if any(cell["factors"].values())]
    highest = [cell["highest"] for cell in found if cell["highest"] is not None]
    span = f"{min(highest):.2f} to {max(highest):.2f}" if highest else ""
    return {"asked": f"{len(found)}", "made": f"{len(made)}", "highest": span}


def default(store: Store) -> dict[str, Any]:
    """Where to start, how wide it is, and what others lose."""
    tail, dampening = defaults.recommended(store)
    shares, _ = defaults.widths(store)
    found = {
        f"{name}, dampening {one:g}": defaults.losses_of(store, name, one)
        for name, one in defaults.BESIDE
    }
    return {
        "tail": tail,
        "dampening": f"1/{round(1 / dampening)}" if dampening < 1 else f"{dampening:g}",
        "lost": defaults.losses_of(store, tail, dampening),
        "lost, left out": defaults.left_out(store),
        "within": 100 * float(shares[defaults.place(tail, dampening)]),
        "beside": found,
    }


def ranks(effect: Effect) -> dict[str, str]:
    """A rank correlation, which needs two digits."""
    return {"": f"{effect.value:+.2f}", "with interval": f"{effect:+.2f}"}


def _times(factor: float, effects: Mapping[str, Effect | float]) -> dict[str, Any]:
    return {
        name: Effect(*(factor * x for x in one)) if isinstance(one, Effect) else factor * one
        for name, one in effects.items()
    }

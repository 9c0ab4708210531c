"""All numbers of the study that pages may quote, nested under their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import defaults, equal, predict, regret, shapes, tables, tails, variance
from .data import Problem, full, own, problems
from .design import CANDIDATES
from .intervals import Effect, over
from .picks import FREEDOMS
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
        "spread": {f: {n: one.spread for n, one in of.items()} for f, of in spreads.items()},
        "chance": {f: {n: one.by_chance for n, one in of.items()} for f, of in spreads.items()},
        "from thinnest": {n: tails.from_thinnest(one) for n, one in spreads["both"].items()},
        "trend": {
            freedom: ranks(tails.trend(spreads[freedom], hard))
            for freedom in ("learning rate", "both")
        },
        "shape": {p.label: shapes.of_shape_and_height(store, p) or {} for p in full(store)},
        "dampening": shapes.dampening_effect(store),
        "tail": shapes.tail_effect(store),
        "tail at low dampening": shapes.tail_effect(store, variance.LOW),
        "width": shapes.width_effect(store),
        "error": equal.intervals(equal.over_problems(store, equal.error)),
        "error among thin tails": equal.thin_tails(store),
        "correlation": {
            name: {view: ranks(effect) for view, effect in views.items()}
            for name, views in predict.correlations(store).items()
        },
        "lost at 0.1": {
            rule: over(list(of.values())) for rule, of in predict.regrets(store).items()
        },
        "proposals": proposals(store),
        "search": {
            task: {"regret": one.mean, "high": one.high}
            for task, one in regret.regrets(store).items()
        }
        | {"cost": f"{100 * regret.cost():.0f}"},
        "default": default(store),
        "table": {name: make(store) for name, make in tables.TABLES.items()},
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

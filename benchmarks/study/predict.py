"""Does what `gradient_flow` measures before training predict the accuracy after it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.stats import spearmanr

from .data import Problem, cube, measured, problems
from .design import FEWER_DAMPENINGS, FEWER_RATES, SPREAD
from .intervals import Effect, bootstrap
from .store import Store

TARGET = 0.1  # a mean slope; fixed before anything was trained with it
RATE = FEWER_RATES.index(0.1)

# A higher number is said to predict a higher accuracy.
PREDICTORS: Mapping[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "growth": ("growth", lambda x: x),
    "nearness of growth to 1": ("growth", lambda x: -np.abs(np.log(x))),
    "reach": ("reach", lambda x: x),
    "consistency": ("consistency", lambda x: x),
    "low mean slope": ("mean_slope", lambda x: -x),
    "low mean square slope": ("square_slope", lambda x: -x),
    "small dL/dV": ("size", lambda x: -x),
}
VIEWS = (
    "all settings",
    "within a tail, over dampening",
    "across tails, at dampening 1",
    "across tails, each at its own dampening",
)


def known(store: Store, problem: Problem, predictor: str) -> np.ndarray | None:
    """A predictor by tail and dampening."""
    name, of = PREDICTORS[predictor]
    rows = [measured(store, problem, tail, name) for tail in SPREAD]
    if any(row is None for row in rows):
        return None
    return of(np.stack([row[0, : len(FEWER_DAMPENINGS)] for row in rows]))


def correlations(store: Store) -> dict[str, dict[str, Effect]]:
    """By predictor and view, the mean over problems with its interval over problems."""
    found: dict[str, dict[str, list[float]]] = {}
    for problem in problems(store):
        tested, validated = cube(store, problem), cube(store, problem, field="validation")
        for predictor in PREDICTORS:
            x = known(store, problem, predictor)
            if x is None or tested is None or validated is None:
                continue
            for view, value in _views(x, tested[..., RATE], validated[..., RATE]).items():
                found.setdefault(predictor, {}).setdefault(view, []).append(value)
    return {
        predictor: {view: _mean(values) for view, values in views.items()}
        for predictor, views in found.items()
    }


def _views(x: np.ndarray, y: np.ndarray, validated: np.ndarray) -> dict[str, float]:
    at_one = FEWER_DAMPENINGS.index(1.0)
    own = validated.argmax(axis=1)
    rows = np.arange(len(x))
    return dict(
        zip(
            VIEWS,
            (
                _rank(x.ravel(), y.ravel()),
                float(np.mean([_rank(*one) for one in zip(x, y)])),
                _rank(x[:, at_one], y[:, at_one]),
                _rank(x[rows, own], y[rows, own]),
            ),
        )
    )


def _rank(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's, 0 where either is constant: it then predicts nothing."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(spearmanr(x, y).statistic)


def _mean(values: list[float]) -> Effect:
    """Over problems, with the bootstrap's interval, which keeps within -1 and 1."""
    found = np.array(values)
    return bootstrap(lambda rows: float(found[rows].mean()), len(found))


def nearest_to_one(store: Store, problem: Problem) -> tuple[int, int] | None:
    """Where the growth is nearest to 1 without changing sign from step to step.

    Places in the tails and dampenings of the common grid.
    """
    near, direction = (known(store, problem, n) for n in ("nearness of growth to 1", "consistency"))
    if near is None or direction is None:
        return None
    place = np.unravel_index(np.argmax(np.where(direction > 0, near, -np.inf)), near.shape)
    return int(place[0]), int(place[1])


def first_in_order(store: Store, problem: Problem) -> tuple[int, int] | None:
    """What the table of `gradient_flow` puts first: as `GradientFlows` says.

    Places in the tails and dampenings of the common grid.
    """
    names = ("low mean slope", "nearness of growth to 1", "consistency")
    low, near, direction = (known(store, problem, name) for name in names)
    if low is None or near is None or direction is None:
        return None
    order = np.lexsort((-near.ravel(), np.maximum(-low, TARGET).ravel(), direction.ravel() <= 0))
    place = np.unravel_index(order[0], near.shape)
    return int(place[0]), int(place[1])


def regrets(store: Store) -> dict[str, dict[str, float]]:
    """Points lost against the best by validation, at a rate of 0.1: by rule and problem."""
    found: dict[str, dict[str, float]] = {}
    for problem in problems(store):
        near, first = nearest_to_one(store, problem), first_in_order(store, problem)
        if near is None or first is None:
            continue
        places = {
            "growth nearest to 1": near,
            "order of gradient_flow": first,
            "alpha 2, dampening 1": (SPREAD.index("alpha 2"), FEWER_DAMPENINGS.index(1.0)),
            "alpha 16, dampening 1/2": (SPREAD.index("alpha 16"), FEWER_DAMPENINGS.index(0.5)),
        }
        places |= {
            f"{tail}, mean slope nearest to {TARGET:g}": (SPREAD.index(tail), near_slope)
            for tail in ("alpha 2", "alpha inf")
            if (near_slope := _near_slope(store, problem, tail)) is not None
        }
        lost = _lost(store, problem)
        for rule, place in places.items():
            found.setdefault(rule, {})[problem.label] = float(lost[place])
        found.setdefault("a setting at random", {})[problem.label] = float(lost.mean())
    return found


def _near_slope(store: Store, problem: Problem, tail: str) -> int | None:
    """The dampening at which the mean slope is nearest to the target of `normalize_surrogate`."""
    slopes = measured(store, problem, tail, "mean_slope")
    if slopes is None:
        return None
    of_grid = slopes[0, : len(FEWER_DAMPENINGS)]
    return int(np.argmin(np.abs(np.log(of_grid / TARGET))))


def _lost(store: Store, problem: Problem) -> np.ndarray:
    tested, validated = (
        cube(store, problem, field=field)[..., RATE] for field in ("test", "validation")
    )
    return tested.ravel()[validated.argmax()] - tested

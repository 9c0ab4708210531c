"""Shape, height and width, one at a time: what the literature says of them, measured here.

The literature's sharpness leaves the height alone. So widths are compared at one peak: twice the
scale with twice the dampening.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .data import Problem, cube, problems
from .design import DAMPENINGS, FEWER_RATES, OTHERS, SCALES, SPREAD
from .intervals import Effect, over
from .store import Store

PEAKS = (1 / 8, 1 / 4, 1 / 2, 1.0)
SHAPES = (*SPREAD, *OTHERS)


def of_shape_and_height(store: Store, problem: Problem) -> dict[str, float] | None:
    """Points between shapes at one height, at each one's own; between heights for one shape.

    Learning rates are each setting's own, by validation. One tuning seed: single numbers are noisy,
    and a highest less a lowest is too large by what the noise adds.
    """
    tested = at_own_rate(store, problem, SHAPES)
    if tested is None:
        return None
    as_given = tested[:, DAMPENINGS.index(1.0)]
    return {
        "shapes at one height": float(np.ptp(as_given)),
        "shapes, each at its own height": float(np.ptp(_at_own_height(store, problem, SHAPES))),
        "heights, mean over shapes": float(np.ptp(tested, axis=1).mean()),
        "heights, median over shapes": float(np.median(np.ptp(tested, axis=1))),
    }


def at_own_rate(store: Store, problem: Problem, names: Sequence[str]) -> np.ndarray | None:
    """Test accuracy by candidate and dampening, the rate chosen by validation."""
    found = [
        cube(store, problem, names, DAMPENINGS, FEWER_RATES, field=field)
        for field in ("validation", "test")
    ]
    if any(one is None for one in found):
        return None
    validated, tested = found
    return np.take_along_axis(tested, validated.argmax(axis=2)[..., None], axis=2)[..., 0]


def _at_own_height(store: Store, problem: Problem, names: Sequence[str]) -> np.ndarray:
    validated, tested = (
        cube(store, problem, names, DAMPENINGS, FEWER_RATES, field=field).reshape(len(names), -1)
        for field in ("validation", "test")
    )
    return np.take_along_axis(tested, validated.argmax(axis=1)[:, None], axis=1)[:, 0]


def dampening_effect(store: Store) -> dict[str, Effect]:
    """Mean accuracy at each dampening less that at 1, over tails and rates."""
    found = np.stack([cube(store, p).mean(axis=(0, 2)) for p in problems(store)])
    return _relative(found, DAMPENINGS[:-1], DAMPENINGS.index(1.0))


def tail_effect(store: Store, dampenings: Sequence[float] = DAMPENINGS[:-1]) -> dict[str, Effect]:
    """Mean accuracy of each tail less that of an exponential, over dampenings and rates."""
    of = [cube(store, p, dampenings=dampenings) for p in problems(store)]
    found = np.stack([one.mean(axis=(1, 2)) for one in of])
    return _relative(found, SPREAD, len(SPREAD) - 1)


def width_effect(store: Store) -> dict[str, Effect]:
    """Mean accuracy at half and twice the width less that at 1, all at the same peaks.

    The interval is over problems, tails and learning rates: few problems have all widths.
    """
    found = []
    for problem in problems(store):
        of = [
            # The same peaks: dampening / scale from 1/8 to 1.
            cube(store, problem, SPREAD, [peak * s for peak in PEAKS], FEWER_RATES, s)
            for s in sorted(SCALES)
        ]
        if all(one is not None for one in of):
            found.append([one.mean(axis=1).ravel() for one in of])
    if not found:
        return {}
    half, one, twice = np.concatenate(found, axis=1)
    return {"0.5": over(half - one), "2": over(twice - one)}


def _relative(means: np.ndarray, names: Sequence[float | str], reference: int) -> dict[str, Effect]:
    """By level: the mean over problems of the difference from a reference level."""
    found = means - means[:, [reference]]
    text = [name if isinstance(name, str) else f"{name:g}" for name in names]
    return {n: over(found[:, i]) for i, n in enumerate(text) if i != reference}

"""How often labels of one surrogate are told apart: at most one comparison in twenty should.

Simulated scores, and real trainings: one candidate was tuned and trained with many seeds, each of
which chose for itself; these are dealt at random to labels of five seeds each. Dealt anew many
times, the share of comparisons in which a difference from the highest label is claimed is the error
rate. With one tuning seed for all seeds of a label, as `compare` used to tune, it is larger.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from braintools_qps._statistics import ranking

from . import trainings

LABELS = (2, 4, 10)
SEEDS = 5
DRAWS = 1000

Draw = Callable[[np.random.Generator, int], np.ndarray]  # scores of shape (labels, seeds)


def _normal(rng: np.random.Generator, labels: int) -> np.ndarray:
    return 0.9 + 0.02 * (rng.normal(size=SEEDS) + rng.normal(size=(labels, SEEDS)))


def _skewed(rng: np.random.Generator, labels: int) -> np.ndarray:
    return 1 - 0.03 * rng.exponential(size=(labels, SEEDS))


def _binomial(rng: np.random.Generator, labels: int) -> np.ndarray:
    return rng.binomial(100, 0.95, size=(labels, SEEDS)) / 100


def _collapsing(rng: np.random.Generator, labels: int) -> np.ndarray:
    collapsed = rng.random((labels, SEEDS)) < 0.1
    return np.where(collapsed, 0.3, 0.9) + 0.02 * rng.normal(size=(labels, SEEDS))


SIMULATED: dict[str, Draw] = {
    "normal": _normal,
    "exponential tail": _skewed,
    "binomial, 100 samples at 95%": _binomial,
    "a tenth of the seeds collapse": _collapsing,
}


def error_rate(draw: Draw, labels: int, draws: int = DRAWS) -> float:
    """Percent of comparisons in which some label is told from the highest."""
    rng = np.random.default_rng(labels)
    claimed = (not all(ranking(draw(rng, labels), bounds=(0, 1)).tied) for _ in range(draws))
    return 100 * float(np.mean(list(claimed)))


def each_for_itself(validation: np.ndarray, test: np.ndarray) -> Draw:
    """Deals seeds to labels; scores have the shape (settings, seeds)."""
    scores = test[validation.argmax(axis=0), np.arange(test.shape[1])]
    return lambda rng, labels: rng.permutation(scores)[: labels * SEEDS].reshape(labels, SEEDS)


def one_for_all(validation: np.ndarray, test: np.ndarray) -> Draw:
    """The same where one further seed tunes for all seeds of a label."""
    chosen = validation.argmax(axis=0)

    def draw(rng: np.random.Generator, labels: int) -> np.ndarray:
        tuning, *_ = np.split(rng.permutation(len(chosen)), [labels])
        seeds = np.array(
            [rng.choice(np.delete(np.arange(len(chosen)), t), SEEDS, False) for t in tuning]
        )
        return test[chosen[tuning][:, None], seeds]

    return draw


def simulated() -> dict[str, list[float]]:
    """Error rates by kind of score, for 2, 4 and 10 labels."""
    return {name: [error_rate(draw, k) for k in LABELS] for name, draw in SIMULATED.items()}


def measured(kept: dict[str, Any]) -> dict[str, list[float]]:
    """The same of real trainings, by who tuned."""
    scores = [np.array(kept[part], np.float64) / 1000 for part in ("validation", "test")]
    scores = [one.reshape(-1, trainings.EQUAL_SEEDS) for one in scores]
    validation, test = np.nan_to_num(scores[0], nan=-1), np.nan_to_num(scores[1])
    ways = {"each seed": each_for_itself, "one seed for all": one_for_all}
    return {
        f"tuned by {name}": [round(error_rate(way(validation, test), k), 1) for k in LABELS]
        for name, way in ways.items()
    }


def main() -> None:
    """Count, and keep what was counted in the summary."""
    kept = trainings.kept()
    for name, found in kept.get("equal", {}).items():
        trainings.keep("error", name, measured(found))
    trainings.keep("error", "simulated", simulated())


if __name__ == "__main__":
    main()

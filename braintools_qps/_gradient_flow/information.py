"""How much of the labels a linear readout can tell from the spike counts of each population.

A population can fire at a good rate and pass every gradient, and still say nothing about its input:
random weights scramble more with each layer. Rates and slopes do not show that; a readout does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..records import Information
from ..typing import Inputs

PENALTIES = 10.0 ** np.arange(-3, 3)  # of the ridge, per sample, for features of variance 1
FEWEST = 4  # samples: two to fit, two to test
PER_CLASS = 20  # samples: with 6 or 13, 8 of 16 networks that learn were said to have lost it
REMAINS = 0.1  # share of what was told above chance; below it, information is lost


def checked_labels(labels: Any, batch: int | None) -> np.ndarray:
    """Labels as an array with one row per sample.

    Raises
    ------
    ValueError
        If there is no batch, or not one label per sample, or a label is NaN.
    """
    values = np.asarray(labels)
    numbers = np.issubdtype(values.dtype, np.floating)
    if batch is None or values.ndim == 0 or len(values) != batch or batch < FEWEST:
        why = f"shape {values.shape} for a batch of {batch}"
    elif not numbers and values.size != batch:
        why = f"classes of shape {values.shape}"
    elif numbers and not np.isfinite(values).all():
        why = "NaN or infinity"
    else:
        return values
    raise ValueError(
        f"labels must be a class, or finite numbers, for each of {FEWEST} samples or more\n"
        f"Got {why}\nPass inputs of shape (time, batch, features...), and the labels of the same "
        "samples in the same order"
    )


def told(
    inputs: Inputs, counts: Sequence[Any], labels: np.ndarray
) -> tuple[Information, list[float]]:
    """What the inputs tell of the labels, and what the spike counts of each population tell.

    Inputs have the shape (time, batch, features...), and count as their mean over time.
    """
    each = [score(np.reshape(count, (len(labels), -1)), labels) for count in counts]
    known = score(mean_inputs(inputs), labels)
    if np.issubdtype(labels.dtype, np.floating):
        return Information("numbers", known, 0.0, len(labels)), each
    chance = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    return Information("classes", known, chance, len(labels)), each


def mean_inputs(inputs: Inputs) -> np.ndarray:
    """The mean over time of all inputs, with one row per sample."""
    means = [np.asarray(leaf, np.float64).mean(axis=0) for leaf in jax.tree.leaves(inputs)]
    return np.concatenate([mean.reshape(len(mean), -1) for mean in means], axis=1)


def score(features: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy for classes, R squared for numbers, on halves of the samples not used to fit."""
    targets, classes = _targets(labels)
    order = np.random.default_rng(0).permutation(len(labels))
    half = len(order) // 2
    guesses = np.empty(targets.shape)
    for test, fit in ((order[:half], order[half:]), (order[half:], order[:half])):
        guesses[test] = _ridge(features[fit], targets[fit], features[test])
    if classes is not None:
        return float(np.mean(guesses.argmax(axis=1) == classes))
    spread = np.sum((targets - targets.mean(axis=0)) ** 2)
    return float(1 - np.sum((targets - guesses) ** 2) / spread) if spread > 0 else 0.0


def lost_at(information: Information, each: Sequence[float]) -> int | None:
    """The first population from which on nothing but chance is left; None if there is none.

    The last population is at chance then, and something earlier, or the inputs, was well above.
    From a few samples a readout learns too little to say so.
    """
    chance, samples = information.chance, information.samples
    per_class = samples * chance if information.kind == "classes" else samples / 10
    if per_class < PER_CLASS:
        return None
    noise = 1 / np.sqrt(samples)  # two standard errors of a share, at most
    best = max([information.inputs, *each])
    if best - chance <= 2 * noise:
        return None
    limit = chance + max(noise, REMAINS * (best - chance))
    above = [i for i, value in enumerate(each) if value > limit]
    first = above[-1] + 1 if above else 0
    return first if first < len(each) else None


def _ridge(features: np.ndarray, targets: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Predictions of a ridge regression, its penalty chosen by the leave-one-out error."""
    mean, spread, centre = features.mean(axis=0), features.std(axis=0), targets.mean(axis=0)
    scale = np.where(spread > 0, spread, 1)
    u, s, vt = np.linalg.svd((features - mean) / scale, full_matrices=False)
    projected = u.T @ (targets - centre)

    def error(penalty: float) -> float:
        shrinkage = s**2 / (s**2 + penalty * len(u))
        residuals = targets - centre - u @ (shrinkage[:, None] * projected)
        leverage = np.minimum(u**2 @ shrinkage + 1 / len(u), 1 - 1e-9)
        return float(np.sum((residuals / (1 - leverage)[:, None]) ** 2))

    penalty = min(PENALTIES, key=error) * len(u)
    weights = vt.T @ ((s / (s**2 + penalty))[:, None] * projected)
    return centre + (new - mean) / scale @ weights


def _targets(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Targets of a regression; for classes one column each, and the class of each sample."""
    if np.issubdtype(labels.dtype, np.floating):
        return labels.reshape(len(labels), -1).astype(np.float64), None
    _, classes = np.unique(labels, return_inverse=True)
    return np.eye(classes.max() + 1)[classes.ravel()], classes.ravel()

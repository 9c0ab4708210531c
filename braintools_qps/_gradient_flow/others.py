"""Score samples that the trial was not trained on."""

from __future__ import annotations

import jax
import numpy as np

from .cotangents import STREAM
from .evaluate import Measured
from .loss import Loss

MOST = 256  # samples
AT_CHANCE = (
    "That is chance level. Usually the labels belong to other samples, the axes of time and batch "
    "are mixed up, or there are too few samples."
)


def score_of_others(measured: Measured, loss: Loss) -> tuple[str, bool]:
    """A clause on samples that the trial was not trained on, and whether they are at chance."""
    if loss.labelled is None or measured.tried is None:
        return "", False
    (targets, trained, to_answers), evaluator = loss.labelled, measured.evaluator
    others = np.setdiff1d(np.arange(len(targets)), trained)
    others = np.random.default_rng(STREAM).permutation(others)[:MOST]
    if not len(others):
        return "", False
    answers, size = [], evaluator.batch or 1
    for first in range(0, len(others), size):
        part = np.resize(others[first : first + size], size)  # the same program runs all parts
        shown = jax.tree.map(lambda x, part=part: x[:, part], evaluator.every)
        answers.append(to_answers(evaluator.over(shown, measured.tried.states).outputs))
    values, truth = np.concatenate(answers)[: len(others)], targets[others]
    if truth.ndim > 1:
        error, constant = np.mean((values - truth) ** 2), truth.var(axis=0).mean()
        clause = f"the squared error is {error:.3g} (a constant answer: {constant:.3g})"
        return f"on {len(others)} others {clause}", bool(error >= constant)
    given = values[:, 0] > 0 if values.shape[1] == 1 else values.argmax(axis=1)
    right, chance = np.mean(given == truth), np.bincount(truth).max() / len(truth)
    noise = 2 * np.sqrt(chance * (1 - chance) / len(truth))
    clause = f"{right:.0%} are right (chance: {chance:.0%})"
    return f"on {len(others)} others {clause}", bool(right <= chance + noise)

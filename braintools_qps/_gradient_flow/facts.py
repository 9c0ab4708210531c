"""Facts that matter though the network may learn, and its score on samples not trained on."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
from jax import Array

from .._models import find_nodes
from .._wording import listed
from .causes import MAJORITY
from .causes.no_gradient import disconnected, stopped_weights, untrained
from .cotangents import STREAM
from .evaluate import Measured

ROUNDED = 1e-3  # relative error of sums in half precision
MOST = 256  # the most samples that are scored
AT_CHANCE = (
    "That is chance level. Usually the labels belong to other samples, the axes of time and batch "
    "are mixed up, or there are too few samples."
)


def facts(measured: Measured, cause: str = "") -> Iterator[str]:
    """All facts, except those that the named cause already states."""
    if cause != "no gradient":
        findings = (place(measured) for place in (stopped_weights, disconnected))
        yield from (_but(finding.text) for finding in findings if finding)
    if lacking := untrained(measured):
        yield _but(lacking)
    if paths := measured.step.kept:
        them = "it" if len(paths) == 1 else "them"
        yield (
            f"But brainstate.nn.init_all_states does not reset {listed(paths, 3)}: set {them} "
            "before each batch, in init_state or by hand."
        )
    yield from _mixed(measured)


def _but(sentence: str) -> str:
    return f"But {sentence[0].lower()}{sentence[1:]}"


def silent_parts(measured: Measured) -> str:
    """A sentence on populations whose neurons mostly never fire; empty if there are none."""
    shares = {p.name: p.activity.silent_share for p in measured.populations}
    shares = {name: share for name, share in shares.items() if share > MAJORITY}
    if not shares:
        return ""
    are, their = ("is", "its") if len(shares) == 1 else ("are", "their")
    percent = listed(f"{share:.0%}" for share in shares.values())
    return f"{listed(shares, last='and')} {are} mostly silent ({percent} of {their} neurons)."


def _mixed(measured: Measured) -> Iterator[str]:
    """A sentence if outputs depend on other samples: the last sample is changed to find out.

    A batch norm does that by design.
    """
    evaluator = measured.evaluator
    batch, outputs = evaluator.batch or 1, evaluator.run.outputs
    is_norm = lambda node: "BatchNorm" in type(node).__name__
    if batch == 1 or find_nodes(evaluator.model, is_norm):
        return
    other = jax.tree.map(_with_first_as_last, evaluator.inputs)
    pairs = (map(np.asarray, pair) for pair in zip(outputs, evaluator.over(other).outputs))
    apart = [(x[:, :-1], y[:, :-1]) for x, y in pairs if x.shape[1:2] == (batch,)]
    if not all(np.allclose(x, y, rtol=ROUNDED, equal_nan=True) for x, y in apart):
        yield (
            "But the outputs of a sample depend on the inputs of other samples: its axes are mixed "
            "up, or a norm runs over the batch."
        )


def _with_first_as_last(x: Array) -> np.ndarray:
    changed = np.array(x)
    changed[:, -1] = changed[:, 0]
    return changed


def score_of_others(measured: Measured) -> tuple[str, bool]:
    """A clause on samples that the trial was not trained on, and whether they are at chance."""
    if measured.trials is None or measured.tried is None or not measured.trials.loss.labelled:
        return "", False
    (targets, trained, to_answers), evaluator = measured.trials.loss.labelled, measured.evaluator
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

"""Readout, loss and score of a model's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from .tasks import Task
from .typing import Goal, Number, Outputs

NAMES = "cross-entropy", "accuracy", "mean squared error", "-MSE"


@dataclass(frozen=True)
class Scoring:
    """A loss to train on and a score to compare by, higher being better."""

    readout: str | int
    loss: Goal
    score: Goal
    score_name: str
    loss_name: str
    is_own: bool  # both functions are the user's, so outputs may be anything

    def number(self, name: Literal["loss", "score"], outputs: Outputs, y: Array) -> Array:
        """The loss or the score of the outputs of all steps."""
        try:
            value = getattr(self, name)(self.read(outputs), y)
        except Exception as error:
            error.add_note(f"{name} must be a function of (outputs, y) that JAX can trace")
            raise
        return jnp.mean(u.get_mantissa(value))

    def read(self, outputs: Outputs) -> Outputs:
        """Outputs (steps, samples, ...) to (samples, ...), or (samples, steps, ...) for "all"."""
        return jax.tree.map(self._read, outputs, is_leaf=u.math.is_quantity)

    def _read(self, output: Number) -> Number:
        if self.readout == "all":
            return u.math.swapaxes(output, 0, 1)
        if self.readout == "last":
            return output[-1]
        return output[-int(self.readout) :].mean(0)


def scoring(task: Task, loss: Goal | None = None, score: Goal | None = None) -> Scoring:
    """The user's loss and score, or where one is None, the one that suits the task.

    Raises
    ------
    TypeError
        If one is not callable.
    """
    for name, function in (("loss", loss), ("score", score)):
        if function is not None and not callable(function):
            raise TypeError(
                f"{name} must be a function of (outputs, y), got {function!r}. Leave it out for "
                "the default of the task"
            )
    classify = task.classes is not None
    usual_loss, usual_score = (cross_entropy, accuracy) if classify else (squared_error, negative)
    loss_name, score_name = NAMES[:2] if classify else NAMES[2:]
    return Scoring(
        readout=task.readout,
        loss=usual_loss if loss is None else loss,
        score=usual_score if score is None else score,
        loss_name=loss_name if loss is None else _name_of_own(loss, "loss"),
        score_name=score_name if score is None else _name_of_own(score, "score"),
        is_own=loss is not None and score is not None,
    )


def guess(task: Task, scoring: Scoring) -> float | None:
    """The score of the best constant answer; None where outputs may be anything."""
    if scoring.is_own:
        return None
    labels, steps = task.part("test").labels, (task.steps,) * (task.readout == "all")
    if task.classes is None:
        answer = jnp.asarray(labels.reshape(-1, task.outputs).mean(axis=0))
    else:
        answer = jax.nn.one_hot(np.bincount(labels.ravel()).argmax(), task.classes)
    outputs = jnp.broadcast_to(answer, (len(labels), *steps, task.outputs))
    try:
        value = float(jnp.mean(u.get_mantissa(scoring.score(outputs, jnp.asarray(labels)))))
    except Exception:  # a function of the user's, for outputs of another form
        return None
    return value if np.isfinite(value) else None  # such as a correlation with a constant


def _name_of_own(function: Goal, otherwise: str) -> str:
    """The name of a function; "own accuracy" if it has the name of one of ours, shown in
    percent."""
    name = getattr(function, "__name__", otherwise)
    name = otherwise if name == "<lambda>" else name
    return f"own {name}" if name in NAMES else name


def cross_entropy(outputs: Number, y: Array) -> Array:
    """Mean over samples, and over steps where every step is read."""
    logits = u.get_mantissa(outputs)
    return optax.softmax_cross_entropy_with_integer_labels(logits, _labels(logits, y)).mean()


def accuracy(outputs: Number, y: Array) -> Array:
    """Share of the samples, or of their steps, that are classified correctly."""
    logits = u.get_mantissa(outputs)
    return jnp.mean(logits.argmax(-1) == _labels(logits, y))


def squared_error(outputs: Number, y: Array) -> Array:
    """Mean over everything; the numbers in ``y`` are in the unit of the outputs."""
    values = u.get_mantissa(outputs)
    targets = _targets(values, y)
    return jnp.mean(jnp.square(values.reshape(targets.shape) - targets))


def negative(outputs: Number, y: Array) -> Array:
    """The negative of the mean squared error."""
    return -squared_error(outputs, y)


def _labels(logits: Array, y: Array) -> Array:
    """One label for each answer; a single label of a sample counts at every step."""
    return y if y.ndim == logits.ndim - 1 else jnp.broadcast_to(y[:, None], logits.shape[:-1])


def _targets(values: Array, y: Array) -> Array:
    """One target for each answer; a single target of a sample counts at every step."""
    if values.size == y.size:
        return y
    return jnp.broadcast_to(y[:, None], (*values.shape[:2], *y.shape[1:]))

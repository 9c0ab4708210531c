"""What a model's outputs are worth: which steps are read, the loss and the score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import optax
from jax import Array

from .._checks import whole
from .tasks import Task

NAMES = "cross-entropy", "accuracy", "mean squared error", "-MSE"
READOUTS = '"last", "mean", "all" or how many last steps to average'


@dataclass(frozen=True)
class Objective:
    """A loss to train on and a score to compare by, higher being better."""

    readout: str | int
    loss: Callable[[Any, Array], Any]
    score: Callable[[Any, Array], Any]
    score_name: str
    loss_name: str
    is_own: bool  # both functions are the user's: outputs may be anything that they take

    def read(self, outputs: Any) -> Any:
        """Outputs (steps, samples, ...) to (samples, ...), or (samples, steps, ...) for "all"."""
        return jax.tree.map(self._read, outputs, is_leaf=u.math.is_quantity)

    def _read(self, output: Any) -> Any:
        if self.readout == "all":
            return u.math.swapaxes(output, 0, 1)
        if self.readout == "last":
            return output[-1]
        return output[-len(output) if self.readout == "mean" else -int(self.readout) :].mean(0)


def objective(task: Task, readout: str | int | None, loss: Any, score: Any) -> Objective:
    """What the user asked for, and what suits the task for the rest.

    Raises
    ------
    TypeError, ValueError
        If ``readout`` is none of the four, or a function is not callable.
    """
    for name, function in (("loss", loss), ("score", score)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} must be a function of (outputs, y), got {function!r}")
    classify = task.classes is not None
    usual_loss, usual_score = (cross_entropy, accuracy) if classify else (squared_error, negative)
    names = NAMES[:2] if classify else NAMES[2:]
    return Objective(
        _readout(task, readout),
        usual_loss if loss is None else loss,
        usual_score if score is None else score,
        names[1] if score is None else _name_of_own(score, "score"),
        names[0] if loss is None else _name_of_own(loss, "loss"),
        loss is not None and score is not None,
    )


def _name_of_own(function: Any, otherwise: str) -> str:
    """What it is called; "own accuracy" is not in the percent that an accuracy is shown in."""
    name = getattr(function, "__name__", otherwise)
    name = otherwise if name == "<lambda>" else name
    return f"own {name}" if name in NAMES else name


def _readout(task: Task, readout: Any) -> str | int:
    if readout is None:
        return "all" if task.is_answered_at_each_step else task.readout_steps
    if isinstance(readout, str) and readout in ("last", "mean", "all"):
        return readout
    number = whole(readout)
    if number is not None and 1 <= number <= task.steps:
        return number
    raise ValueError(
        f"readout must be {READOUTS}, from 1 to the {task.steps} of the task, got {readout!r}"
    )


def cross_entropy(outputs: Any, y: Array) -> Array:
    """Mean over samples, and over steps where every step is read."""
    logits = u.get_mantissa(outputs)
    return optax.softmax_cross_entropy_with_integer_labels(logits, _labels(logits, y)).mean()


def accuracy(outputs: Any, y: Array) -> Array:
    """Share of the samples, or of their steps, of which the class is right."""
    logits = u.get_mantissa(outputs)
    return jnp.mean(logits.argmax(-1) == _labels(logits, y))


def squared_error(outputs: Any, y: Array) -> Array:
    """Mean over everything; the numbers in ``y`` are in the unit of the outputs."""
    values = u.get_mantissa(outputs)
    targets = _targets(values, y)
    return jnp.mean(jnp.square(values.reshape(targets.shape) - targets))


def negative(outputs: Any, y: Array) -> Array:
    """The negative of the mean squared error."""
    return -squared_error(outputs, y)


def _labels(logits: Array, y: Array) -> Array:
    """One label for each answer: the same at every step, where a sample has but one."""
    return y if y.ndim == logits.ndim - 1 else jnp.broadcast_to(y[:, None], logits.shape[:-1])


def _targets(values: Array, y: Array) -> Array:
    """The same for targets."""
    if values.size == y.size:
        return y
    return jnp.broadcast_to(y[:, None], (*values.shape[:2], *y.shape[1:]))

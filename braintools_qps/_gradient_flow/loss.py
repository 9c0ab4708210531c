"""What a trial minimises: the user's objective, or a loss of labels, given or random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.optimize
from jax import Array
from jax.flatten_util import ravel_pytree

from .._defaults import SAMPLES
from .._wording import shortened
from ..records import LearningTrial
from .cotangents import STREAM, value_of
from .passes import replaced
from .step import Step, is_real

FEW = 8  # samples in a trial where random labels of more are too hard
CLASSES = 10  # the most classes of random labels
PERFECT = 1e-6  # a constant answer with a smaller share of the first loss is perfect
SEARCH = 500  # iterations of the search for the best constant answer

Answers = Callable[[Sequence[Array]], Array]  # from outputs to (samples, features)


class Labelled(NamedTuple):
    """All labels, the positions of the training samples, and a function from outputs to answers."""

    targets: np.ndarray
    trained: np.ndarray
    answers: Answers


class Loss(NamedTuple):
    """A function of the outputs of all steps, and the loss of the best constant answer."""

    of: Callable[[Sequence[Array]], Array]
    constant: float
    samples: int
    labelled: Labelled | None = None

    def trial(self, losses: tuple[float, ...] = ()) -> LearningTrial:
        """The record of a training with this loss."""
        return LearningTrial(losses, self.constant, self.samples)

    def gone(self, loss: float) -> float:
        """The share by which a loss is below that of the constant answer; negative if above."""
        share = (self.constant - loss) / self.trial().span
        return min(share, 1.0) if np.isfinite(share) else -np.inf


def of_objective(
    step: Step,
    outputs: Sequence[Array],
    function: Callable[[Any], Any],
    start: float,
    batch: int | None,
) -> Loss:
    """The user's objective, which is ``start`` for these outputs.

    Losses are compared to that of the best constant answer, which is found by a search; if that is
    0 or not finite, to the loss at the start.
    """

    value = lambda outputs: value_of(function, step, outputs).astype(jnp.result_type(float))
    constant = _lowest_of_constants(step, outputs, value, batch)
    is_yardstick = np.isfinite(constant) and abs(constant) > PERFECT * abs(start)
    return Loss(value, constant if is_yardstick else start, batch or 1)


def _lowest_of_constants(
    step: Step, outputs: Sequence[Array], value: Callable[[Any], Array], batch: int | None
) -> float:
    """The lowest loss that scipy finds for answers that are the same for all steps and samples.

    The search stops at small slopes or steps, so losses are divided by the slope at the start.
    """
    real = [i for i, x in enumerate(outputs) if is_real(x)]
    axes = [(0, 1) if outputs[i].shape[1:2] == (batch,) else (0,) for i in real]
    means = [jnp.mean(outputs[i], axis=axis, keepdims=True) for i, axis in zip(real, axes)]
    flat, shaped = ravel_pytree(means)

    def lost(answers: Array) -> Array:
        parts = zip(real, shaped(answers.astype(flat.dtype)))
        same = [jnp.broadcast_to(part, outputs[i].shape) for i, part in parts]
        return value(replaced(outputs, real, same))

    slope = jax.jit(jax.value_and_grad(lost))
    numbers = lambda x: [np.asarray(part, np.float64) for part in slope(jnp.asarray(x))]
    first = np.asarray(flat, np.float64)
    unit = np.abs(numbers(first)[1]).max() or 1.0
    limits = [(0, 1) if _are_spikes(step, outputs, i) else (-np.inf, np.inf) for i in real]
    low, high = np.repeat(limits, [x.size for x in means], axis=0).T
    found = scipy.optimize.minimize(
        lambda x: tuple(part / unit for part in numbers(x)),
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=scipy.optimize.Bounds(low, high) if np.isfinite(low).any() else None,
        options={"maxiter": SEARCH},
    )
    return float(found.fun * unit)


def of_labels(step: Step, outputs: Sequence[Array], labels: np.ndarray, ran: np.ndarray) -> Loss:
    """Cross-entropy of the mean output for classes, squared error for numbers.

    ``ran`` are the positions of the samples that the outputs are of.

    Raises
    ------
    ValueError
        If all labels are the same, or the output is too small for them.
    """
    chosen, answers = some_of_each(labels[ran]), _answers(step, outputs)
    size, kind = _features(answers, outputs), labels.dtype.kind
    classes = labels if kind in "iub" else np.unique(labels, return_inverse=True)[1]
    classes = classes.reshape(-1).astype(int)
    targets, numbers = labels.reshape(len(labels), -1), kind == "f"
    if numbers:
        many = targets.shape[1]
        fits, need, got = size == many, f"as many numbers as features: {size}", f"{many}"
    else:
        low, high, last = classes.min(), classes.max(), max(size, 2) - 1
        fits, need, got = 0 <= low <= high <= last, f"classes from 0 to {last}", f"{low} to {high}"
    if not fits or (targets == targets[:1]).all():
        raise ValueError(
            f"labels must differ, and be {need}, for this output\n"
            f"Got {got}, the first label {shortened(str(labels[0]))}\n"
            "Pass samples of several classes, or objective=, which labels of every step need; "
            "classes as integers counted from 0: np.unique(labels, return_inverse=True)[1]"
        )
    known = targets if numbers else classes
    loss = (_squared if numbers else _entropy)(answers, chosen, known[ran][chosen])
    return loss._replace(labelled=Labelled(known, ran[chosen], answers))


def of_random_labels(
    step: Step, outputs: Sequence[Array], batch: int, seed: int, most: int = SAMPLES
) -> Loss:
    """Cross-entropy with random classes, which shows whether the network tells samples apart."""
    chosen, answers = counted(batch, most), _answers(step, outputs)
    features = _features(answers, outputs)
    classes = max(min(features, CLASSES, len(chosen)), 2)
    order = np.random.default_rng([STREAM, seed]).permutation(len(chosen))
    return _entropy(answers, chosen, order % classes)


def counted(batch: int, most: int = SAMPLES) -> np.ndarray:
    """Positions of at most ``most`` samples, evenly spread."""
    return np.unique(np.linspace(0, batch - 1, min(batch, most)).astype(int))


def some_of_each(labels: np.ndarray) -> np.ndarray:
    """Positions of a batch, drawn from each class in proportion, at least one of each.

    Evenly spread ones may all be of one class, as where two classes alternate.
    """
    drawn = np.random.default_rng(STREAM).permutation(len(labels))
    classes = np.unique(labels[drawn], axis=0, return_inverse=True)[1].reshape(-1)
    order, place = np.argsort(classes, kind="stable"), np.empty(len(labels))
    first = np.searchsorted(classes[order], classes[order])  # of each class, in this order
    place[order] = (np.arange(len(labels)) - first) / np.bincount(classes)[classes[order]]
    return np.sort(drawn[np.argsort(place, kind="stable")[:SAMPLES]])


def _features(answers: Answers, outputs: Sequence[Array]) -> int:
    return jax.eval_shape(answers, outputs).shape[1]


def _entropy(answers: Answers, chosen: np.ndarray, classes: np.ndarray) -> Loss:
    shares = np.bincount(classes) / len(classes)
    shares = shares[shares > 0]

    def value(outputs: Sequence[Array]) -> Array:
        logits = answers(outputs)[chosen]
        if logits.shape[1] == 1:  # one output, for two classes
            logits = jnp.concatenate([jnp.zeros_like(logits), logits], axis=1)
        return optax.softmax_cross_entropy_with_integer_labels(logits, classes).mean()

    return Loss(value, float(-(shares * np.log(shares)).sum()), len(chosen))


def _squared(answers: Answers, chosen: np.ndarray, targets: np.ndarray) -> Loss:
    value = lambda outputs: jnp.mean((answers(outputs)[chosen] - targets) ** 2)
    return Loss(value, float(targets.var(axis=0).mean()), len(chosen))


def _answers(step: Step, outputs: Sequence[Array]) -> Answers:
    """The first real output as a mean over steps, spikes as their count: (samples, features).

    Outputs from 0 to 1, such as votes, are counted like spikes: with a mean of such numbers no
    cross-entropy can halve.
    """
    position = next(i for i, x in enumerate(outputs) if is_real(x))
    values = np.asarray(outputs[position])
    is_spikes = _are_spikes(step, outputs, position)
    is_spikes |= bool(values.any() and values.min() >= 0 and values.max() <= 1)

    def answers(outputs: Sequence[Array]) -> Array:
        first = outputs[position].astype(jnp.promote_types(values.dtype, jnp.float32))
        reduced = jnp.sum(first, axis=0) if is_spikes else jnp.mean(first, axis=0)
        return reduced.reshape(len(reduced), -1)

    return answers


def _are_spikes(step: Step, outputs: Sequence[Array], position: int) -> bool:
    """Whether an output is the spikes of a population, or part of them."""
    values = np.asarray(outputs[position])
    known = step.jaxpr.outvars[position] in {p.spikes for p in step.populations}
    return known or bool(values.any() and np.isin(values, (0, 1)).all())

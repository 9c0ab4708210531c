"""What a task is, and how samples are dealt to its three parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# Splits are part of a task, not of a training run: every seed and every candidate sees the same.
SPLIT_SEED = 20220200
SHARE_TESTED = 0.2
SHARE_VALIDATED = 0.15


@dataclass(frozen=True, eq=False)
class Split:
    """Samples of one purpose: float32 ``inputs`` of shape (samples, time, features), ``labels``.

    The labels are whole numbers of shape (samples,), or float32 targets of shape (samples, ...) or
    (samples, time, ...).
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Task:
    """The data to train on, to choose by, and to report on."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int | None  # None where the labels are targets of a regression
    readout_steps: int  # the network's answer is read from this many last steps

    @property
    def parts(self) -> dict[str, Split]:
        """The three parts by name."""
        return {name: getattr(self, name) for name in ("train", "validation", "test")}

    @property
    def steps(self) -> int:
        return self.train.inputs.shape[1]

    @property
    def features(self) -> int:
        return self.train.inputs.shape[2]

    @property
    def is_answered_at_each_step(self) -> bool:
        """Whether there is a label, or a target, for every step of a sample."""
        return self.train.labels.shape[1:2] == (self.steps,)

    @property
    def outputs(self) -> int:
        """How many numbers a step returns: one for each class, or those of one target."""
        if self.classes is not None:
            return self.classes
        return math.prod(self.train.labels.shape[2 if self.is_answered_at_each_step else 1 :])

    def __repr__(self) -> str:
        sizes = "/".join(str(len(part)) for part in self.parts.values())
        answer = "a regression" if self.classes is None else f"{self.classes} classes"
        return (
            f"Task({self.name!r}: {sizes} samples to train/validate/test, {self.steps} steps of "
            f"{self.features} features, {answer})"
        )


def make_task(
    name: str,
    X: np.ndarray,
    labels: np.ndarray,
    *,
    readout_steps: int,
    test: tuple[np.ndarray, np.ndarray] | None = None,
) -> Task:
    """Deal samples to the parts and normalise the inputs.

    ``labels`` are whole numbers from 0 up, or targets of float dtype. A ``test`` part that is
    given is left whole, and the rest is then dealt to training and validation.
    """
    classify = labels.dtype.kind in "iu"
    shares = (SHARE_TESTED, SHARE_VALIDATED) if test is None else (0.0, SHARE_VALIDATED)
    strata = labels if classify else np.zeros(len(labels), int)
    train, validation, tested = _stratified_rows(strata, *shares)
    labels = labels.astype(np.int32 if classify else np.float32)
    size, power = _size_and_power(X, train)
    X = _scaled(X, size, power)
    if test is not None:
        test = _scaled(test[0], size, power), test[1].astype(labels.dtype)
    part = lambda rows: Split(X[rows], labels[rows])
    return Task(
        name,
        part(train),
        part(validation),
        part(tested) if test is None else Split(*test),
        int(labels.max()) + 1 if classify else None,
        readout_steps,
    )


def _size_and_power(X: np.ndarray, rows: np.ndarray) -> tuple[np.floating, np.floating]:
    """The largest number, and the root mean square over some rows relative to it.

    Dividing by one after the other neither overflows nor underflows, whatever the unit.
    """
    dtype = np.result_type(X.dtype, np.float32)
    size = max(abs(dtype.type(X.max())), abs(dtype.type(X.min())))
    relative = X[rows] / size
    power = np.sqrt(np.mean(np.square(relative, dtype=np.float64)))
    return size, dtype.type(power or 1.0)


def _scaled(inputs: np.ndarray, size: np.floating, power: np.floating) -> np.ndarray:
    with np.errstate(over="ignore"):
        scaled = (inputs / size / power).astype(np.float32, copy=False)
    if not np.isfinite(scaled).all():
        raise ValueError(
            "inputs to validate and to test with must not be 3.4e+38 times as large as those to "
            "train with. Give all of them one unit, and leave outliers out"
        )
    return scaled


def _stratified_rows(labels: np.ndarray, tested: float, validated: float) -> list[np.ndarray]:
    """Rows to train, validate and test on: of each class the same shares, one of each at least."""
    rng = np.random.default_rng(SPLIT_SEED)
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in range(labels.max() + 1):
        rows = rng.permutation(np.flatnonzero(labels == label))
        to_test = max(1, round(tested * len(rows))) if tested else 0
        to_validate = max(1, round(validated * len(rows)))
        parts[2].append(rows[:to_test])
        parts[1].append(rows[to_test : to_test + to_validate])
        parts[0].append(rows[to_test + to_validate :])
    return [rng.permutation(np.concatenate(part)) for part in parts]

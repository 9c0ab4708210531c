"""What a task is, and how samples are dealt to its three parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._checks import integer

# Splits are part of a task, not of a training run: every seed and every candidate sees the same.
SPLIT_SEED = 20220200
SHARE_TESTED = 0.2
SHARE_VALIDATED = 0.15

READOUTS = '"last", "mean", "all" or how many last steps to average'
ROWS_AT_ONCE = 256  # where temporaries would be as large as the data


@dataclass(frozen=True, eq=False)
class Split:
    """Samples of one part: ``inputs`` of shape (samples, time, features), and ``labels``.

    Inputs keep the dtype of the data where that is an integer, a boolean or a half precision. The
    labels are integers of shape (samples,), or float32 targets of shape (samples, ...) or (samples,
    time, ...).
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Task:
    """The data to train on, to choose by, and to report on.

    ``readout`` says which outputs are read: that of the last step ("last"), the mean over all steps
    ("mean") or over this many last ones (an int), or every step by itself ("all"). Inputs count
    divided by ``scale``, see `normalised`.

    Raises
    ------
    ValueError
        If ``readout`` is none of the four.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int | None  # None where the labels are targets of a regression
    readout: str | int
    scale: float = 1.0
    description: str = ""

    def __post_init__(self) -> None:
        number = integer(self.readout)
        if number is not None and 1 <= number <= self.steps:
            object.__setattr__(self, "readout", number)
        elif not (isinstance(self.readout, str) and self.readout in ("last", "mean", "all")):
            raise ValueError(
                f"readout must be {READOUTS}, from 1 to the {self.steps} of the task, got "
                f"{self.readout!r}"
            )

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

    def normalised(self, inputs: Any) -> Any:
        """Inputs, or some of them, as float32 with a root mean square of about 1.

        Takes arrays of NumPy and of JAX.
        """
        return inputs.astype(np.float32) / np.float32(self.scale)

    def __repr__(self) -> str:
        sizes = "/".join(str(len(part)) for part in self.parts.values())
        answer = "a regression" if self.classes is None else f"{self.classes} classes"
        return (
            f"Task({self.name!r}: {sizes} samples to train/validate/test, {self.steps} steps of "
            f"{self.features} features, {answer})"
        )

    def __str__(self) -> str:
        return f"{self!r}\n{self.description}".rstrip()


def make_task(
    name: str,
    X: np.ndarray,
    labels: np.ndarray,
    *,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    readout: str | int | None = None,
) -> Task:
    """Deal samples to the parts and find the scale of the inputs.

    ``labels`` are integers from 0 up, or targets of float dtype. A ``test`` part that is given is
    left whole, and the rest is then dealt to training and validation. ``readout`` is by default the
    mean over all steps, or every step where each has a target.
    """
    classify = labels.dtype.kind in "iu"
    shares = (SHARE_TESTED, SHARE_VALIDATED) if test is None else (0.0, SHARE_VALIDATED)
    strata = labels if classify else np.zeros(len(labels), int)
    rows = _stratified_rows(strata, *shares)
    labels = labels.astype(np.int32 if classify else np.float32)
    size, power = _size_and_power(X, rows[0])
    dtype = _kept_dtype(X)
    if dtype is not None:
        X = X.astype(dtype, copy=False)
    # Numbers of a wide dtype are divided at once: float32 would not hold 1e300 V.
    inputs = lambda some: _divided(X[some], size, power) if dtype is None else _taken(X, some)
    train, validation, tested = (Split(inputs(some), labels[some]) for some in rows)
    scale = 1.0 if dtype is None else float(size * power)
    if test is not None:
        tested = Split(_stored(test[0], size, power, scale), test[1].astype(labels.dtype))
    if readout is None:
        readout = "all" if not classify and labels.shape[1:2] == X.shape[1:2] else X.shape[1]
    classes = int(labels.max()) + 1 if classify else None
    return Task(name, train, validation, tested, classes, readout, scale)


def _kept_dtype(X: np.ndarray) -> np.dtype | None:
    """The smallest dtype that holds the values, None where it has more than 16 bits as a float."""
    if X.dtype.kind == "f":
        return X.dtype if X.dtype.itemsize < 4 else None
    if X.dtype.kind == "b":
        return X.dtype
    smallest = np.result_type(np.min_scalar_type(X.min()), np.min_scalar_type(X.max()))
    return smallest if smallest.kind in "iu" and smallest.itemsize <= 4 else None


def _taken(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows, where JAX uses them on a CPU without a copy: at a multiple of 64 bytes."""
    size = len(rows) * X[0].nbytes
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    found = memory[start : start + size].view(X.dtype).reshape(len(rows), *X.shape[1:])
    return np.take(X, rows, axis=0, out=found, mode="clip")  # "raise" would make a copy


def _size_and_power(X: np.ndarray, rows: np.ndarray) -> tuple[np.floating, np.floating]:
    """The largest number, and the root mean square over some rows relative to it.

    Dividing by one after the other neither overflows nor underflows, whatever the unit.
    """
    dtype = np.result_type(X.dtype, np.float32)
    size = max(abs(dtype.type(X.max())), abs(dtype.type(X.min())))
    some = (rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE))
    total = sum(np.square(X[few] / size, dtype=np.float64).sum() for few in some)
    power = np.sqrt(total / (len(rows) * X[0].size))
    return size, dtype.type(power or 1.0)


def _stored(X: np.ndarray, size: np.floating, power: np.floating, scale: float) -> np.ndarray:
    """The inputs of a test part, to be divided by the scale that was found for the others."""
    dtype = _kept_dtype(X)
    if scale == 1.0 or dtype is None:
        return _divided(X, size, power) * np.float32(scale)
    return X.astype(dtype)


def _divided(inputs: np.ndarray, size: np.floating, power: np.floating) -> np.ndarray:
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

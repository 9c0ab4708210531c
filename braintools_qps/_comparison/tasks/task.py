"""The class of tasks, and the split of the samples by a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..._checks import integer

SPLIT_SEED = 20220200
SHARE_TESTED = 0.2
SHARE_VALIDATED = 0.15

READOUTS = '"last", "mean", "all" or how many last steps to average'
AT_ONCE = 2**20  # numbers in a temporary array, which would otherwise be as large as the data


class Samples(NamedTuple):
    """Some samples: ``inputs`` of shape (samples, time, features), and ``labels``.

    Inputs keep the dtype of the data where that is an integer, a boolean or a half precision. The
    labels are integers of shape (samples,), or float32 targets of shape (samples, ...) or (samples,
    time, ...).
    """

    inputs: Any
    labels: Any


class Rows(NamedTuple):
    """Indices of the samples in each part."""

    train: Any
    validation: Any
    test: Any


@dataclass(frozen=True, eq=False)
class Task:
    """The data to train on, to validate on and to test on.

    Each seed splits the samples in its own way, see `split`; a test part that came with the data
    stays as it is. ``readout`` says which outputs are the answer: the output of the last step
    ("last"), the mean over all steps ("mean") or over this many last steps (an int), or every step
    by itself ("all"). Inputs are divided by ``scale`` when they are used, see `normalised`.

    Raises
    ------
    ValueError
        If ``readout`` is none of these.
    """

    name: str
    samples: Samples
    classes: int | None  # None where the labels are targets of a regression
    readout: str | int
    scale: float = 1.0
    given_test: int = 0  # number of last samples that came as a test part
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

    def split(self, seed: int) -> Rows:
        """Split the samples by a seed into those to train, to validate and to test on.

        Each part has the same share of every class. Sizes are the same for all seeds.
        """
        labels = self.samples.labels
        dealt = labels[: len(labels) - self.given_test]
        strata = dealt if self.classes is not None else np.zeros(len(dealt), int)
        rows = _stratified_rows(strata, 0.0 if self.given_test else SHARE_TESTED, seed)
        if self.given_test:
            rows = rows._replace(test=np.arange(len(dealt), len(labels)))
        return rows

    @property
    def sizes(self) -> Rows:
        """Number of samples in each part."""
        return Rows(*map(len, self.split(0)))

    def part(self, name: str, seed: int = 0) -> Samples:
        """A copy of the samples of a part: "train", "validation" or "test"."""
        rows = getattr(self.split(seed), name)
        return Samples(self.samples.inputs[rows], self.samples.labels[rows])

    @property
    def steps(self) -> int:
        return self.samples.inputs.shape[1]

    @property
    def features(self) -> int:
        return self.samples.inputs.shape[2]

    @property
    def is_answered_at_each_step(self) -> bool:
        """Whether there is a label, or a target, for every step of a sample."""
        return self.samples.labels.shape[1:2] == (self.steps,)

    @property
    def outputs(self) -> int:
        """How many numbers the network must return at each step: one per class, or those of a
        target."""
        if self.classes is not None:
            return self.classes
        return math.prod(self.samples.labels.shape[2 if self.is_answered_at_each_step else 1 :])

    def normalised(self, inputs: Any) -> Any:
        """Inputs, or some of them, as float32 with a root mean square of about 1.

        Takes arrays of NumPy and of JAX.
        """
        return inputs.astype(np.float32) / np.float32(self.scale)

    def __repr__(self) -> str:
        sizes = "/".join(map(str, self.sizes))
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
    whole: np.ndarray | None = None,
) -> Task:
    """Make a task: find the scale of the inputs, and store them so that JAX needs no copy.

    ``labels`` are integers from 0 up, or float targets. A given ``test`` part is kept as it is, and
    the rest is split into training and validation. ``readout`` is by default every step, if each
    has a target, and else the mean over all steps. ``whole`` is an `aligned` array of which X and
    the test part are slices; if its dtype suits, the task takes it over.
    """
    classify = labels.dtype.kind in "iu"
    labels = labels.astype(np.int32 if classify else np.float32)
    classes = int(labels.max()) + 1 if classify else None
    if readout is None:
        readout = "all" if not classify and labels.shape[1:2] == X.shape[1:2] else X.shape[1]
    if test is not None:
        labels = np.concatenate([labels, test[1].astype(labels.dtype)])
    size, power = _size_and_power(X)
    parts = [X] if test is None else [X, test[0]]
    kept = _kept_dtype(parts)
    dtype = np.dtype(np.float32) if kept is None else kept
    if whole is None or whole.dtype != dtype:
        whole = aligned(sum(map(len, parts)), X.shape[1:], dtype)
    start = 0
    for some in chain.from_iterable(map(in_pieces, parts)):
        # Numbers of a wide dtype are divided at once: float32 would not hold 1e300 V.
        whole[start : start + len(some)] = _divided(some, size, power) if kept is None else some
        start += len(some)
    scale = 1.0 if kept is None else float(size * power)
    given = 0 if test is None else len(test[0])
    return Task(name, Samples(whole, labels), classes, readout, scale, given)


def in_pieces(X: np.ndarray) -> Iterator[np.ndarray]:
    """An array in pieces of some samples each."""
    rows = max(1, AT_ONCE // max(1, math.prod(X.shape[1:])))
    return (X[at : at + rows] for at in range(0, len(X), rows))


def _kept_dtype(parts: list[np.ndarray]) -> np.dtype | None:
    """The smallest dtype that holds the values; None for floats of more than 16 bits."""
    dtype = np.result_type(*parts)
    if dtype.kind == "f":
        return dtype if dtype.itemsize < 4 else None
    if dtype.kind == "b":
        return dtype
    ends = (np.min_scalar_type(end) for X in parts for end in (X.min(), X.max()))
    smallest = np.result_type(*ends)
    return smallest if smallest.kind in "iu" and smallest.itemsize <= 4 else None


def aligned(count: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array that JAX on a CPU uses without a copy: it starts at a multiple of 64 bytes."""
    size = count * math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(count, *shape)


def _size_and_power(X: np.ndarray) -> tuple[np.floating, np.floating]:
    """The largest number, and the root mean square relative to it.

    Dividing by one after the other neither overflows nor underflows, whatever the unit.
    """
    dtype = np.result_type(X.dtype, np.float32)
    size = max(abs(dtype.type(X.max())), abs(dtype.type(X.min())))
    total = sum(np.square(some / size, dtype=np.float64).sum() for some in in_pieces(X))
    return size, dtype.type(np.sqrt(total / X.size) or 1.0)


def _divided(inputs: np.ndarray, size: np.floating, power: np.floating) -> np.ndarray:
    with np.errstate(over="ignore"):
        scaled = (inputs / size / power).astype(np.float32, copy=False)
    if not np.isfinite(scaled).all():
        raise ValueError(
            "test inputs must be less than 3.4e+38 times as large as training inputs, got larger "
            "ones. Give both the same unit, and leave out outliers"
        )
    return scaled


def _stratified_rows(labels: np.ndarray, tested: float, seed: int) -> Rows:
    """Rows to train, validate and test on: the same share of each class, and at least one."""
    rng = np.random.default_rng((SPLIT_SEED, seed))
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in range(labels.max() + 1):
        rows = rng.permutation(np.flatnonzero(labels == label))
        to_test = max(1, round(tested * len(rows))) if tested else 0
        to_validate = max(1, round(SHARE_VALIDATED * len(rows)))
        parts[2].append(rows[:to_test])
        parts[1].append(rows[to_test : to_test + to_validate])
        parts[0].append(rows[to_test + to_validate :])
    return Rows(*(rng.permutation(np.concatenate(part)) for part in parts))

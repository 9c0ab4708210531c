"""The class of tasks, and the split of the samples by a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from ..._checks import integer

SPLIT_SEED = 20220200
SHARE_TESTED = 0.2
SHARE_VALIDATED = 0.15

ROUNDING = 1e-6  # of a root mean square in float32
READOUTS = '"last", "mean", "all" or how many last steps to average'


class Samples(NamedTuple):
    """Some samples: ``inputs`` of shape (samples, time, features), and ``labels``.

    Inputs keep the dtype of the data where that is a boolean, an integer of up to 32 bits or a half
    precision. The labels are integers of shape (samples,) or (samples, time), or float32 targets of
    shape (samples, ...) or (samples, time, ...).
    """

    inputs: Any
    labels: Any


class Split(NamedTuple):
    """Indices of the samples in each part."""

    train: Any
    validation: Any
    test: Any


@dataclass(frozen=True, eq=False)
class Task:
    """Data of a comparison, with parts for training, validation and testing.

    Each seed splits the samples in its own way, see `split`; a test part that came with the data
    stays as it is. ``readout`` says which outputs are the answer: the output of the last step
    ("last"), the mean over all steps ("mean") or over this many last steps (an int), or every step
    by itself ("all"). Inputs get their ``unit`` when a model gets them, see `to_model`.

    Raises
    ------
    ValueError
        If ``readout`` is none of these, or there is a label for each step and it is not "all".
    """

    name: str
    samples: Samples
    classes: int | None  # None where the labels are targets of a regression
    readout: str | int
    given_test: int = 0  # number of last samples that came as a test part
    description: str = ""
    unit: u.Unit = u.UNITLESS

    def __post_init__(self) -> None:
        number = integer(self.readout)
        if number is not None and 1 <= number <= self.steps:
            object.__setattr__(self, "readout", number)
        elif not (isinstance(self.readout, str) and self.readout in ("last", "mean", "all")):
            raise ValueError(
                f"readout must be {READOUTS}, from 1 to the {self.steps} of the task, got "
                f"{self.readout!r}"
            )
        if self.classes and self.samples.labels.ndim > 1 and self.readout != "all":
            raise ValueError(
                f"readout must be 'all' where each step has a label, got {self.readout!r}. Leave "
                "it out, or give one label for each sample"
            )
        if self.readout == "mean":
            object.__setattr__(self, "readout", self.steps)

    def split(self, seed: int) -> Split:
        """Split the samples into parts for training, validation and testing, from a seed.

        Each part has the same share of every class, if a sample has one. Sizes are the same for all
        seeds.
        """
        labels = self.samples.labels
        dealt = labels[: len(labels) - self.given_test]
        strata = dealt if self.classes and dealt.ndim == 1 else np.zeros(len(dealt), int)
        rows = _stratified_rows(strata, 0.0 if self.given_test else SHARE_TESTED, seed)
        if self.given_test:
            rows = rows._replace(test=np.arange(len(dealt), len(labels)))
        return rows

    @property
    def sizes(self) -> Split:
        """Number of samples in each part."""
        return Split(*map(len, self.split(0)))

    def part(self, name: str, seed: int = 0) -> Samples:
        """Return a copy of the samples of a part: "train", "validation" or "test"."""
        rows = getattr(self.split(seed), name)
        return Samples(self.samples.inputs[rows], self.samples.labels[rows])

    def batch(self, samples: int, seed: int = 0) -> Samples:
        """Return training samples as a model gets them: inputs of shape (time, samples, features).

        There are at most ``samples`` of them, those that ``seed`` puts first.
        """
        rows = self.split(seed).train[:samples]
        inputs = self.to_model(self.samples.inputs[rows].swapaxes(0, 1))
        return Samples(inputs, self.samples.labels[rows])

    def to_model(self, inputs: Any) -> Any:
        """Convert inputs to the form that the model gets: float32, with the unit.

        Takes arrays of NumPy and of JAX.
        """
        numbers = inputs.astype(np.float32)
        return numbers if self.unit.is_unitless else numbers * self.unit

    @cached_property
    def input_rms(self) -> Any:
        """Root mean square of the inputs that the model gets, without a given test part.

        It is exactly 1 if it is 1 up to rounding, as that of named tasks.
        """
        inputs = self.samples.inputs[: len(self.samples.inputs) - self.given_test]
        squares = sum(np.square(sample, dtype=np.float64).sum() for sample in inputs)
        rms = math.sqrt(squares / inputs.size)
        return self.to_model(np.asarray(1.0 if abs(rms - 1) < ROUNDING else rms))

    @property
    def steps(self) -> int:
        return self.samples.inputs.shape[1]

    @property
    def features(self) -> int:
        return self.samples.inputs.shape[2]

    @property
    def is_answered_at_each_step(self) -> bool:
        """Whether every step of a sample has its own label or target."""
        return self.samples.labels.shape[1:2] == (self.steps,)

    @property
    def target(self) -> tuple[int, ...]:
        """Shape of the output that the network must return at each step for one sample."""
        if self.classes is not None:
            return (self.classes,)
        each_step = self.readout == "all" and self.is_answered_at_each_step
        return self.samples.labels.shape[2 if each_step else 1 :]

    @property
    def outputs(self) -> int:
        """Number of outputs at each step: one for each class, or the numbers of a target."""
        return math.prod(self.target)

    @property
    def facts(self) -> dict[str, Any]:
        """Description of the task for records, as plain values."""
        return {
            "name": self.name,
            "samples": self.sizes._asdict(),
            "has_own_test_part": self.given_test > 0,
            "steps": self.steps,
            "features": self.features,
            "classes": self.classes,
            "readout": self.readout,
        } | ({} if self.unit.is_unitless else {"unit": str(self.unit)})

    @cached_property
    def sha256(self) -> str:
        """A digest of the samples and of how they are used."""
        forms = [(array.shape, array.dtype.str) for array in self.samples]
        facts = {name: fact for name, fact in self.facts.items() if name != "name"}
        whole = sha256(repr((forms, facts, self.given_test)).encode())
        for array in self.samples:
            whole.update(np.ascontiguousarray(array).data)
        return whole.hexdigest()

    def __repr__(self) -> str:
        sizes = "/".join(map(str, self.sizes))
        answer = "a regression" if self.classes is None else f"{self.classes} classes"
        return (
            f"Task({self.name!r}: {sizes} samples to train/validate/test, {self.steps} steps of "
            f"{self.features} features, {answer})"
        )

    def __str__(self) -> str:
        return f"{self!r}\n{self.description}".rstrip()


def make_task(X: np.ndarray, labels: np.ndarray, name: str = "", **more: Any) -> Task:
    """Make a task of ``labels`` that are integers from 0 up, or float targets.

    The readout is every step, if each has a label or a target, and else the mean over all steps.
    `load_task` gives a named task its name. ``more`` are further fields of the task.
    """
    classify = labels.dtype.kind in "iu"
    labels = labels.astype(np.int32 if classify else np.float32, copy=False)
    classes = int(labels.max()) + 1 if classify else None
    readout = "all" if labels.shape[1:2] == X.shape[1:2] else "mean"
    return Task(name, Samples(X, labels), classes, readout, **more)


def _stratified_rows(labels: np.ndarray, tested: float, seed: int) -> Split:
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
    return Split(*(rng.permutation(np.concatenate(part)) for part in parts))

"""Classification over time: real digits, a generated memory task, or the user's own arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

# Splits are part of a task, not of a training run: every seed and every candidate sees the same.
SPLIT_SEED = 20220200
SHARE_TESTED = 0.2
SHARE_VALIDATED = 0.15

CUES = 4
CUE_SAMPLES = 2000
CUE_STEPS = 4
DELAY_STEPS = 20
RECALL_STEPS = 4
CUE_NOISE = 0.3


@dataclass(frozen=True, eq=False)
class Split:
    """Samples of one purpose: ``inputs`` of shape (samples, time, features), whole ``labels``."""

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Task:
    """What is trained on, what choices are made on, and what is reported."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    readout_steps: int  # the network's answer is read from this many last steps

    @property
    def steps(self) -> int:
        return self.train.inputs.shape[1]

    @property
    def features(self) -> int:
        return self.train.inputs.shape[2]

    def __repr__(self) -> str:
        sizes = "/".join(str(len(part)) for part in (self.train, self.validation, self.test))
        return (
            f"Task({self.name!r}: {sizes} samples to train/validate/test, {self.steps} steps of "
            f"{self.features} features, {self.classes} classes)"
        )


def load_task(task: Any) -> Task:
    """A Task from its name, from a pair ``(X, y)``, or the task itself.

    Raises
    ------
    LookupError
        If no task has the name.
    TypeError, ValueError
        If the arrays cannot be trained on; see `task_from_arrays`.
    """
    if isinstance(task, Task):
        return task
    if isinstance(task, str):
        if task not in TASKS:
            raise LookupError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
        return TASKS[task]()
    if isinstance(task, tuple) and len(task) == 2:
        return task_from_arrays(*task)
    raise TypeError(f"task must be a name, a pair (X, y) or a Task, got {type(task).__name__}")


def read_npz(path: str | PathLike) -> Task:
    """A task from a file of numpy arrays ``X`` (samples, time, features) and ``y`` (samples,).

    Raises
    ------
    ValueError
        If the file is not an npz archive, or has no plain arrays X and y to train on.
    OSError
        If it cannot be read.
    """
    fix = f"Write it with numpy.savez({str(Path(path).with_suffix('.npz'))!r}, X=X, y=y)"
    with open(path, "rb") as file:
        if not is_zipfile(file):
            raise ValueError(f"{path} is not an npz archive. {fix}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} is not an npz file of plain arrays: {error}") from error
    if not {"X", "y"} <= arrays.keys():
        raise ValueError(f"{path} must hold arrays X and y, got {sorted(arrays) or 'none'}. {fix}")
    return task_from_arrays(arrays["X"], arrays["y"], name=str(path))


def task_from_arrays(X: Any, y: Any, *, name: str = "arrays") -> Task:
    """Split arrays by class into 65 % to train, 15 % to validate and 20 % to test.

    Parameters
    ----------
    X : array_like
        Finite real numbers, or booleans for spikes, of shape (samples, time, features). They are
        divided by their root mean square over the training part, so that their unit does not
        matter.
    y : array_like
        One label for each sample, of shape (samples,): integers or strings.
    name : str
        What to call the task.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is not finite, all inputs are 0, there is but one class, or a
        class has fewer than 4 samples.
    TypeError
        If X is not of real numbers, or y neither of integers nor of strings.
    """
    X, y = np.asarray(X), np.asarray(y)
    _check_arrays(X, y)
    names, labels = np.unique(y, return_inverse=True)
    _check_classes(names, np.bincount(labels))
    return _task(name, X.astype(np.float32), labels, readout_steps=X.shape[1])


def _check_arrays(X: np.ndarray, y: np.ndarray) -> None:
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must hold real numbers, got dtype {X.dtype}")
    if not (np.issubdtype(y.dtype, np.integer) or y.dtype.kind in "bSU"):
        raise TypeError(f"y must hold integers or strings, got dtype {y.dtype}. Try y.astype(int)")
    if X.ndim != 3 or X.size == 0:
        raise ValueError(
            f"X must have the shape (samples, time, features) and hold something, got {X.shape}"
            + (". For one feature, pass X[:, :, None]" if X.ndim == 2 else "")
        )
    if y.shape != X.shape[:1]:
        raise ValueError(
            f"y must hold one label for each of the {len(X)} samples, got shape {y.shape}"
        )
    if not np.isfinite(X).all():
        wrong = int((~np.isfinite(X)).any(axis=(1, 2)).sum())
        raise ValueError(
            f"X must be finite, got NaN or infinity in {wrong} of {len(X)} samples. Drop them with "
            "X[numpy.isfinite(X).all(axis=(1, 2))]"
        )
    if not X.any():
        raise ValueError("X must not be 0 everywhere: there is nothing to learn from")


def _check_classes(names: np.ndarray, counts: np.ndarray) -> None:
    if len(names) < 2:
        raise ValueError(f"y must hold two classes or more, got only {names.tolist()}")
    if counts.min() < 4:
        rare = names[counts.argmin()].item()
        raise ValueError(
            "each class needs 4 samples or more, for the three parts of the data, got "
            f"{counts.min()} of class {rare!r}. If y is a quantity, bin it first"
        )


def _task(name: str, X: np.ndarray, labels: np.ndarray, readout_steps: int) -> Task:
    rows = _stratified_rows(labels)
    power = float(np.sqrt(np.mean(np.square(X[rows[0]], dtype=np.float64)))) or 1.0
    X, labels = (X / power).astype(np.float32), labels.astype(np.int32)
    train, validation, test = (Split(X[part], labels[part]) for part in rows)
    return Task(name, train, validation, test, int(labels.max()) + 1, readout_steps)


def _stratified_rows(labels: np.ndarray) -> list[np.ndarray]:
    """Rows to train, validate and test on: of each class the same shares, one of each at least."""
    rng = np.random.default_rng(SPLIT_SEED)
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in range(labels.max() + 1):
        rows = rng.permutation(np.flatnonzero(labels == label))
        tested = max(1, round(SHARE_TESTED * len(rows)))
        validated = max(1, round(SHARE_VALIDATED * len(rows)))
        parts[2].append(rows[:tested])
        parts[1].append(rows[tested : tested + validated])
        parts[0].append(rows[tested + validated :])
    return [rng.permutation(np.concatenate(part)) for part in parts]


def _digits() -> tuple[np.ndarray, np.ndarray]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "the digits are scikit-learn's. Run pip install 'braintools-qps[train]'"
        ) from error
    images, labels = load_digits(return_X_y=True)
    return images.astype(np.float32), labels


def _digits_rows() -> Task:
    """1797 handwritten digits of 8 x 8 pixels, each row shown for two steps."""
    images, labels = _digits()
    rows = np.repeat(images.reshape(-1, 8, 8), 2, axis=1)
    return _task("digits-rows", rows, labels, readout_steps=16)


def _digits_pixels() -> Task:
    """The same digits pixel by pixel: 64 steps of one feature."""
    images, labels = _digits()
    return _task("digits-pixels", images[:, :, None], labels, readout_steps=64)


def _cue_recall() -> Task:
    """Which of four inputs was on at the start, asked for after a delay full of noise.

    The answer is read only after the delay, from the spikes of those last steps, so that it is the
    network that has to remember.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    labels = rng.permutation(np.arange(CUE_SAMPLES) % CUES)
    steps = CUE_STEPS + DELAY_STEPS + RECALL_STEPS
    X = CUE_NOISE * rng.standard_normal((CUE_SAMPLES, steps, CUES + 1)).astype(np.float32)
    X[np.arange(CUE_SAMPLES), :CUE_STEPS, labels] += 1
    X[:, -RECALL_STEPS:, CUES] += 1  # the question
    return _task("cue-recall", X, labels, readout_steps=RECALL_STEPS)


TASKS: Mapping[str, Callable[[], Task]] = MappingProxyType(
    {
        "digits-rows": _digits_rows,
        "digits-pixels": _digits_pixels,
        "cue-recall": _cue_recall,
    }
)

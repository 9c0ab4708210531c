"""A task from the user's arrays, with checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import brainunit as u
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..._wording import listed
from .task import Task, make_task

Given: TypeAlias = ArrayLike | u.Quantity

FEWEST_SAMPLES = 4  # of a class: one to validate, one to test, two to train


def task_from_arrays(
    X: Given, y: Given, *, test: Sequence[Given] = (), name: str = "arrays"
) -> Task:
    """Split arrays by class into 65% to train, 15% to validate and 20% to test.

    Parameters
    ----------
    X : array_like
        Finite real numbers, or booleans for spikes, of shape (samples, time, features).
    y : array_like
        Classes: integers, booleans or strings of shape (samples,), or (samples, time) where each
        step has a label. Or targets of a regression: floats of shape (samples, ...), or (samples,
        time, ...) where each step has a target.
    test : sequence of array_like
        X and y to test on, or nothing. With them, all other samples are split into 85% to train
        and 15% to validate.
    name : str
        What to call the task.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is not finite in float32, there is only one class, a class or a
        regression has fewer than 4 samples, or the test part has another shape or class.
    TypeError
        If X does not hold real numbers, y none of the above, or the parts differ in unit, or only
        one has classes.
    """
    inputs, labels = _part(X, y, "")
    given = 0
    if test:
        tested = _part(_in_unit_of(X, test[0]), test[1], " of the test part")
        kinds = labels.dtype, tested[1].dtype
        if len({kind == np.float32 for kind in kinds}) > 1:
            raise TypeError(
                "y and y of the test part must both hold classes, or both floats to predict, got "
                f"{kinds[0]} and {kinds[1]}. Convert one of them"
            )
        given = len(tested[0])
        for what, ours, theirs in zip(("X", "y"), (inputs, labels), tested):
            if ours.shape[1:] != theirs.shape[1:]:
                raise ValueError(
                    f"{what} of the test part must have the shape of {what} but for the number of "
                    f"samples, got {theirs.shape} and {ours.shape}. Cut both to the same shape"
                )
        inputs, labels = np.concatenate([inputs, tested[0]]), np.concatenate([labels, tested[1]])
    return labelled_task(inputs, labels, given_test=given, unit=u.get_unit(X), name=name)


def labelled_task(X: np.ndarray, y: np.ndarray, *, given_test: int = 0, **more: Any) -> Task:
    """A task with its classes numbered; the last ``given_test`` samples are its test part.

    ``more`` are further fields of the task.
    """
    dealt, tested = np.split(y, [len(y) - given_test])
    if y.dtype.kind == "f":
        if len(dealt) < FEWEST_SAMPLES:
            raise ValueError(
                f"a regression needs {FEWEST_SAMPLES} samples or more, for the three parts of the "
                f"data, got {len(dealt)}. If y holds classes, pass them as integers"
            )
        return make_task(X, y, given_test=given_test, **more)
    names = np.unique(dealt)
    _check_classes(names, dealt)
    if given_test:
        _check_tested(names, tested)
    return make_task(X, np.searchsorted(names, y), given_test=given_test, **more)


def labels_of(y: Given, what: str = "y") -> np.ndarray:
    """Labels as an array of integers, booleans, strings, bytes or floats.

    Raises
    ------
    TypeError
        If they are of several types, or of another one.
    """
    if isinstance(y, u.Quantity) and not y.unit.is_unitless:
        raise TypeError(
            f"{what} must have no unit, got {y.unit}. Choose a unit for the errors: pass "
            f"y.to_decimal(u.{y.unit})"
        )
    labels = _array(y, what)
    if labels.dtype.kind in "OT":  # as pandas keeps strings, with floats for those that are missing
        kinds = sorted({np.asarray(label).dtype.name for label in labels.flat})
        if len({kind.rstrip("0123456789") for kind in kinds}) > 1:
            raise TypeError(
                f"{what} must hold labels of one type, integers or strings, got "
                f"{', '.join(kinds)}. Leave out samples without a label, and convert the others, "
                "for example with str"
            )
        labels = np.array(labels.tolist())
    if labels.dtype.kind not in "biufSU":
        raise TypeError(
            f"{what} must hold integers, strings or floats, got dtype {labels.dtype}. Convert it, "
            "for example with .astype(int)"
        )
    return labels


def _part(X: Given, y: Given, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels of a part of the data, checked, as the task holds them."""
    X, y = _array(X, f"X{part}"), labels_of(y, f"y{part}")
    if X.dtype.kind not in "biuf":
        raise TypeError(
            f"X{part} must hold real numbers, got dtype {X.dtype}. Convert it, for example with "
            ".astype(float)"
        )
    _check_shapes(X, y, part)
    is_small = X.dtype == np.float16 or (X.dtype.kind in "biu" and X.dtype.itemsize <= 4)
    X = _finite(X, X.dtype if is_small else np.float32, f"X{part}")
    return X, _finite(y, np.float32, f"y{part}") if y.dtype.kind == "f" else y


def _in_unit_of(X: Given, inputs: Given) -> Given:
    """The inputs of the test part as numbers in the unit of the others."""
    unit, other = u.get_unit(X), u.get_unit(inputs)
    if not other.has_same_dim(unit):
        raise TypeError(
            f"X of the test part must have the unit of X, {unit}, got {other}. Give both parts one "
            "unit, or none"
        )
    return inputs.to_decimal(unit) if isinstance(inputs, u.Quantity) else inputs


def _array(values: Given, what: str) -> np.ndarray:
    values = u.get_mantissa(values)
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{what} must not be a masked array, whose mask would be lost. Leave out samples that "
            "are masked, or fill them in with .filled(0)"
        )
    return np.asarray(values)


def _check_shapes(X: np.ndarray, y: np.ndarray, part: str) -> None:
    if X.ndim != 3 or X.size == 0:
        fix = ". For one feature, pass X[:, :, None]" if X.ndim == 2 else ""
        raise ValueError(
            f"X{part} must have the shape (samples, time, features) and not be empty, got "
            f"{X.shape}{fix}"
        )
    if not X.any():
        raise ValueError(f"X{part} must not be 0 everywhere. Look at how it is loaded and scaled")
    each, each_step = X.shape[:1], X.shape[:2]
    if y.shape[:1] != each or (y.dtype.kind != "f" and y.shape not in (each, each_step)):
        fix = ". Pass y[:, 0]" if y.shape == (len(X), 1) else ""
        raise ValueError(
            f"y{part} must hold one label for each of the {len(X)} samples, or for each of their "
            f"{X.shape[1]} steps, got shape {y.shape}{fix}"
        )


def _finite(values: np.ndarray, dtype: DTypeLike, what: str) -> np.ndarray:
    """The values in this dtype, if they are finite there."""
    with np.errstate(over="ignore"):
        numbers = values.astype(dtype, copy=False)
    if numbers.dtype.kind != "f" or (finite := np.isfinite(numbers)).all():
        return numbers
    bad = np.argwhere(~finite)
    first, samples = tuple(bad[0].tolist()), len({*bad[:, 0].tolist()})
    raise ValueError(
        f"{what} must be finite in float32, got {values[first]} at {list(first)}, and {samples} of "
        f"{len(numbers)} samples that are not. Leave out such samples, or take another unit if "
        "numbers go beyond 3.4e+38"
    )


def _check_classes(names: np.ndarray, y: np.ndarray) -> None:
    if len(names) < 2:
        raise ValueError(
            f"y must hold two classes or more, got only {names.tolist()}. If y is a quantity, pass "
            "it as floats"
        )
    counts = [np.sum((y == name).reshape(len(y), -1).any(axis=1)) for name in names]
    if min(counts) < FEWEST_SAMPLES:
        raise ValueError(
            f"each class needs {FEWEST_SAMPLES} samples or more, for the three parts of the data, "
            f"got {min(counts)} of class {names[np.argmin(counts)].item()}. Drop rare classes, or "
            "give more samples; if y is a quantity, pass it as floats"
        )


def _check_tested(names: np.ndarray, y: np.ndarray) -> None:
    """Check that the labels of the test part are classes to train."""
    few = lambda names: listed(map(repr, names.tolist()), 5)
    if len(strange := np.setdiff1d(y, names)):
        raise ValueError(
            f"classes of the test part must be among those to train, {few(names)}, got "
            f"{few(strange)}. Keep X_test[known] and y_test[known] with known = "
            "numpy.isin(y_test, y)"
        )

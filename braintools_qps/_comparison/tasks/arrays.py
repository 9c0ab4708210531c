"""A task from the user's arrays, with checks."""

from __future__ import annotations

from typing import Any, TypeAlias

import brainunit as u
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ..._wording import from_extra, listed, shortened
from .task import Task, make_task

Given: TypeAlias = ArrayLike | u.Quantity
Part: TypeAlias = tuple[np.ndarray, np.ndarray]  # X and y

TWO_AXES = (
    "Say what time is. Columns that are features, shown for 20 steps: X = np.repeat(X[:, None], "
    "20, axis=1). Columns that are times, of one feature: X = X[:, :, None]"
)
MORE_AXES = (
    "Pass X.reshape(*X.shape[:2], -1), and begin the model with brainstate.nn.Unflatten(-1, shape)"
)
FEWEST_SAMPLES = 4  # of a class: one to validate, one to test, two to train
# Inputs of these types stay as they are; all others become float32, the first.
INPUT_TYPES = tuple(map(np.dtype, ("f4", "f2", "?", "i1", "u1", "i2", "u2", "i4", "u4")))


def task_from_arrays(X: Given, y: Given, *test: Given, name: str = "arrays") -> Task:
    """Split arrays by class into 65% to train, 15% to validate and 20% to test.

    Parameters
    ----------
    X : array_like
        Finite real numbers, or booleans for spikes, of shape (samples, time, features).
    y : array_like
        Classes: integers, booleans or strings of shape (samples,), or (samples, time) where each
        step has a label. Or targets of a regression: floats of shape (samples, ...), or (samples,
        time, ...) where each step has a target.
    *test : array_like
        X and y to test on, or nothing. With them, all other samples are split into 85% to train
        and 15% to validate.
    name : str
        What to call the task.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is no number or not finite in float32, there is only one class,
        a class or a regression has fewer than 4 samples, a class of a step is below 0, or the test
        part has another shape or class.
    TypeError
        If y holds neither classes nor numbers, an array is masked, or the parts differ in unit or
        only one has classes.
    ImportError
        If scikit-learn is missing.
    """
    inputs, labels = _part(X, y, "")
    given = 0
    if test:
        tested = _part(_in_unit_of(X, test[0]), test[1], " of the test part")
        _check_alike((inputs, labels), tested)
        given = len(tested[0])
        inputs, labels = map(np.concatenate, zip((inputs, labels), tested))
    numbered = _numbered(labels, len(labels) - given)
    return make_task(inputs, numbered, name, given_test=given, unit=u.get_unit(X))


def _part(X: Given, y: Given, part: str) -> Part:
    """Inputs and labels of a part of the data, checked, as the task holds them."""
    inputs = _inputs(X, f"X{part}")
    labels = _labels(y, f"y{part}")
    samples, steps = inputs.shape[:2]
    one_each = labels.shape == (samples,) or labels.shape == (samples, steps)
    if labels.shape[:1] != (samples,) or (labels.dtype.kind != "f" and not one_each):
        fixes = {
            (samples, *labels.shape[1:]): ". If they are one-hot, pass y.argmax(axis=-1)",
            (samples, 1): ". Pass y[:, 0]",
            (steps,): ". If X has time along its first axis, pass X.swapaxes(0, 1)",
        }
        fix = fixes.get(labels.shape, "")
        raise ValueError(
            f"y{part} must hold one label for each of the {samples} samples, or for each of their "
            f"{steps} steps, got shape {labels.shape}{fix}"
        )
    if labels.ndim > 1 and labels.dtype.kind == "i" and labels.min() < 0:
        raise ValueError(
            f"classes of steps must be integers from 0, got {labels.min()} in y{part}, which would "
            "be its own class. Leave steps out by a mask (recipe: Samples of different "
            "lengths); if it is a class, add 1"
        )
    return inputs, labels


def _inputs(X: Given, what: str) -> np.ndarray:
    """Inputs as an array of numbers, of shape (samples, time, features)."""
    inputs = _checked(X, what, INPUT_TYPES)
    if inputs.ndim != 3 or inputs.size == 0:
        fix = f". {TWO_AXES}" if inputs.ndim == 2 else f". {MORE_AXES}" if inputs.ndim > 3 else ""
        raise ValueError(
            f"{what} must have the shape (samples, time, features) and not be empty, got "
            f"{inputs.shape}{fix}"
        )
    if not inputs.any():
        raise ValueError(f"{what} must not be 0 everywhere. Look at how it is loaded and scaled")
    return inputs


def _labels(y: Given, what: str) -> np.ndarray:
    """Labels as an array of integers, booleans, strings, bytes or float32."""
    if isinstance(y, u.Quantity) and not y.unit.is_unitless:
        raise TypeError(
            f"{what} must have no unit, got {y.unit}. Choose a unit for the errors: pass "
            f"y.to_decimal(u.{y.unit})"
        )
    labels = _checked(y, what)
    if labels.dtype == object:  # as pandas keeps strings
        labels = np.array(labels.tolist())
    if labels.dtype.kind not in "biufSU":
        raise TypeError(
            f"{what} must hold integers, strings or floats, got dtype {labels.dtype}. Convert it, "
            "for example with .astype(int)"
        )
    return _checked(labels, what, np.float32) if labels.dtype.kind == "f" else labels


def _checked(values: Given, what: str, dtype: Any = None) -> np.ndarray:
    """An array of finite numbers or of labels, by scikit-learn's check."""
    with from_extra("train", "arrays are checked by scikit-learn"):
        from sklearn.utils import check_array
    values = u.get_mantissa(values)
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{what} must not be a masked array, whose mask would be lost. Leave out samples that "
            "are masked, or fill them in with .filled(0)"
        )
    if getattr(values, "dtype", None) == jnp.bfloat16:  # which scikit-learn does not know
        values = np.asarray(values, np.float32)
    is_text = isinstance(values, np.ndarray) and values.dtype.kind == "T"
    try:
        with np.errstate(over="ignore"):
            return check_array(
                values.astype(object) if is_text else values, dtype=dtype, input_name=what,
                ensure_2d=False, allow_nd=True, ensure_min_samples=0,
            )  # fmt: skip
    except (TypeError, ValueError) as error:
        numbers = "finite real numbers" if dtype else "classes or finite real numbers"
        reason = shortened(str(error).partition("\n")[0].partition(". ")[0].rstrip("."), 120)
        raise ValueError(
            f"{what} must hold {numbers}, got an error: {reason}. Leave out samples that lack a "
            "value, pad samples to one length, convert with .astype(float), or take another unit "
            "where they exceed 3.4e+38. Steps can be left out by a mask (recipe: Samples of "
            "different lengths)"
        ) from error


def _in_unit_of(X: Given, inputs: Given) -> Given:
    """The inputs of the test part as numbers in the unit of the others."""
    unit, other = u.get_unit(X), u.get_unit(inputs)
    if not other.has_same_dim(unit):
        raise TypeError(
            f"X of the test part must have the unit of X, {unit}, got {other}. Give both parts one "
            "unit, or none"
        )
    return inputs.to_decimal(unit) if isinstance(inputs, u.Quantity) else inputs


def _check_alike(part: Part, tested: Part) -> None:
    ours, theirs = part[1].dtype, tested[1].dtype
    if (ours == np.float32) != (theirs == np.float32):
        raise TypeError(
            "y and y of the test part must both hold classes, or both floats to predict, got "
            f"{ours} and {theirs}. Convert one of them"
        )
    for name, whole, test in zip("Xy", part, tested):
        if whole.shape[1:] != test.shape[1:]:
            raise ValueError(
                f"{name} of the test part must have the steps and features of {name}, whose shape "
                f"is {whole.shape}, got {test.shape}. Prepare both parts alike"
            )


def _numbered(y: np.ndarray, dealt: int) -> np.ndarray:
    """Classes as integers from 0, or targets as they are; those past ``dealt`` are to test on."""
    if y.dtype.kind == "f":
        if dealt < FEWEST_SAMPLES:
            raise ValueError(
                f"a regression needs {FEWEST_SAMPLES} samples or more, for the three parts of the "
                f"data, got {dealt}. If y holds classes, pass them as integers"
            )
        return y
    names = np.unique(y[:dealt])
    _check_classes(names, y[:dealt])
    if len(strange := np.setdiff1d(y[dealt:], names)):
        few = lambda names: listed(map(repr, names.tolist()), 5)
        raise ValueError(
            f"classes of the test part must be among those to train, {few(names)}, got "
            f"{few(strange)}. Keep X_test[known] and y_test[known] with known = "
            "numpy.isin(y_test, y)"
        )
    return np.searchsorted(names, y)


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

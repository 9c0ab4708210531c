"""A task from the user's arrays, with checks."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .task import Task, in_pieces, make_task

FEWEST_SAMPLES = 4  # of a class: one to validate, one to test, two to train


def task_from_arrays(
    X: Any,
    y: Any,
    *,
    test: tuple[Any, Any] | None = None,
    name: str = "arrays",
    whole: np.ndarray | None = None,
) -> Task:
    """Split arrays by class into 65% to train, 15% to validate and 20% to test.

    Parameters
    ----------
    X : array_like
        Finite real numbers, or booleans for spikes, of shape (samples, time, features).
    y : array_like
        Classes: one label for each sample, of shape (samples,), integers, booleans or strings. Or
        targets of a regression: floats of shape (samples, ...), or (samples, time, ...) where each
        step has a target.
    test : tuple of array_like, optional
        ``(X, y)`` to test on. All other samples are then split into 85% to train and 15% to
        validate.
    name : str
        What to call the task.
    whole : numpy.ndarray, optional
        The aligned array of which X and the test part are slices. If its dtype suits, it is not
        copied, and the task takes it over.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is not finite, all inputs are 0, there is only one class, a
        class or a regression has fewer than 4 samples, or the parts have different classes.
    TypeError
        If X does not hold real numbers, y none of the above, or the parts differ in unit or in the
        kind of labels.
    """
    if test is not None:
        test = _in_unit_of(X, test[0]), test[1]
    X, y = _inputs(X, "X"), _labels(y, "y")
    _check_samples(X, y, "X", "y")
    if test is not None:
        test = _inputs(test[0], "X of the test part"), _labels(test[1], "y of the test part")
        _check_samples(*test, "X of the test part", "y of the test part")
        _check_same_form((X, y), test)
    if y.dtype.kind == "f":
        _check_enough(y)
        return make_task(name, X, y, test=test, whole=whole)
    names, labels = np.unique(y, return_inverse=True)
    _check_classes(names, np.bincount(labels))
    if test is not None:
        test = test[0], _numbered(test[1], names)
    return make_task(name, X, labels, test=test, whole=whole)


def _in_unit_of(X: Any, inputs: Any) -> Any:
    """The inputs of the test part as numbers in the unit of the others."""
    unit, own = u.get_unit(X), u.get_unit(inputs)
    if not own.has_same_dim(unit):
        raise TypeError(
            f"X of the test part must have the unit of X, {unit}, got {own}. Give both parts one "
            "unit, or none"
        )
    return inputs.to_decimal(unit) if isinstance(inputs, u.Quantity) else inputs


def _inputs(X: Any, what: str) -> np.ndarray:
    X = _array(X, what)
    if X.dtype.kind not in "biuf":
        raise TypeError(
            f"{what} must hold real numbers, got dtype {X.dtype}. Convert it, for "
            "example with .astype(float)"
        )
    return X


def _labels(y: Any, what: str) -> np.ndarray:
    if isinstance(y, u.Quantity) and not y.unit.is_unitless:
        raise TypeError(
            f"{what} must have no unit, got {y.unit}. Choose a unit for the errors: pass "
            f"y.to_decimal({y.unit})"
        )
    found = _array(y, what)
    if found.dtype == object or found.dtype.kind == "T":
        found = _plain(found, what)
    elif isinstance(y, (list, tuple)) and _hides_types(y, found):
        found = _plain(_array(y, what, object), what)
    y = found
    if y.dtype.kind not in "biufSU":
        raise TypeError(
            f"{what} must hold integers, strings or floats, got dtype {y.dtype}. Convert it, for "
            "example with .astype(int)"
        )
    return y


def _array(values: Any, what: str, dtype: Any = None) -> np.ndarray:
    values = u.get_mantissa(values)
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{what} must not be a masked array, whose mask would be lost. Leave out samples that "
            "are masked, or fill them in with .filled(0)"
        )
    try:
        array = np.asarray(values, dtype)
    except ValueError as error:
        why = str(error).rstrip(".")
        raise ValueError(
            f"{what} must be an array with rows of equal length, got an error: {why}. Pad shorter "
            "rows, for example with 0"
        ) from error
    is_unknown_float = array.dtype.kind == "V" and jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(np.float32) if is_unknown_float else array  # such as bfloat16


def _plain(y: np.ndarray, what: str) -> np.ndarray:
    """Labels of dtype object, as pandas keeps strings, as an array of their own type."""
    labels = [one.item() if isinstance(one, np.generic) else one for one in y.ravel().tolist()]
    types = set(map(type, labels))
    if types in ({str}, {bytes}, {bool}, {int}, {float}):
        return np.array(labels).reshape(y.shape)
    names = ", ".join(sorted(kind.__name__ for kind in types))
    raise TypeError(
        f"{what} must hold labels of one type, integers or strings, got {names}. Convert all, for "
        "example with str"
    )


def _hides_types(y: list | tuple, found: np.ndarray) -> bool:
    """Whether NumPy may have made text of 1 beside "a", or 1 of True beside 2."""
    return found.dtype.kind in "SU" or (
        found.dtype.kind != "b" and any(isinstance(one, (bool, np.bool_)) for one in y)
    )


def _check_samples(X: np.ndarray, y: np.ndarray, inputs: str, labels: str) -> None:
    if X.ndim != 3 or X.size == 0:
        raise ValueError(
            f"{inputs} must have the shape (samples, time, features) and not be empty, got "
            f"{X.shape}" + (". For one feature, pass X[:, :, None]" if X.ndim == 2 else "")
        )
    if y.ndim == 0 or len(y) != len(X) or (y.dtype.kind != "f" and y.ndim > 1):
        raise ValueError(
            f"{labels} must hold one label for each of the {len(X)} samples, got shape {y.shape}"
            + (f". Pass {labels}[:, 0]" if y.shape == (len(X), 1) else "")
        )
    if X.dtype.kind == "f":
        _check_finite(X, inputs)
    if y.dtype.kind == "f":
        _check_finite(y, labels)
        if np.abs(y).max() > np.finfo(np.float32).max:
            raise ValueError(
                f"{labels} must fit into float32, got {np.abs(y).max()}. Divide it by a constant"
            )
    if not X.any():
        raise ValueError(
            f"{inputs} must not be 0 everywhere, got only zeros. Check how it is loaded"
        )


def _check_finite(values: np.ndarray, what: str) -> None:
    each = (np.isfinite(some).reshape(len(some), -1).all(axis=1) for some in in_pieces(values))
    finite = np.concatenate([*each])
    if not finite.all():
        raise ValueError(
            f"{what} must be finite, got NaN or infinity in {np.sum(~finite)} of {len(values)} "
            f"samples. Keep X[good] and y[good] with good = numpy.isfinite({what[0]})"
            f"{'.all(axis=(1, 2))' if values.ndim == 3 else ''}"
        )


def _check_enough(y: np.ndarray) -> None:
    if len(y) < FEWEST_SAMPLES:
        raise ValueError(
            f"a regression needs {FEWEST_SAMPLES} samples or more, for the three parts of the "
            f"data, got {len(y)}. If y holds classes, pass them as integers"
        )


def _check_classes(names: np.ndarray, counts: np.ndarray) -> None:
    if len(names) < 2:
        raise ValueError(
            f"y must hold two classes or more, got only {names.tolist()}. If y is a quantity, pass "
            "it as floats"
        )
    if counts.min() < FEWEST_SAMPLES:
        rare = names[np.argmin(counts)].item()
        raise ValueError(
            f"each class needs {FEWEST_SAMPLES} samples or more, for the three parts of the data, "
            f"got {counts.min()} of class {rare!r}. If y is a quantity, pass it as floats"
        )


def _check_same_form(given: tuple[np.ndarray, np.ndarray], test: tuple) -> None:
    for name, one, other in zip("Xy", given, test):
        if one.shape[1:] != other.shape[1:]:
            raise ValueError(
                f"{name} of the test part must have the shape (samples, "
                f"{', '.join(map(str, one.shape[1:]))}) that {name} has, got {other.shape}. "
                "Prepare both parts in the same way"
            )
    kinds = [_kind(y) for y in (given[1], test[1])]
    if kinds[0] != kinds[1]:
        raise TypeError(
            f"y of the test part must hold {kinds[0]}, as y does, got {kinds[1]}. "
            "Convert one of them"
        )


def _kind(y: np.ndarray) -> str:
    return {"f": "floats", "S": "bytes", "U": "strings"}.get(y.dtype.kind, "integers")


def _numbered(y: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Labels of the test part as indices of the classes to train."""
    strange, missing = np.setdiff1d(y, names), np.setdiff1d(names, y)
    if strange.size:
        raise ValueError(
            f"classes of the test part must be among those to train, {_few(names)}, got "
            f"{_few(strange)}. Keep X_test[known] and y_test[known] with known = "
            "numpy.isin(y_test, y)"
        )
    if missing.size:
        raise ValueError(
            f"the test part must have samples of every class, got none of {_few(missing)}. Drop "
            "these classes from X and y, or give no test part"
        )
    return np.searchsorted(names, y)


def _few(names: np.ndarray) -> str:
    return ", ".join(map(repr, names[:5].tolist())) + (", ..." if len(names) > 5 else "")

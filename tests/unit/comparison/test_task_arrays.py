"""The user's own arrays: what is taken, and what is refused."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison.tasks import load_task, task_from_arrays


def arrays(samples=40, steps=3, features=2, classes=2):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((samples, steps, features)) + 5
    return X, np.arange(samples) % classes


X, Y = arrays()
WORDS = np.array(["off", "on"])[Y]
NAN = X.copy()
NAN[3, 0, 0] = NAN[3, 2, 1] = NAN[17, 1, 0] = np.nan
TEST = X[:10], Y[:10]


def assert_same(one, other):
    inputs = (task.normalised(task.samples.inputs) for task in (one, other))
    np.testing.assert_allclose(*inputs, rtol=1e-6)
    np.testing.assert_array_equal(one.samples.labels, other.samples.labels)
    assert one.given_test == other.given_test


LONG = np.finfo(np.longdouble)  # on some machines the same as float64


@pytest.mark.parametrize("factor", [1e39, 1e-60, 1e300, 1e-300, LONG.max / 100, LONG.tiny * 100])
def test_the_unit_of_inputs_does_not_matter_however_large_or_small(factor):
    assert_same(task_from_arrays(factor * X, Y), task_from_arrays(X, Y))


def test_inputs_may_carry_a_unit():
    assert_same(task_from_arrays(X * u.mV, Y), task_from_arrays(X, Y))


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        (bool, bool), (np.uint8, np.uint8), (np.int64, np.uint8), (np.uint64, np.uint8),
        (np.float16, np.float16), (jnp.bfloat16, np.float32), (np.float32, np.float32),
        (np.float64, np.float32),
    ],
)  # fmt: skip
def test_inputs_of_every_dtype_are_the_same_numbers_and_small_ones_stay_small(dtype, kept):
    counts = np.random.default_rng(1).integers(0, 2 if dtype is bool else 9, (40, 3, 2))
    task = task_from_arrays(counts.astype(dtype), Y)
    assert_same(task, task_from_arrays(counts.astype(float), Y))
    assert task.samples.inputs.dtype == np.dtype(kept)
    power = np.mean(np.square(task.normalised(task.samples.inputs)))
    assert power == pytest.approx(1, rel=1e-3 if dtype == np.float16 else 1e-6)


@pytest.mark.parametrize("low", [-300, -1])
def test_the_smallest_dtype_holds_what_is_negative(low):
    numbers = np.random.default_rng(1).integers(0, 200, (40, 3, 2))
    numbers[0, 0, 0] = low
    assert_same(task_from_arrays(numbers, Y), task_from_arrays(numbers.astype(float), Y))
    assert task_from_arrays(numbers, Y).samples.inputs.dtype == np.int16


@pytest.mark.parametrize("other", [float, np.float16, np.int32])
def test_a_test_part_of_another_dtype_counts_the_same(other):
    counts = np.random.default_rng(1).integers(0, 9, (40, 3, 2))
    tests = counts[:10], Y[:10]
    task = task_from_arrays(counts, Y, test=(tests[0].astype(other), tests[1]))
    assert_same(task, task_from_arrays(counts, Y, test=tests))


def test_integers_beyond_32_bits_are_the_numbers_that_they_are():
    numbers = np.random.default_rng(1).integers(-(2**62), 2**62, (40, 3, 2))
    assert_same(task_from_arrays(numbers, Y), task_from_arrays(numbers.astype(float), Y))


@pytest.mark.parametrize(
    "labels",
    [
        WORDS,
        WORDS.astype(object),
        WORDS.tolist(),
        WORDS.astype("S"),
        WORDS.astype(np.dtypes.StringDType()),
        WORDS.astype("S").astype(object),
        Y.astype(object),
        (Y == 1).astype(object),
        np.array([*WORDS], object),  # NumPy's own strings and numbers, in objects
        np.array([*Y], object),
        Y == 1,
        10 * Y - 3,
    ],
)
def test_labels_of_every_kind(labels):
    assert_same(task_from_arrays(X, labels), task_from_arrays(X, Y))


def test_a_list_of_two_arrays_is_a_pair():
    assert_same(load_task([X, Y]), load_task((X, Y)))


@pytest.mark.parametrize("shape", [(40,), (40, 2), (40, 3), (40, 3, 5)])
def test_floats_are_targets(shape):
    targets = np.random.default_rng(2).standard_normal(shape)
    task = task_from_arrays(X, targets)
    assert task.classes is None
    assert task.sizes == (26, 6, 8)
    assert task.part("train").labels.dtype == np.float32
    np.testing.assert_allclose(task.samples.labels, targets, rtol=1e-6)


def test_a_test_part_is_left_whole_and_scaled_as_the_others():
    task = load_task((X, WORDS, 2 * X[:10], WORDS[:10]))
    dealt = task.samples.inputs[:-10]
    assert np.sqrt(np.mean(dealt**2)) == pytest.approx(1, rel=1e-6)
    assert task.sizes == (34, 6, 10)
    np.testing.assert_array_equal(task.part("test").labels, Y[:10])
    factor = dealt.max() / X.max()
    np.testing.assert_allclose(task.part("test").inputs, 2 * X[:10] * factor, rtol=1e-6)


@pytest.mark.parametrize(
    ("X", "y", "test", "error", "message"),
    [
        (X[:, :, 0], Y, None, ValueError, r"\(samples, time, features\).*\(40, 3\).*X\[:, :, None"),
        (X[:0], Y[:0], None, ValueError, r"not be empty, got \(0, 3, 2\)"),
        (X, Y[:-1], None, ValueError, r"one label for each of the 40 samples, got shape \(39,\)"),
        (X, Y[:, None], None, ValueError, r"got shape \(40, 1\). Pass y\[:, 0\]"),
        (X, Y[0], None, ValueError, r"got shape \(\)"),
        (NAN, Y, None, ValueError, r"finite, got NaN or infinity in 2 of 40 samples.*isfinite"),
        (X, NAN[:, 0, 0], None, ValueError, r"y must be finite, got NaN or infinity in 1 of 40"),
        (X, 1e39 * X, None, ValueError, r"y must fit into float32"),
        (X, np.zeros(40, int), None, ValueError, r"two classes or more, got only \[0\]"),
        (X, np.arange(40), None, ValueError, r"4 samples or more.*got 1 of class 0"),
        (X.astype(complex), Y, None, TypeError, r"real numbers, got dtype complex128"),
        (X.astype(object), Y, None, TypeError, r"got dtype object. Convert it"),
        ([[[1], [2]], [[1]]], [0, 1], None, ValueError, r"with rows of equal length"),
        (X, np.array([1, "a"] * 20, object), None, TypeError, r"one type.*got int, str"),
        (X, [1, "a"] * 20, None, TypeError, r"one type.*got int, str"),
        (X, [True, 2] * 20, None, TypeError, r"one type.*got bool, int"),
        (np.ma.array(X), Y, None, TypeError, r"X must not be a masked array.*filled\(0\)"),
        (X, np.ma.array(Y), None, TypeError, r"y must not be a masked array"),
        (X, Y, (X[:10], np.ma.array(Y[:10])), TypeError, r"y of the test part .* masked array"),
        (X, Y.astype(complex), None, TypeError, r"integers, strings or floats, got dtype complex"),
        (X, X[:, 0, 0] * u.mV, None, TypeError, r"must have no unit, got mV.*to_decimal\(mV\)"),
        (0 * X, Y, None, ValueError, r"must not be 0 everywhere"),
        (X, Y, (X[:9], Y[:10]), ValueError, r"y of the test part must hold one label.* 9 samples"),
        (X, Y, (X[:10, :2], Y[:10]), ValueError, r"\(samples, 3, 2\) that X has, got \(10, 2, 2\)"),
        (X, Y, (NAN[:10], Y[:10]), ValueError, r"X of the test part must be finite.*1 of 10"),
        (X, Y, (1e40 * X[:10], Y[:10]), ValueError, r"3.4e\+38 times as large as training"),
        (X, Y, (X[:10], Y[:10] + 1), ValueError, r"among those to train, 0, 1, got 2"),
        (X, Y, (X[::2], Y[::2]), ValueError, r"every class, got none of 1"),
        (X, Y, (X[:10], WORDS[:10]), TypeError, r"must hold integers, as y does, got strings"),
    ],
)
def test_arrays_that_cannot_be_trained_on(X, y, test, error, message):
    with pytest.raises(error, match=message):
        task_from_arrays(X, y, test=test)


def test_the_test_part_is_read_in_the_unit_of_the_rest():
    plain = task_from_arrays(X, Y, test=TEST)
    assert_same(task_from_arrays(X * u.mV, Y, test=(TEST[0] * 1e-3 * u.volt, TEST[1])), plain)


@pytest.mark.parametrize("other", [TEST[0], TEST[0] * u.mA])
def test_a_test_part_of_another_dimension_is_refused(other):
    with pytest.raises(TypeError, match=r"X of the test part must have the unit of X, mV, got"):
        task_from_arrays(X * u.mV, Y, test=(other, TEST[1]))
    with pytest.raises(TypeError, match=r"X of the test part must have the unit of X"):
        task_from_arrays(X, Y, test=(TEST[0] * u.mV, TEST[1]))


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_regression_needs_samples_for_all_three_parts(samples):
    with pytest.raises(ValueError, match=f"a regression needs 4 samples or more.*got {samples}"):
        task_from_arrays(X[:samples], Y[:samples].astype(float))


def test_the_smallest_regression_has_something_in_each_part():
    task = task_from_arrays(X[:4], Y[:4].astype(float))
    assert task.sizes == (2, 1, 1)

"""The user's own arrays: what is taken, and what is refused."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import load_task

X, Y = np.random.default_rng(0).standard_normal((40, 3, 2)) + 5, np.arange(40) % 2
WORDS = np.array(["off", "on"])[Y]
NAN = X.copy()
NAN[3, 0, 1] = NAN[3, 2, 1] = NAN[17, 1, 0] = np.nan


def assert_same(one, other):
    """Both give a model the same numbers, in the same unit."""
    inputs = [task.to_model(task.samples.inputs) for task in (one, other)]
    assert u.get_unit(inputs[0]) == u.get_unit(inputs[1])
    np.testing.assert_allclose(*map(u.get_mantissa, inputs), rtol=1e-6)
    np.testing.assert_array_equal(one.samples.labels, other.samples.labels)
    assert one.given_test == other.given_test


SPIKES = np.random.default_rng(1).integers(0, 2, (40, 3, 2))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (SPIKES.astype(bool), bool), (9 * SPIKES.astype(np.uint8), np.uint8),
        (-300 * SPIKES.astype(np.int16), np.int16), (SPIKES.astype(np.int32), np.int32),
        (2**40 * SPIKES, np.float32), (SPIKES.astype(np.uint64), np.float32),
        (X.astype(np.float16), np.float16), (jnp.asarray(X), np.float32),
        (jnp.asarray(X, jnp.bfloat16), np.float32),
        (X.astype(np.float32), np.float32), (1e30 * X, np.float32),
        (X.astype(np.longdouble), np.float32), (X.tolist(), np.float32),
    ],
)  # fmt: skip
def test_inputs_reach_the_model_as_they_are_and_small_dtypes_stay_small(given, kept):
    task = load_task((given, Y))
    assert task.samples.inputs.dtype == np.dtype(kept)
    reached = task.to_model(task.samples.inputs)
    assert reached.dtype == np.float32
    np.testing.assert_array_equal(reached, np.asarray(given, np.float32))
    mean_square = np.mean(np.square(given, dtype=float))
    assert task.input_rms == pytest.approx(np.sqrt(mean_square), rel=1e-6)


def test_inputs_keep_their_unit():
    task = load_task((X * u.mV, Y))
    reached = task.batch(3).inputs
    assert (reached.unit, reached.shape, task.facts["unit"]) == (u.mV, (3, 3, 2), "mV")
    rows = task.split(0).train[:3]
    np.testing.assert_array_equal(reached.mantissa[:, 1], X[rows[1]].astype(np.float32))


@pytest.mark.parametrize("other", [np.float64, np.float16, np.int32])
def test_a_test_part_of_another_dtype_or_unit_counts_the_same(other):
    counts = 3 * SPIKES.astype(np.uint8)
    task = load_task((counts, Y, counts[:10].astype(other), Y[:10]))
    assert_same(task, load_task((counts, Y, counts[:10], Y[:10])))
    assert task.samples.inputs.dtype.itemsize <= 4
    given = load_task((X * u.mV, Y, X[:10] * 1e-3 * u.volt, Y[:10]))
    assert_same(given, load_task((X * u.mV, Y, X[:10] * u.mV, Y[:10])))


@pytest.mark.parametrize(
    "labels",
    [
        WORDS, WORDS.tolist(), WORDS.astype("S"), WORDS.astype(np.dtypes.StringDType()),
        WORDS.astype("S").astype(object), (Y == 1).astype(object), Y == 1, 10 * Y - 3,
        np.array([*WORDS], object), np.array([*Y], object),  # NumPy's own strings and numbers
    ],
)  # fmt: skip
def test_labels_of_every_kind(labels):
    assert_same(load_task((X, labels)), load_task((X, Y)))


@pytest.mark.parametrize("shape", [(40,), (40, 2), (40, 3), (40, 3, 5)])
def test_floats_are_targets(shape):
    targets = np.random.default_rng(2).standard_normal(shape)
    for y in (targets, targets.tolist()):
        task = load_task((X, y))
        assert task.classes is None
        assert task.sizes == (26, 6, 8)
        np.testing.assert_array_equal(task.samples.labels, targets.astype(np.float32))
    short = jnp.asarray(targets, jnp.bfloat16)
    np.testing.assert_array_equal(load_task((X, short)).samples.labels, short.astype(np.float32))


def test_labels_for_each_step_are_answered_at_each_step():
    each = np.where(np.arange(3) < Y[:, None], "late", "early")
    for labels in (each, each.tolist(), each == "late"):
        task = load_task((X, labels))
        assert (task.classes, task.outputs, task.readout, task.sizes) == (2, 2, "all", (26, 6, 8))
        assert task.samples.labels[1].tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match=r"must be 'all' where each step has a label, got 'mean'"):
        load_task((X, each), readout="mean")


def test_a_test_part_is_left_whole_and_may_lack_a_class():
    assert load_task([X, Y, X[::2], Y[::2]]).sizes.test == 20
    task = load_task((X, WORDS, 2 * X[:10], WORDS[:10]))
    assert task.sizes == (34, 6, 10)
    np.testing.assert_array_equal(task.part("test").labels, Y[:10])
    np.testing.assert_array_equal(task.part("test").inputs, (2 * X[:10]).astype(np.float32))


@pytest.mark.parametrize(
    ("X", "y", "test", "error", "message"),
    [
        (X[:, :, 0], Y, (), ValueError, r"\(samples, time, feat.*\(40, 3\)\. Say what time is"),
        (X[..., None], Y, (), ValueError, r"\(40, 3, 2, 1\)\. Pass X\.reshape.*\.Unflatten\(-1, "),
        (X, Y[:-1], (), ValueError, r"each of the 40 samples, or .* 3 steps, got shape \(39,\)"),
        (X, Y[:, None], (), ValueError, r"got shape \(40, 1\). Pass y\[:, 0\]"),
        (X, np.eye(2, dtype=int)[Y], (), ValueError, r"one-hot, pass y.argmax\(axis=-1\)$"),
        (X.swapaxes(0, 1), Y, (), ValueError, r"X has time .* pass X.swapaxes\(0, 1\)$"),
        (NAN, Y, (), ValueError,
         "X must hold finite real numbers, got .* X contains NaN. Leave out samples"),
        (X, NAN[:, 0, 1], (), ValueError, "y must hold .*finite real numbers, .* y contains NaN"),
        (1e39 * X, Y, (), ValueError, r"X must hold .* infinity .*float32.* 3.4e\+38"),
        ([X[0], X[1, :2], *X[2:]], Y, (), ValueError,
         r"setting an array element with a sequence\. .* pad samples to one length"),
        (X, np.where(X[..., 0] > 5, Y[:, None], -1), (), ValueError,
         r"integers from 0, got -1 in y, .* by a mask \(recipe: Samples of different lengths\)"),
        (X, np.zeros(40, int), (), ValueError, r"two classes or more, got only \[0\]"),
        (X, np.arange(40), (), ValueError, r"4 samples or more.*got 1 of class 0"),
        (WORDS, Y, (), ValueError, r"X must hold .* convert string to float.* \.astype\(float\)"),
        (X, Y.astype("M8[Y]"), (), TypeError, r"strings or floats, got dtype datetime64\[Y\]. Con"),
        (X, np.array([None, "a"] * 20), (), TypeError, "y must hold integers.* got dtype object"),
        (np.ma.array(X), Y, (), TypeError, r"X must not be a masked array.*filled\(0\)"),
        (X, X[:, 0, 0] * u.mV, (), TypeError, r"must have no unit, got mV.*to_decimal\(u.mV\)"),
        (X, Y, (X[:9], Y[:10]), ValueError, r"y of the test part must hold one label.* 9 samples"),
        (X, Y, (X[:10, :2], Y[:10]), ValueError,
         r"X of the test part must have the steps and features of X, .*3, 2\), got \(10, 2, 2\)"),
        (X, 1.0 * Y, (X[:10], np.ones((10, 2))), ValueError, r"of y, .*\(40,\), got \(10, 2\)"),
        (0 * X, Y, (), ValueError, "X must not be 0 everywhere"),
        (X, Y, (X[:10], Y[:10] + 1), ValueError, r"among those to train, 0, 1, got 2"),
        (X, Y, (X[:10], WORDS[:10]), ValueError, r"to train, '0', '1', got 'off', 'on'"),
        (X, Y, (X[:10], 1.0 * Y[:10]), TypeError, r"both hold classes, or both floats"),
        (X * u.mV, Y, (X[:10] * u.mA, Y[:10]), TypeError, r"must have the unit of X, mV, got"),
        (X[:3], 1.0 * Y[:3], (), ValueError, "a regression needs 4 samples or more.*got 3"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_be_trained_on(X, y, test, error, message):
    with pytest.raises(error, match=message):
        load_task((X, y, *test))

"""Tasks: what is in them, how they are split, and what is refused."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from braintools_qps._comparison.tasks import TASKS, load_task, read_npz, task_from_arrays


def arrays(samples=40, steps=3, features=2, classes=2):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((samples, steps, features)) + 5
    return X, np.arange(samples) % classes


def all_inputs(task):
    return np.concatenate([part.inputs for part in (task.train, task.validation, task.test)])


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("digits-rows", (16, 8), 10), ("digits-pixels", (64, 1), 10), ("cue-recall", (28, 5), 4)],
)
def test_shapes_of_the_tasks(name, shape, classes):
    task = load_task(name)
    assert (task.steps, task.features) == shape
    assert task.classes == classes
    for part in (task.train, task.validation, task.test):
        assert part.inputs.shape == (len(part), *shape)
        assert part.inputs.dtype == np.float32
        assert set(part.labels) == set(range(classes))
    assert np.sqrt(np.mean(task.train.inputs**2)) == pytest.approx(1, rel=1e-5)


def test_digits_are_those_of_scikit_learn_each_in_one_part_only():
    images, labels = load_digits(return_X_y=True)
    task = load_task("digits-pixels")
    ours = all_inputs(task)[:, :, 0]
    ours = np.round(ours * 16 / ours.max()).astype(int)
    assert sorted(map(tuple, ours)) == sorted(map(tuple, images.astype(int)))
    targets = np.concatenate([task.train.labels, task.validation.labels, task.test.labels])
    assert sorted(zip(map(tuple, ours), targets)) == sorted(
        zip(map(tuple, images.astype(int)), labels)
    )


def test_rows_of_a_digit_are_its_pixels_two_steps_each():
    rows, pixels = load_task("digits-rows"), load_task("digits-pixels")
    expected = pixels.test.inputs.reshape(-1, 8, 8).repeat(2, axis=1)
    np.testing.assert_allclose(rows.test.inputs, expected, rtol=1e-5)


def test_tasks_are_the_same_each_time():
    for name in TASKS:
        np.testing.assert_array_equal(all_inputs(load_task(name)), all_inputs(load_task(name)))


def test_the_cue_is_there_at_the_start_and_gone_in_the_delay():
    task = load_task("cue-recall")
    in_time = lambda steps: task.test.inputs[:, steps, :4].mean(1).argmax(-1)
    assert np.mean(in_time(slice(0, 4)) == task.test.labels) > 0.99
    assert np.mean(in_time(slice(4, None)) == task.test.labels) < 0.35  # chance is 0.25
    assert task.readout_steps == 4


def test_each_class_has_the_same_share_in_each_part():
    task = task_from_arrays(*arrays(samples=200, classes=2))
    for part, size in ((task.test, 40), (task.validation, 30), (task.train, 130)):
        assert len(part) == size
        assert np.bincount(part.labels).tolist() == [size // 2, size // 2]


def test_labels_may_be_words_and_the_unit_of_inputs_does_not_matter():
    X, y = arrays()
    words = np.array(["off", "on"])[y]
    volts, millivolts = task_from_arrays(X, words), task_from_arrays(1000 * X, y)
    np.testing.assert_allclose(volts.train.inputs, millivolts.train.inputs, rtol=1e-6)
    np.testing.assert_array_equal(volts.test.labels, millivolts.test.labels)


def test_a_file_holds_the_same_task_as_its_arrays(tmp_path):
    X, y = arrays()
    np.savez(tmp_path / "mine.npz", X=X, y=y)
    read, given = read_npz(tmp_path / "mine.npz"), load_task((X, y))
    np.testing.assert_array_equal(all_inputs(read), all_inputs(given))


def test_spikes_may_be_booleans():
    spikes = np.random.default_rng(0).random((40, 3, 2)) < 0.5
    y = np.arange(40) % 2
    booleans, numbers = task_from_arrays(spikes, y), task_from_arrays(spikes.astype(float), y)
    np.testing.assert_array_equal(all_inputs(booleans), all_inputs(numbers))


X, Y = arrays()
NAN = np.where(np.arange(len(X))[:, None, None] == 3, np.nan, X)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (X[:, :, 0], Y, ValueError, r"shape \(samples, time, features\).*\(40, 3\).*X\[:, :, None"),
        (X[:0], Y[:0], ValueError, r"hold something, got \(0, 3, 2\)"),
        (X, Y[:-1], ValueError, r"one label for each of the 40 samples, got shape \(39,\)"),
        (NAN, Y, ValueError, r"finite, got NaN or infinity in 1 of 40 samples.*isfinite"),
        (X, np.zeros(40, int), ValueError, r"two classes or more, got only \[0\]"),
        (X, np.arange(40), ValueError, r"4 samples or more.*got 1 of class 0"),
        (X, Y.astype(float), TypeError, r"integers or strings, got dtype float64"),
        (X.astype(complex), Y, TypeError, r"real numbers, got dtype complex128"),
        (X.astype(object), Y, TypeError, r"real numbers, got dtype object"),
        (0 * X, Y, ValueError, r"must not be 0 everywhere"),
    ],
)
def test_arrays_that_cannot_be_trained_on(X, y, error, message):
    with pytest.raises(error, match=message):
        task_from_arrays(X, y)


def test_files_that_cannot_be_read(tmp_path):
    names = ("empty.npz", "text.npz", "single.npy", "torn.npz", "other.npz")
    empty, text, single, torn, other = (tmp_path / name for name in names)
    np.save(single, X)
    np.savez(torn, X=X, y=Y)
    torn.write_bytes(torn.read_bytes().replace(X.tobytes(), bytes(X.nbytes)))
    empty.write_bytes(b"")
    text.write_text("not an archive")
    np.savez(other, inputs=X)
    for path, message in (
        (empty, "is not an npz archive"),
        (text, r"is not an npz archive. Write it with numpy.savez\('.*text.npz', X=X, y=y\)"),
        (single, r"single.npy is not an npz archive. Write .*single.npz'"),
        (torn, "not an npz file of plain arrays"),
        (other, r"must hold arrays X and y, got \['inputs'\].*numpy.savez"),
    ):
        with pytest.raises(ValueError, match=message):
            read_npz(path)
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "absent.npz")


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "objects.npz", X=np.array([{}], dtype=object), y=Y)
    with pytest.raises(ValueError, match="not an npz file of plain arrays"):
        read_npz(tmp_path / "objects.npz")


def test_an_unknown_task_is_told_the_known_ones():
    with pytest.raises(LookupError, match="digits-rows, digits-pixels, cue-recall, got 'mnist'"):
        load_task("mnist")
    with pytest.raises(TypeError, match="a name, a pair"):
        load_task(3)

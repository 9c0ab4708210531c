"""Tasks from .npz archives."""

import io
import os
import sys

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
    np.savez(tmp_path / "both.npz", X=X, y=Y, X_test=X[:8], y_test=Y[:8])
    assert_same(load_task(tmp_path / "mine.npz"), load_task((X, Y)))
    assert_same(load_task(tmp_path / "both.npz"), load_task((X, Y, X[:8], Y[:8])))


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
NO_ARCHIVE = "must be an npz archive of plain arrays X and y, got .* Write it with "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", NO_ARCHIVE + r"numpy.savez\('.*mine.npz', X=X, y=y\); X_test and"),
        (b"not an archive", NO_ARCHIVE.replace(".*", ".* it is no such archive.")),
        (WHOLE[:-100], NO_ARCHIVE),
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

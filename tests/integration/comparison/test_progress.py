"""What `compare` says on stderr, with or without a terminal."""

import re

import pytest
from small_comparison import NAMES, OPTIONS

from braintools_qps import compare

OPTIONS = OPTIONS | {"batch_size": 16}
TUNE = {"learning_rate": (0.1, 0.03)}


@pytest.fixture(autouse=True)
def no_bar(monkeypatch):
    """As in a file or a pipe."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)


def test_what_is_trained_is_said_before_and_how_long_after_the_first_group(tmp_path, capsys):
    lines = []
    note = lambda comparison: lines.extend(capsys.readouterr().err.splitlines())
    options = OPTIONS | {"tune": TUNE, "seeds": 1, "out": tmp_path, "callback": note}
    compare(NAMES, **options)
    assert lines[0] == "2 surrogates x 2 settings x 1 seed: 4 runs"
    assert re.fullmatch(r"2 runs in \d+ s: about \d+ s for the other 2", lines[1])
    assert len(lines) == 2
    lines.clear()
    compare(NAMES[:1], **options | {"seeds": 2})
    assert lines[0] == f"1 surrogate x 2 settings x 2 seeds: 4 runs, 2 of them saved in {tmp_path}"


@pytest.mark.parametrize("progress", [True, False])
def test_without_out_that_results_are_not_saved_and_how_large_a_batch_is(capsys, progress):
    compare(NAMES[:1], **OPTIONS | {"batch_size": 64, "seeds": 1}, progress=progress)
    said = [
        "batch_size=64: a batch holds all 52 samples to train on",
        "1 surrogate x 1 setting x 1 seed: 1 run. Results are not saved: pass out= to save them",
    ]
    assert capsys.readouterr().err.splitlines() == said * progress

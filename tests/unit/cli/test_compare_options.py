"""Options of compare that say what to train on and where."""

import argparse
import math
import sys

import numpy as np
import pytest

from braintools_qps.__main__ import main
from braintools_qps._cli import compare as command
from braintools_qps._cli import flow
from braintools_qps._cli.data import task_of


@pytest.mark.parametrize("option", ["--bins", "--test-data", "--dt"])
def test_options_of_a_file_need_a_file(option, capsys):
    assert main(["compare", option, "5"]) != 0
    assert "--test-data, --bins and --dt need a file, got no --data" in capsys.readouterr().err


def test_bins_are_for_spike_times(tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", X=np.ones((8, 3, 2)), y=np.arange(8) % 2)
    for steps in (["--bins", "5"], ["--dt", "10 ms"]):
        assert main(["compare", "--data", str(tmp_path / "arrays.npz"), *steps]) != 0
        assert "bins and dt are for spike times in HDF5" in capsys.readouterr().err


@pytest.mark.parametrize("command", [flow, command])
def test_flow_and_compare_build_the_same_inputs(command, tmp_path):
    X = np.random.default_rng(0).standard_normal((40, 3, 2)).astype(np.float32)
    np.savez(tmp_path / "arrays.npz", X=X, y=np.arange(40) % 2)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for scale, divisor in (
        ([], 1),
        (["--scale", "4"], 4),
        (["--scale", "rms"], np.sqrt(np.mean(X**2))),
    ):
        task = task_of(parser.parse_args(["--data", str(tmp_path / "arrays.npz"), *scale]))
        np.testing.assert_allclose(task.to_model(task.samples.inputs), X / divisor, rtol=1e-6)


def test_a_scheduler_without_dask(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--scheduler", "tcp://localhost:1"]) != 0
    assert "pip install 'braintools-qps[cluster]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_workers_that_cannot_be_counted(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--workers", "0"]) != 0
    assert "workers must be 1 or more, got 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], {}),
        (["--seeds", "3", "--no-tune"], {"seeds": 3, "tune": None}),
        (["--seeds", "5-9"], {"seeds": [5, 6, 7, 8, 9]}),
        (["--seeds", "1,4,7-8"], {"seeds": [1, 4, 7, 8]}),
        (["--most-seeds", "40", "--margin", "0.5"], {"most_seeds": 40, "margin": 0.5}),
        (["--tune", "alpha=2,inf"], {"tune": {"alpha": (2, math.inf)}}),
    ],
)
def test_what_was_not_given_is_left_to_compare(arguments, given):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command._given(parser.parse_args(arguments)) == given


def test_a_learning_rate_that_would_not_be_used_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--learning-rate", "0.01"]) == 2
    assert "Add --no-tune, or give --tune learning_rate=0.01" in capsys.readouterr().err
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for untuned in (["--no-tune"], ["--quick"], ["--tune", "alpha=1,2"]):
        found = command._given(parser.parse_args(["--learning-rate", "0.01", *untuned]))
        assert found["learning_rate"] == 0.01


@pytest.mark.parametrize("seeds", ["few", "1-", "-3", "2.5", "5-9-12"])
def test_seeds_that_cannot_be_read(seeds, capsys):
    with pytest.raises(SystemExit):
        main(["compare", f"--seeds={seeds}"])
    assert "such as 5, or by name, as in 5-9 or 1,4,7, got" in capsys.readouterr().err

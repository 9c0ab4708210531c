"""What Ctrl-C, kill -9 and a full disk cost: an epoch of the run in training, and no result."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear
from small_comparison import OPTIONS, counted, files, press_ctrl_c_at, trained, without_times

from braintools_qps import Comparison, QPseudoSpike
from braintools_qps.__main__ import main
from braintools_qps._comparison import runs

NAMES = ["QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=8)"]  # which share a program


def test_ctrl_c_keeps_what_has_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(NAMES, out=tmp_path, on_epochs=press_ctrl_c_at(6))
    saved = Comparison.from_json((tmp_path / "comparison.json").read_text())
    assert [result.label for result in saved.results] == NAMES[:1]
    comparison, count = trained(NAMES, out=tmp_path)
    assert count == 2
    assert without_times(comparison)[:1] == without_times(saved)


@pytest.mark.thorough
def test_ctrl_c_ends_the_command_with_a_line_that_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("two.npz", X=OPTIONS["task"][0], y=OPTIONS["task"][1])
    command = "compare --surrogates Sigmoid --data two.npz --no-tune --seeds 2 --epochs 2 -q"
    with counted(press_ctrl_c_at(1)):
        assert main([*command.split(), "--option", "hidden=8", "--out", "there"]) == 130
    line = "interrupted. Runs that have finished are in there; the same command goes on"
    assert capsys.readouterr().err.splitlines()[-1] == f"braintools-qps: {line}"


def test_a_disk_that_fills_up_costs_no_results(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    def fill(progress):
        monkeypatch.setattr(runs, "write_file", full)

    with pytest.warns(UserWarning, match="cannot be written .No space left") as warned:
        comparison, _ = trained(out=tmp_path, on_epochs=fill)
    assert len(warned) == 1  # for all files
    assert len(comparison.results) == 1
    assert comparison.weights("Sigmoid", 4)


KILLED = """
import os, signal, sys
from small_comparison import trained
synced, fsync = [], os.fsync
def kill(file):  # in the middle of writing the third of four runs
    synced.append(file)
    if len(synced) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(file)
os.fsync = kill
trained(out=sys.argv[1], seeds=[0, 4])
"""


@pytest.mark.thorough
def test_kill_9_costs_no_finished_run_and_shows_no_wrong_number(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, env=environment, timeout=300).returncode == -signal.SIGKILL
    saved = [name for name in files(tmp_path) if not name.startswith(".")]
    assert (len(saved), len(files(tmp_path))) == (2, 3)  # two whole ones, and a part of a third
    content = lambda: [(tmp_path / "runs" / name).read_bytes() for name in saved]
    before = content()
    comparison, count = trained(out=tmp_path, seeds=[0, 4])
    assert (count, content()) == (2, before)
    undisturbed, _ = trained(seeds=[0, 4])
    for trial, expected in zip(
        comparison.results[0].tuning.trials, undisturbed.results[0].tuning.trials, strict=True
    ):
        assert trial.test == expected.test
        np.testing.assert_allclose(trial.loss, expected.loss, rtol=1e-5)


class Model(brainstate.nn.Module):
    """With states that outlive a batch, in bfloat16 and random, and dropout in training."""

    def __init__(self, features, classes, leak=0.8):
        super().__init__()
        self.inward = linear(features, 5)
        self.outward = linear(5, classes)
        self.spk_fun, self.leak = QPseudoSpike(), leak
        self.mean = brainstate.LongTermState(jnp.zeros(5, jnp.bfloat16))
        self.noise = brainstate.random.RandomState(0)
        self.dropout = brainstate.nn.Dropout(0.8)

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, 5)))

    def update(self, x):
        self.V.value = self.leak * self.V.value + self.inward(x) + 0.1 * self.noise.rand(5)
        self.mean.value = 0.9 * self.mean.value + 0.1 * self.V.value.mean(0).astype(jnp.bfloat16)
        return self.outward(self.dropout(self.spk_fun(self.V.value - self.mean.value - 0.1)))


@pytest.mark.thorough
def test_a_run_in_training_goes_on_where_it_was(tmp_path, monkeypatch):
    """Two programs, one for each leak, of 2 runs for 10 epochs: the epoch cut off is repeated."""
    monkeypatch.setattr(runs, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(runs, "MOST_OF_THE_TIME", np.inf)
    data = np.random.default_rng(0).standard_normal((40, 4, 3)), np.arange(40) % 2
    tune = {"leak": (0.8, 0.5), "learning_rate": (0.1, 0.01)}
    options = {"task": data, "model": Model, "tune": tune, "epochs": 10, "batch_size": 8}
    whole, _ = trained(**options)
    with pytest.raises(KeyboardInterrupt):
        trained(**options, out=tmp_path, on_epochs=press_ctrl_c_at(26))
    assert [Path(name).suffix for name in files(tmp_path)].count(".state") == 2
    seen = []
    note = lambda progress: seen.append(progress.epochs_done)
    resumed, _ = trained(**options, out=tmp_path, on_epochs=note)
    assert seen[:3] == [4, 6, 8]  # of the 20 that were missing
    assert without_times(resumed) == without_times(whole)
    assert len(files(tmp_path)) == 4


@pytest.mark.thorough
def test_checkpoints_of_different_epochs_go_on_as_if_nothing_had_been(tmp_path, monkeypatch):
    """As those of a process that was killed after it had written the first of two."""
    monkeypatch.setattr(runs, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(runs, "MOST_OF_THE_TIME", np.inf)
    write, written = runs.Runs._write, itertools.count(1)

    def write_and_stop(store, *content):
        write(store, *content)
        if next(written) == 3:  # two after the first epoch, one after the second
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs.Runs, "_write", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            trained(out=tmp_path, epochs=5)
    assert [Path(name).suffix for name in files(tmp_path)] == [".state"] * 2
    resumed, undisturbed = (trained(epochs=5, **out)[0] for out in ({"out": tmp_path}, {}))
    assert without_times(resumed) == without_times(undisturbed)

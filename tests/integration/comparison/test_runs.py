"""A run is a fact: it is trained once, kept whole or not at all, and depends on its key alone.

Ctrl-C, kill -9 and a full disk cost an epoch of the run in training, and no result.
"""

import dataclasses
import gc
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear
from small_comparison import SMALL, X, Y, counted, files, press_ctrl_c_at, trained, without_times

from braintools_qps import Comparison, QPseudoSpike
from braintools_qps.__main__ import main
from braintools_qps._comparison import Factory, environment, load_task, runs

RATES = {"learning_rate": (0.1, 0.03, 0.01)}


@pytest.mark.thorough
def test_what_a_killed_process_left_goes_once_something_is_trained(tmp_path):
    """Files that it was writing, and a file of somebody else's."""
    trained(out=tmp_path)
    (key, _), folder = files(tmp_path), tmp_path / "runs"
    left = [folder / f".{start}{key}" for start in ("0123abcd", "89ef4567")]
    for path in (*left, folder / "notes", folder / ".gitignore"):
        path.write_bytes((folder / key).read_bytes()[:1000])
    os.utime(left[0], (0, 0))
    trained(out=tmp_path, seeds=[5])
    present = [path.exists() for path in (*left, folder / ".gitignore")]
    assert present == [False, True, True]  # the second may be another process's


@pytest.mark.thorough
def test_a_run_is_the_same_up_to_rounding_whatever_is_trained_beside_it():
    """One, three and nine runs in a group; how sums are rounded depends on the processor."""
    one, _ = trained(tune={"learning_rate": (0.1,)})
    three, _ = trained(tune={"learning_rate": (0.1,)}, seeds=[0, 4, 1])
    nine, _ = trained(tune=RATES, seeds=[0, 4, 1])
    trials = [each.results[0].tuning.trials[0] for each in (one, three, nine)]
    for name in ("test", "validation", "loss"):
        alone, *beside = (getattr(trial, name) for trial in trials)
        np.testing.assert_allclose([values[1] for values in beside], alone[0], rtol=1e-6)
    assert [len({*trial.loss}) for trial in trials] == [1, 3, 3]  # each seed has its own


@dataclasses.dataclass
class Width:
    """Two of different numbers of neurons have one repr."""

    neurons: int = dataclasses.field(repr=False)


def of_width(features, outputs, width):
    """A factory with a keyword that has no default."""
    return SMALL(features, outputs, hidden=width.neurons)


@pytest.mark.thorough
@pytest.mark.parametrize("change", [{}, {"prepare": True}, {"tune": {"mean_slope": (0.01,)}}])
def test_values_with_the_same_repr_are_trained_as_themselves(change):
    """Each with its own start and mean slope."""
    tune = change.get("tune", {}) | {"width": (Width(3), Width(8))}
    both, _ = trained(model=of_width, epochs=1, **change | {"tune": tune})
    tune = tune | {"width": tune["width"][1:]}
    alone, _ = trained(model=of_width, epochs=1, **change | {"tune": tune})
    other, same = both.results[0].tuning.trials
    assert same == alone.results[0].tuning.trials[0]
    assert other.loss != same.loss


def test_loaded_weights_give_the_reported_score(tmp_path, monkeypatch):
    """Those of the run that the seed chose, wherever the process has gone since."""
    monkeypatch.chdir(tmp_path.parent)
    comparison, _ = trained(out=tmp_path.name)
    monkeypatch.chdir(tmp_path)
    task = load_task((X, Y))
    rows = task.split(4).test
    model = Factory(SMALL)(task)
    with environment():
        brainstate.nn.init_all_states(model, len(rows))
        weights = comparison.weights("Sigmoid", 4)
        for path, state in brainstate.graph.states(model).items():
            state.value = weights.pop(".".join(map(str, path)), state.value)
        assert not weights
        inputs = jnp.asarray(np.swapaxes(X[rows], 0, 1), jnp.float32)
        answers = brainstate.transform.for_loop(model.update, inputs).mean(0).argmax(1)
    assert float((answers == Y[rows]).mean()) == comparison.results[0].scores.test[0]


@pytest.mark.thorough
def test_compiled_programs_are_released_at_the_end():
    """Eager layers of brainstate leave one program each, whoever makes them; SMALL has none."""

    def alive():
        trained()
        gc.collect()
        return len(jax.devices()[0].client.live_executables())

    assert alive() == alive()


@pytest.mark.thorough
def test_two_processes_share_a_folder_and_a_last_call_collects(tmp_path):
    np.savez(tmp_path / "mine.npz", X=X, y=Y)
    command = "compare --data mine.npz --no-tune --epochs 2 --option hidden=8 --out out".split()
    command = [sys.executable, "-m", "braintools_qps", *command, "--surrogates", "Sigmoid"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    call = lambda seeds: subprocess.Popen(
        [*command, "--seeds", seeds], cwd=tmp_path, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    both = [call("0-1"), call("2-3")]
    assert [process.wait(600) for process in both] == [0, 0]
    before = files(tmp_path / "out")
    last = call("4")
    assert last.wait(600) == 0
    assert files(tmp_path / "out") == before
    results = json.loads((tmp_path / "out/comparison.json").read_text())["results"]
    assert results[0]["seeds"] == [0, 1, 2, 3]


# Interrupted

NAMES = ["QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=8)"]  # which share a program


@pytest.fixture
def _checkpoint_at_each_epoch(monkeypatch):
    monkeypatch.setattr(runs, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(runs, "MOST_OF_THE_TIME", np.inf)


@pytest.mark.usefixtures("_checkpoint_at_each_epoch")
def test_ctrl_c_keeps_what_has_finished_and_a_further_call_says_so(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        trained(NAMES, out=tmp_path, epochs=3, on_epochs=press_ctrl_c_at(10))
    saved = Comparison.from_json((tmp_path / "comparison.json").read_text())
    assert [result.label for result in saved.results] == NAMES[:1]
    comparison, count = trained(NAMES, out=tmp_path, epochs=3, progress=True)
    assert count == 2
    found = f"4 runs. Found in {tmp_path}: 2 finished runs and 2 checkpoints"
    assert f"2 surrogates x 2 settings x 1 seed: {found}\n" in capsys.readouterr().err
    assert without_times(comparison)[:1] == without_times(saved)


@pytest.mark.thorough
def test_ctrl_c_ends_the_command_with_a_line_that_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("two.npz", X=X, y=Y)
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


def test_a_directory_on_a_full_disk_is_refused_and_nothing_stays_in_it(tmp_path):
    """A limit of the system in place of the disk: files may have 1000 bytes."""
    resource = pytest.importorskip("resource", reason="this system has no such limit")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            trained(out=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not files(tmp_path)


KILLED = """
import os, signal, sys
from small_comparison import trained
from braintools_qps._comparison import runs
runs.SECONDS_BETWEEN = 1e9  # no checkpoints
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
@pytest.mark.usefixtures("_checkpoint_at_each_epoch")
def test_a_run_in_training_goes_on_where_it_was(tmp_path):
    """Two programs, one for each leak, of 2 runs for 10 epochs: the epoch cut off is repeated."""
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
@pytest.mark.usefixtures("_checkpoint_at_each_epoch")
def test_checkpoints_of_different_epochs_go_on_as_if_nothing_had_been(tmp_path, monkeypatch):
    """As those of a process that was killed after it had written the first of two."""
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

"""What is cut off goes on where it was, and ends as if nothing had happened."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
import small_comparison
from small_comparison import press_ctrl_c_at, without_times

from braintools_qps import QPseudoSpike, compare
from braintools_qps._comparison import storage

pytestmark = pytest.mark.thorough
RUNNING = "comparison.running.msgpack"


class Model(brainstate.nn.Module):
    """With states that outlive a batch, in bfloat16 and random, and dropout in training."""

    def __init__(self, features, classes, leak=0.8):
        super().__init__()
        self.inward = brainstate.nn.Linear(features, 5)
        self.outward = brainstate.nn.Linear(5, classes)
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


@pytest.fixture
def options(monkeypatch):
    monkeypatch.setattr(storage, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(storage, "MOST_OF_THE_TIME", np.inf)
    rng = np.random.default_rng(0)
    data = rng.standard_normal((40, 4, 3)), np.arange(40) % 2
    tune = {"leak": (0.8, 0.5), "learning_rate": (0.1, 0.01)}
    return {
        "surrogates": ["QPseudoSpike"], "task": data, "model": Model, "tune": tune, "seeds": 2,
        "epochs": 20, "batch_size": 8,
    }  # fmt: skip


def test_it_goes_on_within_a_program(options, tmp_path):
    """Two programs, one for each leak, of 4 runs for 20 epochs: the epoch cut off is repeated."""
    whole = compare(**options)
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, callback=press_ctrl_c_at(92))
    begun = json.loads((tmp_path / "comparison.json").read_text())
    assert begun["results"] == []
    assert (tmp_path / RUNNING).exists()
    seen = []
    resumed = compare(**options, out=tmp_path, resume=True, callback=seen.append)
    assert [event.epochs_done for event in seen[:5]] == [80, 88, 92, 96, 100]
    assert seen[-1].epochs_done == seen[-1].epochs == 2 * 4 * 20
    assert without_times(resumed) == without_times(whole)
    assert not (tmp_path / RUNNING).exists()


def test_other_options_are_told(options, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, callback=press_ctrl_c_at(14))
    with pytest.raises(ValueError, match="different settings: learning_rate 0.1, now 1.0"):
        compare(**options | {"learning_rate": 1.0}, out=tmp_path, resume=True)


def test_without_resume_it_begins_anew(options, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, callback=press_ctrl_c_at(14))
    seen = []
    compare(**options, out=tmp_path, callback=seen.append)
    assert seen[0].epochs_done == 4


def test_a_checkpoint_that_cannot_be_read_is_as_none(options, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, callback=press_ctrl_c_at(16))
    (tmp_path / RUNNING).write_bytes(b"\x82 cut off")
    seen = []
    compare(**options, out=tmp_path, resume=True, callback=seen.append)
    assert [event.epochs_done for event in seen[:3]] == [4, 8, 12]


KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from small_comparison import OPTIONS
from braintools_qps import compare
from braintools_qps._comparison import storage

storage.SECONDS_BETWEEN = 0.0
storage.MOST_OF_THE_TIME = float("inf")

def watch(event):
    if event.epochs_done == 6:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    tune = {{"hidden": (8, 6)}}
    compare(["QPseudoSpike"], out=sys.argv[1], callback=watch, **OPTIONS | {{"tune": tune}})
"""


def test_after_kill_9_it_goes_on_to_the_same_numbers(tmp_path):
    script = KILLED.format(path=[str(Path(small_comparison.__file__).parent), *sys.path])
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script, tmp_path])
    assert done.returncode == -signal.SIGKILL
    options = small_comparison.OPTIONS | {"tune": {"hidden": (8, 6)}}
    seen = []
    found = compare(["QPseudoSpike"], out=tmp_path, resume=True, callback=seen.append, **options)
    assert seen[0].epochs_done == 4  # of the first of two programs of two runs, which was kept
    assert without_times(found) == without_times(compare(["QPseudoSpike"], **options))

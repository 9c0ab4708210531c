"""What is cut off goes on where it was, and ends as if nothing had happened."""

import dataclasses
import json

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, compare
from braintools_qps._comparison import resumable

pytestmark = pytest.mark.thorough
LEFT = {"comparison.runs.jsonl", "comparison.running.npz"}


class Model(brainstate.nn.Module):
    """With states that outlive a batch, in bfloat16 and random, and dropout in training."""

    def __init__(self, features, classes):
        super().__init__()
        self.inward = brainstate.nn.Linear(features, 5)
        self.outward = brainstate.nn.Linear(5, classes)
        self.spk_fun = QPseudoSpike()
        self.mean = brainstate.LongTermState(jnp.zeros(5, jnp.bfloat16))
        self.noise = brainstate.random.RandomState(0)
        self.dropout = brainstate.nn.Dropout(0.8)

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, 5)))

    def update(self, x):
        self.V.value = 0.8 * self.V.value + self.inward(x) + 0.1 * self.noise.rand(5)
        self.mean.value = 0.9 * self.mean.value + 0.1 * self.V.value.mean(0).astype(jnp.bfloat16)
        return self.outward(self.dropout(self.spk_fun(self.V.value - self.mean.value - 0.1)))


@pytest.fixture
def options(monkeypatch):
    monkeypatch.setattr(resumable, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(resumable, "MOST_OF_THE_TIME", np.inf)
    rng = np.random.default_rng(0)
    data = rng.standard_normal((40, 4, 3)), np.arange(40) % 2
    tune = {"alpha": (1.0, 2.0, 4.0), "learning_rate": (0.1, 0.01)}
    return {
        "surrogates": ["QPseudoSpike"], "task": data, "model": Model, "tune": tune, "seeds": 2,
        "epochs": 20, "batch_size": 8, "measure": False,
    }  # fmt: skip


def until(epoch):
    """Ctrl-C, after so many epochs of all runs."""

    def press(progress):
        if progress.done >= epoch:
            raise KeyboardInterrupt

    return press


# 6 settings for 2 epochs, 2 for 20, then 2 seeds for 20. The epoch that is cut off is trained anew.
@pytest.mark.parametrize(
    ("epoch", "seen_again"),
    [(16, [12, 14, 16, 18, 20]), (56, [12, 52, 54, 56, 58])],
    ids=["tuning", "reporting"],
)
def test_it_goes_on_within_a_program(epoch, seen_again, options, tmp_path):
    whole = compare(**options)
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, on_epoch=until(epoch))
    begun = json.loads((tmp_path / "comparison.json").read_text())
    assert begun["results"] == []
    assert {path.name for path in tmp_path.iterdir()} >= LEFT
    seen = []
    resumed = compare(**options, out=tmp_path, resume=True, on_epoch=seen.append)
    assert [progress.done for progress in seen[:5]] == seen_again
    assert seen[-1].done == seen[-1].total == 6 * 2 + 2 * 20 + 2 * 20
    assert without_times(resumed) == without_times(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.csv", "comparison.json"]


def without_times(comparison):
    (result,) = comparison.results
    return dataclasses.replace(result, tuning=dataclasses.replace(result.tuning, seconds=0.0))


def test_other_options_are_told(options, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, on_epoch=until(14))
    with pytest.raises(ValueError, match="different settings: clip 0.03, now 1.0"):
        compare(**options | {"clip": 1.0}, out=tmp_path, resume=True)


def test_without_resume_it_begins_anew(options, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, on_epoch=until(14))
    seen = []
    compare(**options, out=tmp_path, on_epoch=seen.append)
    assert seen[0].done == 6


def test_a_checkpoint_that_cannot_be_read_is_as_none(options, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compare(**options, out=tmp_path, on_epoch=until(16))
    (tmp_path / "comparison.running.npz").write_bytes(b"PK\x03\x04 cut off")
    seen = []
    compare(**options, out=tmp_path, resume=True, on_epoch=seen.append)
    assert [progress.done for progress in seen[:3]] == [12, 14, 16]


class Diverged(Model):
    def update(self, x):
        return jnp.nan * super().update(x)


def test_what_fails_after_an_hour_leaves_nothing(options, tmp_path):
    with pytest.raises(ValueError, match="outputs must be finite"):
        compare(**options | {"model": Diverged}, out=tmp_path / "results")
    assert not list(tmp_path.iterdir())

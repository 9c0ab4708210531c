"""What a comparison says that it was made with, and what tells two of them apart."""

import dataclasses
import json
from functools import partial

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

from braintools_qps._comparison.candidate import Plan, described
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.provenance import digest
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import Split, Task
from braintools_qps._comparison.training import Bench


def task(shape=(4, 8, 8), dtype=np.float32, classes=2, readout_steps=8):
    parts = [Split(np.zeros(shape, dtype), np.arange(4) % 2) for _ in range(3)]
    return Task("mine", *parts, classes, readout_steps)


def test_the_same_data_has_the_same_digest():
    assert digest(task()) == digest(dataclasses.replace(task(), name="yours"))


@pytest.mark.parametrize(
    "other",
    [
        {"shape": (4, 64, 1)},
        {"dtype": np.int32},
        {"classes": 3},
        {"classes": None},
        {"readout_steps": 1},
    ],
)
def test_data_of_the_same_bytes_and_another_meaning_has_another_digest(other):
    assert digest(task(**other)) != digest(task())


def activated(features, classes, act=jax.nn.relu):
    raise NotImplementedError


def settings_of(where=None, **options):
    data = task()
    goal = objective(data, None, None, None)
    bench = Bench(Factory(activated, options, where), data, Settings(), goal)
    return described(bench, Plan([{}], {}, (), (0,), 1, False))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"act": jax.nn.gelu},
        {"act": partial(jax.nn.leaky_relu, negative_slope=0.3)},
        {"act": [jax.nn.relu, np.tanh]},
        {"where": lambda neuron: True},
        {"where": (brainstate.nn.Linear, brainstate.nn.Dropout)},
    ],
)
def test_no_address_is_recorded(options):
    assert " at 0x" not in json.dumps(settings_of(**options))


def test_functions_are_recorded_by_their_names():
    assert "relu" in settings_of()["options"]["act"]
    assert settings_of(act=partial(np.add, 0.3)) != settings_of(act=partial(np.add, 0.2))
    assert settings_of(act=jax.nn.gelu) != settings_of(act=jax.nn.relu)
    assert settings_of(where=activated)["where"] == f"{__name__}:activated"
    both = settings_of(where=(brainstate.nn.Linear, brainstate.nn.Dropout))["where"]
    assert [name.split(":")[1] for name in both] == ["Linear", "Dropout"]


def test_the_time_step_and_the_precision_are_recorded():
    assert {n: settings_of()[n] for n in ("dt", "precision", "x64")} == {
        "dt": "1.0 ms",
        "precision": 32,
        "x64": False,
    }
    with brainstate.environ.context(dt=0.5 * u.ms):
        assert settings_of()["dt"] == "0.5 ms"
    with brainstate.environ.context(dt=0.1):
        assert settings_of()["dt"] == 0.1
    with jax.enable_x64(True):
        assert settings_of()["x64"] is True

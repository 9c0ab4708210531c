"""The subcommand flow."""

import json

import numpy as np
import pytest
from helpers import status, thorough

from braintools_qps.__main__ import main

MODULE = """
import brainpy.state
import brainstate
import brainunit as u
import jax


class Network(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = brainstate.nn.Linear(4, 6)
        self.lif = brainpy.state.LIF(6)

    def update(self, x):
        with brainstate.environ.context(dt=1.0 * u.ms):
            return self.lif(5 * self.linear(x) * u.mA)


def make():
    return Network(), jax.random.normal(jax.random.key(0), (10, 3, 4))


def without_time_step():
    return brainpy.state.LIF(4), 1.0 * jax.numpy.ones((10, 4)) * u.mA


def lookup():
    return {}["absent"]


class Steady(Network):
    def __init__(self, features):
        super().__init__()
        self.linear = brainstate.nn.Linear(features, 6)
        self.readout = brainstate.nn.Linear(6, 10)

    def update(self, x):
        return self.readout(self.lif(5 * self.linear(x) * u.mA))


def weak():
    model, inputs = make()
    return model, 0.05 * inputs
"""


@pytest.fixture
def _module(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("_module")
def test_flow_of_a_users_model(capsys, tmp_path):
    arguments = ["--model", "my_networks:make", "--surrogates", "Sigmoid", "QPseudoSpike(alpha=1)"]
    assert main(["flow", *arguments, "--json", "flow.json"]) == 0
    out, notes = capsys.readouterr()
    assert out.startswith("It learns: ")  # with both
    _, *rows = out.partition("surrogate  ")[2].splitlines()
    assert [line.split()[0] for line in rows[:2]] == ["Sigmoid", "QPseudoSpike(alpha=1)"]
    assert "Measured on the inputs that my_networks:make returns" in notes
    data = json.loads((tmp_path / "flow.json").read_text())
    assert list(data) == ["Sigmoid", "QPseudoSpike(alpha=1)"]
    assert data["Sigmoid"]["populations"][0]["unit"] == "mV"
    assert "Written to flow.json" in notes
    assert "<pre>braintools-qps flow " in (tmp_path / "flow.html").read_text()


MODELS = {
    "./nets/mine.py:make": "got './nets/mine.py:make'. Did you mean 'nets.mine:make'?",
    "my_networks:absent": "has no attribute 'absent'",
    "my_networks:without_time_step": "in the model of my_networks:without_time_step: "
    "Key 'dt' not found in environment",
    "my_networks:lookup": "lookup: KeyError: absent (my_networks.py, line 28, in lookup)",
    "comparison_models:exits": "of comparison_models:exits: the factory comparison_models:exits "
    "must return a brainstate model, got SystemExit",
    "my_networks:make --task mnist-rows": "my_networks:make returns (model, inputs). Leave them",
}


@pytest.mark.usefixtures("_module")
@pytest.mark.parametrize(("model", "message"), MODELS.items())
def test_flow_says_what_is_wrong_with_a_model(model, message, capsys):
    assert status("flow", "--model", *model.split()) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.thorough
@pytest.mark.usefixtures("_module")
def test_flow_of_one_seed_is_always_the_same(capsys):
    shown = []
    for seed in ("0", "0", "1"):
        assert main(["flow", "--model", "my_networks:Steady", "--seed", seed]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] != shown[2]


@pytest.mark.usefixtures("_module")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--surrogates", "Sigmoit"], "no surrogate is called 'Sigmoit'"),
        (["--task", "digit-rows"], "task must be one of"),
        thorough(["--json", "."], "Is a directory"),
        (["--data", "absent.npz"], "No such file or directory"),
        (["--prepare", "--json", "a.json"], "--prepare measures nothing, got --json"),
    ],
)
def test_flow_blames_no_model_for_other_mistakes(arguments, message, capsys):
    assert main(["flow", "--model", "my_networks:Steady", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "my_networks" not in error


@pytest.mark.thorough
@pytest.mark.usefixtures("_module")
@pytest.mark.parametrize(
    ("arguments", "steps", "measured"),
    [
        (["--data", "mine.npz"], 7, "samples of mine.npz.\n"),
        ([], 16, "64 samples of digits-rows, the default task.\n"),
    ],
)
def test_flow_says_what_it_measured_on(arguments, steps, measured, capsys):
    """With the time step of compare, which the model needs."""
    samples = np.random.default_rng(0).random((40, 7, 5))
    np.savez("mine.npz", X=samples, y=np.arange(40) % 2)
    assert main(["flow", "--model", "my_networks:Steady", *arguments]) == 0
    out, notes = capsys.readouterr()
    assert f"{steps} steps" in out
    assert measured in notes


@pytest.mark.usefixtures("_module")
def test_flow_prints_the_lines_that_prepare_a_model(capsys):
    assert main(["flow", "--model", "my_networks:weak", "--prepare"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "lif is silent" in " ".join(line.lstrip("# ") for line in lines)
    assert "normalize_rates(model, inputs)" in lines
    assert lines[-1].startswith("# ")

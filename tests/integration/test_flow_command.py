"""The subcommand flow."""

import json

import pytest

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


def only_model():
    return Network()
"""


@pytest.fixture
def _module(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("_module")
def test_flow_of_a_users_model(capsys, tmp_path):
    arguments = ["--model", "my_networks:make", "--surrogates", "Sigmoid", "QPseudoSpike(alpha=1)"]
    outputs = ["--json", "flow.json", "--plot", "flow.png"]
    assert main(["flow", *arguments, *outputs]) == 0
    out = capsys.readouterr().out
    assert "GradientFlow of Sigmoid: 10 steps" in out
    assert "lif" in out
    data = json.loads((tmp_path / "flow.json").read_text())
    assert list(data) == ["Sigmoid", "QPseudoSpike(alpha=1)"]
    assert data["Sigmoid"]["populations"][0]["unit"] == "mV"
    assert (tmp_path / "flow.png").stat().st_size > 10_000


@pytest.mark.usefixtures("_module")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("my_networks", "given as module:factory"),
        ("my_networks:absent", "no function 'absent'"),
        ("my_networks:only_model", r"must return a tuple (model, inputs), got Network"),
        ("no_such_module:make", "No module named 'no_such_module'"),
    ],
)
def test_flow_says_what_is_wrong_with_a_model(model, message, capsys):
    assert main(["flow", "--model", model]) == 2
    assert message in capsys.readouterr().err


def test_flow_of_the_demonstration_network(capsys):
    assert main(["flow", "--surrogates", "QPseudoSpike"]) == 0
    out = capsys.readouterr().out
    assert "GradientFlow of QPseudoSpike: 16 steps" in out
    assert "neuron" in out

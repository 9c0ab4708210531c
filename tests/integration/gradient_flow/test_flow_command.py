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


def without_time_step():
    return brainpy.state.LIF(4), 1.0 * jax.numpy.ones((10, 4)) * u.mA


def wrong_features():
    return Network(), jax.numpy.ones((10, 3, 7))


def no_steps():
    return Network(), jax.numpy.ones((0, 3, 4))


def lookup():
    return {}["absent"]


def only_model():
    return Network()


class Steady(Network):
    def __init__(self, features):
        super().__init__()
        self.linear = brainstate.nn.Linear(features, 6)

    def update(self, x):
        return self.lif(5 * self.linear(x) * u.mA)


def as_by_compare(features):
    return Steady(features)
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
    out, notes = capsys.readouterr()
    assert "GradientFlow of Sigmoid: 10 steps" in out
    assert "lif" in out
    ranking = out.partition("then by how near the growth is to 1:\n")[2].splitlines()
    assert [line.split()[0] for line in ranking[1:3]] == ["Sigmoid", "QPseudoSpike(alpha=1)"]
    data = json.loads((tmp_path / "flow.json").read_text())
    assert list(data) == ["Sigmoid", "QPseudoSpike(alpha=1)"]
    assert data["Sigmoid"]["populations"][0]["unit"] == "mV"
    assert (tmp_path / "flow.png").stat().st_size > 10_000
    assert "Written to flow.json" in notes
    assert "<pre>braintools-qps flow " in (tmp_path / "flow.html").read_text()
    assert "Drawn in flow.png" in notes


@pytest.mark.usefixtures("_module")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("my_networks", "given as module:factory"),
        ("my_networks:absent", "no function 'absent'"),
        ("no_such_module:make", "No module named 'no_such_module'"),
        ("my_networks:without_time_step", "Call for example brainstate.environ.set(dt=1.0 * "),
        ("my_networks:wrong_features", "with the model of my_networks:wrong_features: "),
        ("my_networks:no_steps", "with one time step or more, got (0, 3, 4)"),
        (
            "my_networks:lookup",
            "my_networks:lookup: KeyError: absent (my_networks.py, line 36, in lookup)",
        ),
    ],
)
def test_flow_says_what_is_wrong_with_a_model(model, message, capsys):
    assert main(["flow", "--model", model]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.usefixtures("_module")
@pytest.mark.parametrize("model", ["make", "as_by_compare"])
def test_flow_of_one_seed_is_always_the_same(model, capsys):
    shown = []
    for seed in ("0", "0", "1"):
        assert main(["flow", "--model", f"my_networks:{model}", "--seed", seed]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] != shown[2]


@pytest.mark.usefixtures("_module")
def test_flow_has_the_time_step_of_compare(capsys):
    assert main(["flow", "--model", "my_networks:as_by_compare"]) == 0
    assert "16 steps" in capsys.readouterr().out


@pytest.mark.usefixtures("_module")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--surrogates", "Sigmoit"], "no surrogate is called 'Sigmoit'"),
        (["--task", "digit-rows"], "task must be one of"),
        (["--target", "0"], "target, the growth per step to aim at"),
        (["--rate", "2"], "rate, the spikes per neuron and step to aim at"),
    ],
)
def test_flow_blames_no_model_for_other_mistakes(arguments, message, capsys):
    assert main(["flow", "--model", "my_networks:as_by_compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "my_networks" not in error


@pytest.mark.parametrize("target", ["0", "-1", "nan", "inf"])
def test_flow_refuses_a_target_that_no_growth_can_have(target, capsys):
    assert main(["flow", f"--target={target}"]) == 2
    error = capsys.readouterr().err
    assert f"must be finite and greater than 0, got {float(target)}. Pass 1.0" in error


def test_units_that_do_not_match_end_with_one_line(capsys):
    assert main(["flow", "--surrogates", "QPseudoSpike(scale='15 mV')"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "got x in 1 and scale=15.0 mV" in line
    assert "leave scale out, as they divide by V_th - V_reset" in line


def test_flow_of_the_demonstration_network(capsys):
    assert main(["flow", "--surrogates", "QPseudoSpike"]) == 0
    out = capsys.readouterr().out
    assert "GradientFlow of QPseudoSpike: 16 steps" in out
    assert "neuron" in out


@pytest.mark.thorough
def test_weights_of_a_network_made_for_a_task_count_as_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["flow", "--task", "cue-recall", "--json", "flow.json"]) == 0
    (flow,) = json.loads((tmp_path / "flow.json").read_text()).values()
    assert flow["zero_parameter_share"] < 0.5

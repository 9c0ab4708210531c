"""The subcommand show."""

import inspect
import re

import pytest
from helpers import names_that_build

from braintools_qps import get_surrogate
from braintools_qps.__main__ import main


def test_show_describes_a_surrogate(capsys):
    assert main(["show", "q_pseudo_spike(alpha=1.5, scale='10 mV')"]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    first = 'QPseudoSpike(alpha=1.5, scale=Quantity(10.0, "mV")), from braintools_qps\n'
    assert out.startswith(first)
    assert "at x, the distance from the threshold, x in mV, gradient per mV\n" in out
    # Parameters, those at their default included
    for row in ("alpha 1.5", "scale 10.0 mV", "dampening 1.0", "residual_dtype None"):
        assert row.split() in lines
    # (1 + 2/2.5)^-1.5 / 10 at one scale from the threshold, on both sides.
    for point, gradient in (("10", "0.0414087"), ("-10", "0.0414087"), ("0", "0.1")):
        assert [point, gradient] in lines


@pytest.mark.parametrize("name", names_that_build())
def test_show_knows_every_surrogate_and_prints_text_without_markup(name, capsys):
    assert main(["show", name]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"\\\w+|`|\.\. |:\w+:|---|\w{|]_|frac", out) == []
    lines = [line.split() for line in out.splitlines()]
    surrogate = get_surrogate(name)
    for parameter in inspect.signature(type(surrogate)).parameters:
        assert [parameter, str(getattr(surrogate, parameter))] in lines


@pytest.mark.parametrize("spec", ["QPseudoSpike(scale='15 mV')", "GaussianGrad"])
def test_plot_draws_a_surrogate_with_or_without_an_original_function(spec, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    file = tmp_path / "surrogate.svg"
    assert main(["plot", spec, "--out", str(file)]) == 0
    assert file.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert capsys.readouterr().err == f"Figure written to {file}\n"


def test_a_wrong_spec_exits_with_2_and_the_reason_on_stderr(capsys):
    assert main(["show", "qpseudospke"]) == 2
    captured = capsys.readouterr()
    assert "Did you mean 'QPseudoSpike'?" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [("figure.xyz", "Format 'xyz' is not supported"), ("absent/figure.png", "No such file or dir")],
)
def test_a_figure_that_cannot_be_written_is_one_line(name, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plot", "Sigmoid", "--out", name]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["show"], ["plot", "--out", "unused.png"]])
def test_one_curve_cannot_show_many_neurons(command, capsys):
    assert main([*command, "QPseudoSpike(alpha=[1, 2, 3])"]) == 2
    assert "got parameters of shape (3,). Show one surrogate for each" in capsys.readouterr().err

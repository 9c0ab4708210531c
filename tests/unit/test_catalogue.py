"""The subcommands list and show."""

import json

import pytest

from braintools_qps import get_surrogate, list_surrogates
from braintools_qps.__main__ import main


def test_list_has_a_row_per_surrogate(capsys):
    assert main(["list"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "DISTRIBUTION", "PARAMETERS", "DESCRIPTION"]
    assert [row.split()[0] for row in rows] == list_surrogates()
    [ours] = [row for row in rows if row.startswith("QPseudoSpike")]
    for cell in ("braintools-qps", "alpha=2.0, scale=None, dampening=1.0", "The q-PseudoSpike"):
        assert cell in ours
    assert "]_" not in "".join(rows)  # no pointers to references that are not shown


def test_list_as_json(capsys):
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list_surrogates()
    assert rows["S2NN"]["distribution"] == "braintools-qps"
    assert rows["braintools:QPseudoSpike"]["distribution"] == "braintools"
    assert rows["S2NN"]["parameters"] == [
        {"name": "alpha", "default": 4.0},
        {"name": "beta", "default": 1.0},
        {"name": "epsilon", "default": 1e-8},
    ]
    for row in rows.values():
        assert row["description"]
        defaults = {p["name"]: p["default"] for p in row["parameters"]}
        assert type(get_surrogate({"name": row["name"], **defaults})) is type(
            get_surrogate(row["name"])
        )


def test_show_describes_a_surrogate(capsys):
    assert main(["show", "q_pseudo_spike(alpha=1.5, scale='10 mV')"]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert out.startswith('QPseudoSpike(alpha=1.5, scale=Quantity(10.0, "mV"))\n')
    assert r"\left(1 + \frac{2 |x/s|}{\alpha + 1}\right)^{-\alpha}" in out
    assert "Gradient, x in mV, gradient per mV" in out
    assert ["alpha", "1.5"] in lines
    assert ["scale", "10.0", "mV"] in lines
    # (1 + 2/2.5)^-1.5 / 10 at one scale from the threshold, on both sides.
    assert ["10", "0.0414087"] in lines
    assert ["-10", "0.0414087"] in lines
    assert ["peak", "0.1"] in lines
    assert ["half-width", "7.34"] in lines  # 10 (2^(2/3) - 1) 2.5 / 2
    assert ["area", "5"] in lines  # 2.5 / 0.5


@pytest.mark.parametrize("name", list_surrogates())
def test_show_knows_every_surrogate_and_its_gradient_formula(name, capsys):
    assert main(["show", name]) == 0
    out = capsys.readouterr().out
    formula = out.partition("Formula\n")[2].partition("\nParameters")[0]
    assert "g'(x)" in formula


def test_show_says_where_there_is_no_area(capsys):
    assert main(["show", "S2NN"]) == 0
    out = capsys.readouterr().out
    assert "infinite: the tails fall too slowly" in out
    assert "0.441 below, 1 above the threshold" in out


@pytest.mark.parametrize("spec", ["QPseudoSpike(scale='15 mV')", "GaussianGrad"])
def test_show_draws_a_surrogate_with_or_without_an_original_function(spec, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    file = tmp_path / "surrogate.svg"
    assert main(["show", spec, "--plot", str(file)]) == 0
    assert file.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert capsys.readouterr().out.endswith(f"Drawn in {file}\n")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("qpseudospke", "Did you mean 'QPseudoSpike'?"),
        ("QPseudoSpike(alpha=-1)", "alpha must be greater than 0"),
        ("QPseudoSpike(beta=1)", "The surrogate is QPseudoSpike(alpha=2.0"),
        ("QPseudoSpike(alpha=open('f'))", "a call with literal arguments"),
        ("QPseudoSpike(scale='1 mv')", "unit in '1 mv' is unknown"),
    ],
)
def test_a_wrong_spec_exits_with_2_and_the_reason_on_stderr(spec, message, capsys):
    assert main(["show", spec]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""

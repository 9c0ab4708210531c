"""The subcommands list and show."""

import json
from importlib.metadata import version

import pytest
from helpers import names_that_build

from braintools_qps import get_surrogate, list_surrogates
from braintools_qps.__main__ import main
from braintools_qps._cli.latex import plain


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
    assert {"name": "surrogate"} in rows.pop("Scaled")["parameters"]
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
    assert (
        "\n  g'(x) = d/s (1 + (2 |x/s|)/(alpha + 1))^(-alpha)\n  g_origin(x) = 1/2 + d sign(x)"
        in out
    )
    assert "Gradient, x in mV, gradient per mV" in out
    assert ["alpha", "1.5"] in lines
    assert ["scale", "10.0", "mV"] in lines
    # (1 + 2/2.5)^-1.5 / 10 at one scale from the threshold, on both sides.
    assert ["10", "0.0414087"] in lines
    assert ["-10", "0.0414087"] in lines
    assert ["peak", "0.1"] in lines
    assert ["half-width", "7.34"] in lines  # 10 (2^(2/3) - 1) 2.5 / 2
    assert ["area", "5"] in lines  # 2.5 / 0.5


@pytest.mark.parametrize("name", names_that_build())
def test_show_knows_every_surrogate_and_its_gradient_formula(name, capsys):
    assert main(["show", name]) == 0
    out = capsys.readouterr().out
    formula = out.partition("Formula\n")[2].partition("\nParameters")[0]
    assert "g'(x) = " in formula
    assert not set(formula) & set("\\{}&")  # plain text


def test_show_a_surrogate_that_is_scaled(capsys):
    assert main(["show", "Scaled(\"QPseudoSpike(scale='10 mV')\", scale=2.0)"]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert "g'(x) = d/s h'(x/s)" in out
    assert ["peak", "0.05"] in lines
    assert ["20", "0.018"] in lines  # (1 + 2/3)^-2 / 20 at the product of the scales


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
        ("QPseudoSpike(alpha=[1, 2])", "single numbers can be shown, got parameters of shape (2,)"),
        ("QPseudoSpike(scale=['1 mV', '2 mV'])", "scale must be a positive real number"),
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


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (
            r"\frac{1}{\sigma\sqrt{2\pi}} \exp\left(-\frac{x^2}{2}\right)",
            "1/(sigma sqrt(2 pi)) exp(-x^2/2)",
        ),
        (
            "\\\\alpha \\\\cdot \\\\sigma(\\\\alpha x)",
            "alpha * sigma(alpha x)",
        ),  # doubled backslashes
        (r"e^{-\alpha^2x^2}", "e^(-alpha^2 x^2)"),
        (
            "\\begin{cases}\n\\beta, & x \\geq 0 \\\\\n\\alpha, & x < 0 \\\\\n\\end{cases}",
            "beta if x >= 0\n        alpha if x < 0",
        ),
    ],
)
def test_formulas_in_plain_text(formula, text):
    assert plain(f"g'(x) = {formula}") == f"g'(x) = {text}"


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"braintools-qps {version('braintools-qps')}\n"


@pytest.mark.parametrize("command", ["", "compare", "flow", "plot", "show", "list"])
def test_help_is_plain_and_shows_defaults(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([*command.split(), "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "`" not in out
    if command == "compare":
        assert "a class of brainpy.state (default: LIF)" in out
        assert "comes down after a spike (default: soft)" in out
        assert "(default: Sigmoid S2NN 'QPseudoSpike(alpha=2)'" in out


@pytest.mark.parametrize("command", [["show"], ["plot", "--out", "unused.png"]])
def test_one_curve_cannot_show_many_neurons(command, capsys):
    assert main([*command, "QPseudoSpike(alpha=[1, 2, 3])"]) == 2
    assert "got parameters of shape (3,). Show one for each" in capsys.readouterr().err

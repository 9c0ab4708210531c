"""The subcommand list."""

import json

from braintools.surrogate import Sigmoid

from braintools_qps import get_surrogate, list_surrogates, register_surrogate
from braintools_qps.__main__ import main


def listed(capsys, *options):
    assert main(["list", *options]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_line_for_each_surrogate_with_its_description_below(capsys):
    lines = listed(capsys)
    heads, descriptions = lines[::2], lines[1::2]
    rows = {row.split()[0]: row for row in heads}
    assert list(rows) == list_surrogates()
    ours = "QPseudoSpike  braintools-qps  alpha=2.0, scale=None, dampening=1.0, residual_dtype=None"
    assert rows["QPseudoSpike"] == ours
    assert descriptions[heads.index(ours)].startswith("    The q-PseudoSpike")
    # Whose it is, not who publishes the name
    assert {rows[name].split()[1] for name in ("Sigmoid", "S2NN", "Arctan")} == {"braintools"}
    assert "]_" not in "".join(lines)  # no pointers to references that are not shown


def test_every_task_is_listed_with_what_its_data_are(capsys):
    lines = listed(capsys, "--tasks")
    described = json.loads("".join(listed(capsys, "--tasks", "--json")))
    assert dict(zip(lines[::2], map(str.strip, lines[1::2]))) == described
    assert "16 steps of 8 features" in described["digits-rows"]
    assert len(described["DelayMatchSample"]) > 20


def test_json(capsys):
    rows = {row["name"]: row for row in json.loads("\n".join(listed(capsys, "--json")))}
    assert list(rows) == list_surrogates()
    assert rows["S2NN"]["distribution"] == rows["S2NN"]["package"] == "braintools"
    assert rows["braintools:QPseudoSpike"]["distribution"] == "braintools"
    assert rows["S2NN"]["parameters"] == [
        {"name": "alpha", "default": 4.0},
        {"name": "beta", "default": 1.0},
        {"name": "epsilon", "default": 1e-8},
    ]
    assert rows["Scaled"]["parameters"][0] == {"name": "surrogate"}
    for row in rows.values():
        assert row["description"]
        defaults = {p["name"]: p.get("default", "Sigmoid") for p in row["parameters"]}
        built = get_surrogate({"name": row["name"], **defaults})
        assert type(built).__module__.startswith(row["package"].replace("-", "_"))


def test_parameters_that_json_does_not_know_are_text(capsys):
    @register_surrogate
    class Odd(Sigmoid):
        def __init__(self, required, mode=len, text="1e5"):
            super().__init__()

    rows = {row["name"]: row for row in json.loads("\n".join(listed(capsys, "--json")))}
    assert rows["Odd"]["parameters"] == [
        {"name": "required"},
        {"name": "mode", "default": repr(len)},
        {"name": "text", "default": "1e5"},
    ]
    assert rows["Odd"]["description"] == ""  # its own docstring, not that of its base

"""The subcommand list."""

import json

import pytest
from braintools.surrogate import Sigmoid

from braintools_qps import get_surrogate, list_surrogates, register_surrogate
from braintools_qps.__main__ import main


def listed(capsys, *options):
    assert main(["list", *options]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_row_for_each_surrogate(capsys):
    header, *rows = listed(capsys)
    assert header.split() == ["NAME", "FROM", "PARAMETERS", "DESCRIPTION"]
    assert [row.split()[0] for row in rows] == list_surrogates()
    [ours] = [row for row in rows if row.startswith("QPseudoSpike")]
    for cell in ("braintools-qps", "alpha=2.0, scale=None, dampening=1.0", "The q-PseudoSpike"):
        assert cell in ours
    assert "]_" not in "".join(rows)  # no pointers to references that are not shown


def test_a_row_says_whose_the_surrogate_is_and_not_who_publishes_its_name(capsys):
    rows = {row.split()[0]: row.split()[1] for row in listed(capsys)}
    assert rows["QPseudoSpike"] == "braintools-qps"
    assert rows["Sigmoid"] == rows["S2NN"] == rows["Arctan"] == "braintools"


def test_every_task_is_listed_with_what_its_data_are(capsys):
    lines = listed(capsys, "--tasks")
    names = [line.split()[0] for line in lines]
    assert names[0] == "digits-rows"
    assert "DelayMatchSample" in names
    assert "16 steps of 8 features" in lines[0]
    (described,) = [json.loads("".join(listed(capsys, "--tasks", "--json")))]
    assert list(described) == names
    assert all(len(text) > 20 for text in described.values())


@pytest.mark.parametrize("columns", [40, 80, 120, 1000])
def test_rows_fit_the_terminal_with_nothing_cut(columns, capsys, monkeypatch):
    in_file = listed(capsys)
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = listed(capsys)
    assert max(map(len, lines)) <= columns
    assert [line.split()[0] for line in lines if line[0] != " "] == ["NAME", *list_surrogates()]
    assert sorted(" ".join(lines).split()) == sorted(" ".join(in_file).split())


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


def test_odd_parameters_spoil_no_other_row(capsys):
    @register_surrogate
    class Odd(Sigmoid):
        def __init__(self, required, mode=len, text="1e5"):
            super().__init__()

    @register_surrogate
    class Worse(Sigmoid):
        __signature__ = "none"

    rows = {row["name"]: row for row in json.loads("\n".join(listed(capsys, "--json")))}
    assert rows["Odd"]["parameters"] == [
        {"name": "required"},
        {"name": "mode", "default": repr(len)},
        {"name": "text", "default": "1e5"},
    ]
    assert rows["Odd"]["description"] == ""  # its own docstring, not that of its base
    assert "signature" in rows["Worse"]["error"]
    [worse] = [row for row in listed(capsys) if row.startswith("Worse")]
    assert "Broken: " in worse

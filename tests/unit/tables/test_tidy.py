"""The CSV of a comparison: a line for each seed, epoch or trial."""

import csv
import dataclasses
import io

import numpy as np
import pytest
from made_comparison import candidate, compared, of, tuned

LEVEL = {"A": (0.90, 0.92, 0.91), "B": (0.91, 0.90, 0.93)}


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_has_every_seed_and_setting_with_five_digits():
    error = "ValueError: =1, 2"
    found = compared(tuned("A", (1 / 3, 2 / 3)), candidate("S2NN", (), 1, error=error))
    one, other, failed = read(found.to_csv())
    assert (one["surrogate"], one["seed"], one["test"]) == ("A", "0", "0.33333")
    assert (other["seed"], other["test"]) == ("1", "0.66667")
    assert {n: one[n] for n in ("learning_rate", "dampening", "clip", "epochs", "hidden")} == {
        "learning_rate": "0.1", "dampening": "0.5", "clip": "0.03", "epochs": "4",
        "hidden": "8",
    }  # fmt: skip
    # What a seed has chosen, not what holds where nothing is tuned.
    setting = {"hidden": 16, "learning_rate": 0.3, "clip": None}
    (chosen,) = read(compared(candidate("A", (0.5,), setting=setting)).to_csv())
    assert [chosen[name] for name in setting] == ["16", "0.3", ""]
    assert (one["best_epoch"], one["final_loss"], one["seconds_per_epoch"]) == ("2", "0.5", "0.5")
    assert (failed["seed"], failed["test"], failed["error"]) == ("", "", error)
    curves = read(found.to_csv("epochs"))
    assert len(curves) == 8
    assert curves[1] == {
        "surrogate": "A", "seed": "0", "epoch": "2", "loss": "1", "validation": "0.625",
        "firing_rate": "0.125",
    }  # fmt: skip


def test_the_csv_of_trials_has_every_training():
    result = tuned("A", (0.25, 0.75))  # trial 1 is the learning rate 0.1 with the dampening 1/2
    tuning = dataclasses.replace(result.tuning, chosen=(1, 3))
    failed = candidate("S2NN", (), 1, error="ValueError: no")
    plain = candidate("B", (0.5, 1.0), 2)  # which was not tuned
    lines = read(
        compared(dataclasses.replace(result, tuning=tuning), failed, plain).to_csv("trials")
    )
    assert len(lines) == 4 * 2
    assert [(one["learning_rate"], one["dampening"], one["seed"]) for one in lines[:3]] == [
        ("0.1", "1", "0"), ("0.1", "1", "1"), ("0.1", "0.5", "0"),
    ]  # fmt: skip
    assert [n for n, one in enumerate(lines[:8]) if one["chosen"] == "True"] == [2, 7]
    # Scores of validation are 0.9 - rate * dampening.
    assert {n: lines[3][n] for n in ("surrogate", "validation", "test", "loss")} == {
        "surrogate": "A", "validation": "0.85", "test": "0.75", "loss": "0.5",
    }  # fmt: skip


def test_rows_are_those_of_seeds_epochs_or_trials():
    with pytest.raises(ValueError, match="rows must be one of seeds, epochs, trials, got 'ep'"):
        of(**LEVEL).to_csv("ep")


def test_pandas_gets_the_same_rows_with_all_digits():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    found = of(**LEVEL)
    frame = found.to_pandas()
    assert frame.groupby("surrogate").test.mean()["A"] == np.mean(LEVEL["A"])
    assert isinstance(frame, pandas.DataFrame)
    assert len(found.to_pandas("epochs")) == 2 * 3 * 4
    assert found.to_pandas("trials").empty

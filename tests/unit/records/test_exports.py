"""What a comparison gives to pandas, to a CSV and to a methods section."""

import csv
import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from made_comparison import candidate, compared, of, tuned

from braintools_qps.records.tidy import tidy_lines

LEVEL = {"A": (0.90, 0.92, 0.91), "B": (0.91, 0.90, 0.93)}
APART = {"A": (0.90, 0.92, 0.91, 0.90, 0.92), "B": (0.50, 0.52, 0.51, 0.50, 0.53)}


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_has_a_line_for_each_candidate_the_best_first():
    failed = candidate("S2NN", (), 2, error="ValueError: =1, 2")
    best, lower, none = read(
        compared(tuned("B", APART["B"]), tuned("A", APART["A"], 1), failed).to_csv()
    )
    assert [line["surrogate"] for line in (best, lower, none)] == ["A", "B", "S2NN"]
    assert [line["standing"] for line in (best, lower, none)] == ["first", "lower", "failed"]
    # 0.91 -+ t(97.5%, 4) = 2.776 times a standard deviation of 0.01, by the root of 5.
    assert [best[name] for name in ("seeds", "accuracy", "low", "high")] == [
        "5", "0.91", "0.89758", "0.92242",
    ]  # fmt: skip
    assert lower["difference"] == "-0.398"
    assert float(lower["difference_low"]) < -0.398 < float(lower["difference_high"])
    assert (lower["learning_rate"], lower["dampening"], lower["clip"]) == ("0.1", "0.5", "0.03")
    assert (none["seeds"], none["accuracy"], none["error"]) == ("0", "", "ValueError: =1, 2")
    assert [line["standing"] for line in read(compared(failed).to_csv())] == ["failed"]


@pytest.mark.parametrize(
    ("scores", "standings"),
    [
        (LEVEL, ["too few seeds"] * 2), ({"A": (0.9,) * 5}, [""]),
        ({"A": APART["A"], "B": (0.91, 0.90, 0.93, 0.92, 0.90)}, ["first", "not lower"]),
        ({"A": APART["A"], "B": (np.nan,) * 5}, ["", "failed"]),
    ],
)  # fmt: skip
def test_a_standing_says_what_the_verdict_says(scores, standings):
    assert [line["standing"] for line in read(of(**scores).to_csv())] == standings


def test_a_line_for_each_seed_has_what_it_measured_and_chose():
    error = "ValueError: no"
    found = compared(tuned("A", (1 / 3, 2 / 3)), candidate("S2NN", (), 1, error=error))
    one, other, failed = tidy_lines(found, "seeds")
    measured = {
        "surrogate": "A", "seed": 0, "test": 1 / 3, "final_loss": 0.5, "seconds_per_epoch": 0.5,
        "learning_rate": 0.1, "dampening": 0.5, "clip": 0.03, "epochs": 4, "hidden": 8,
    }  # fmt: skip
    assert {name: one[name] for name in measured} == measured
    assert (other["seed"], other["test"]) == (1, 2 / 3)
    # What a seed has chosen, not what holds where nothing is tuned.
    setting = {"hidden": 16, "learning_rate": 0.3, "clip": None}
    (chosen,) = tidy_lines(compared(candidate("A", (0.5,), setting=setting)), "seeds")
    assert {name: chosen[name] for name in setting} == setting
    assert (failed["seed"], failed["error"], "test" in failed) == (None, error, False)
    curves = tidy_lines(found, "epochs")
    assert len(curves) == 8
    assert curves[1] == {
        "surrogate": "A", "seed": 0, "epoch": 2, "loss": 1, "validation": 0.625,
        "firing_rate": 0.125,
    }  # fmt: skip


def test_a_line_for_each_trial_has_every_training():
    result = tuned("A", (0.25, 0.75))  # trial 1 is the learning rate 0.1 with the dampening 1/2
    tuning = dataclasses.replace(result.tuning, chosen=(1, 3))
    failed = candidate("S2NN", (), 1, error="ValueError: no")
    plain = candidate("B", (0.5, 1.0), 2)  # which was not tuned
    found = compared(dataclasses.replace(result, tuning=tuning), failed, plain)
    lines = tidy_lines(found, "trials")
    assert len(lines) == 4 * 2
    assert [(one["learning_rate"], one["dampening"], one["seed"]) for one in lines[:3]] == [
        (0.1, 1, 0), (0.1, 1, 1), (0.1, 0.5, 0),
    ]  # fmt: skip
    assert [n for n, one in enumerate(lines) if one["chosen"]] == [2, 7]
    # Scores of validation are 0.9 - rate * dampening.
    assert {n: lines[3][n] for n in ("surrogate", "validation", "test", "loss")} == {
        "surrogate": "A", "validation": pytest.approx(0.85), "test": 0.75, "loss": 0.5,
    }  # fmt: skip


def test_pandas_gets_the_rows_that_are_named():
    found = of(**LEVEL)
    frame = found.to_pandas()
    assert frame.groupby("surrogate").test.mean()["A"] == np.mean(LEVEL["A"])
    assert isinstance(frame, pd.DataFrame)
    assert len(found.to_pandas("epochs")) == 2 * 3 * 4
    assert found.to_pandas("trials").empty
    assert len(found.to_pandas("candidates")) == 2
    with pytest.raises(ValueError, match="one of candidates, seeds, epochs, trials, got 'ep'"):
        found.to_pandas("ep")


# The paragraph for a methods section


TASK = {
    "name": "gestures", "samples": {"train": 60, "validation": 20, "test": 20}, "steps": 16,
    "features": 8, "classes": 10,
}  # fmt: skip
TRAINED = {
    "model": "mine:network", "optimizer": "optax:adamw(), cosine schedule", "dt": "1.0 ms",
    "loss": "cross-entropy", "tune": {"learning_rate": [0.1, 0.03], "mean_slope": [0.1]},
}  # fmt: skip
VERSIONS = {"python": "3.99", "packages": {"jax": "0.99", "optax": "0.98"}, "device": "cpu: cpu"}


def whole(**settings):
    found = compared(
        tuned("A", APART["A"]), tuned("B", APART["B"], 1), settings=TRAINED | settings,
        environment=VERSIONS,
    )  # fmt: skip
    return dataclasses.replace(found, task=TASK)


def test_a_comparison_is_told_from_the_data_to_the_versions():
    assert whole().methods().split(". ") == [
        "Networks were trained on gestures (16 steps, 8 features, 10 classes)",
        "Each seed split the data into 60 training, 20 validation and 20 test samples",
        "The network was network with hidden 8, in time steps of 1.0 ms",
        "It was trained for 4 epochs in batches of 32 to minimise the cross-entropy with "
        "optax:adamw(), cosine schedule",
        "The norm of the gradient was clipped at 0.03",
        "The surrogates were A and B",
        "For each surrogate, every seed trained all combinations of learning rate (0.1, 0.03) and "
        "mean slope (0.1), and chose the one with the highest validation accuracy after the last "
        "epoch",
        "For a mean slope the dampening was lowered until no population had a larger mean "
        "surrogate gradient at the initial weights",
        "5 seeds per surrogate set the split, the initial weights and the order of the samples, "
        "the same for all surrogates",
        "The test accuracy after the last epoch is reported, as mean with a 95% t interval",
        "Surrogates were compared once, seed by seed, by the paired t test, at an error of 5% for "
        "all pairs together",
        "Versions: Python 3.99, jax 0.99 and optax 0.98, on cpu: cpu",
        "QPseudoSpike is the surrogate of L",
        "Herranz-Celotti and J",
        "Rouat, Stabilizing Spiking Neuron Training, arXiv:2202.00282, 2022.",
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (whole(options={}), "The network was network, in time steps of 1.0 ms."),
        (whole(prepare=True), "first brought into the range where neurons fire, the same for all"),
        (whole(tune={"alpha": [1, 2]}, learning_rate=0.03), "The learning rate was 0.03."),
        (whole(tune={"clip": [0.1]}), "Networks were trained with clip (0.1)."),
        (of(**APART, C=(0.7, 0.71, 0.72, 0.7, 0.7)), "by Tukey's range of paired differences"),
        (of(**APART), "The surrogates were A and B. Nothing was tuned; the learning rate was 0.1."),
        (of(A=APART["A"]), "The surrogate was A. Nothing was tuned; the learning rate was 0.1."),
        (of({"score": "-MSE"}, **APART), "The test -MSE after the last epoch"),
        (dataclasses.replace(whole(), task=TASK | {"has_own_test_part": True}),
         "20 test samples. The test samples came with the data."),
    ],
)  # fmt: skip
def test_a_sentence_where_it_applies(found, said):
    assert said in found.methods()


def test_what_does_not_apply_is_not_said():
    assert "clipped" not in whole(tune={"clip": [0.1, 0.2]}).methods()
    other = dataclasses.replace(of(A=(0.9, 0.8)), candidates=({"name": "Sigmoid"},))
    assert "QPseudoSpike" not in other.methods()
    assert "compared once" not in other.methods()

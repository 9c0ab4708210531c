"""A comparison: what its table, its sentences and its files say."""

import csv
import dataclasses
import io
import math
import re
import sys

import numpy as np
import pytest
from made_comparison import candidate, compared, of, tuned

from braintools_qps import Comparison
from braintools_qps.records import Curves, Scores, Trial, Tuning

LEVEL = {"A": (0.90, 0.92, 0.91), "B": (0.91, 0.90, 0.93)}
CLOSE = LEVEL | {"C": (0.50, 0.52, 0.51)}


def rows(text):
    """Lines of a table by the label that they begin with."""
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


def test_best_has_the_highest_mean_test_score_whatever_validation_says():
    validated = Scores(test=(0.5, 0.5), validation=(0.9, 0.9))
    other = candidate("validated", (0.5, 0.5), scores=validated)
    found = compared(other, candidate("tested", (0.8, 0.9), 1))
    assert found.best.label == "tested"
    assert [result.label for result in found.ranked] == ["tested", "validated"]
    assert found.table().splitlines()[2].startswith("tested")


def test_best_names_those_within_noise_of_it():
    found = of(**CLOSE)
    assert found.best.label == "B"
    assert found.best.within_noise == ("A",)
    assert [result.label for result in found.tied] == ["B", "A"]
    assert "within noise of it: A" in repr(found.best)
    assert found.best.scores == found.results[1].scores
    long = of(**{"A" * 5000: CLOSE["A"], "B": CLOSE["B"]}).best
    assert long.within_noise == ("A" * 5000,)
    assert max(map(len, repr(long).splitlines())) < 100


def test_a_candidate_that_diverged_is_never_best_and_comes_last():
    found = of(bad=(math.nan, 0.99, 0.99), **LEVEL)
    assert found.best.label == "B"
    assert found.ranked[-1].label == "bad"
    with pytest.raises(ValueError, match="finite scores with every seed, got none of 1 results"):
        of(bad=(math.nan,)).best  # noqa: B018


def test_the_sentence_names_the_group_and_how_far_the_others_are():
    assert of(**CLOSE).verdict.startswith(
        "B and A are within noise of each other; C is 40.3 points lower. About "
    )
    assert re.search(
        r"About (\d+) seeds \(--seeds \1\) would show a true difference of 1 point\.$",
        of(**CLOSE).verdict,
    )
    alone = of(A=(0.9, 0.901, 0.899), C=(0.5, 0.501, 0.499)).verdict
    assert alone == "A is best: C is 40.0 points lower."
    assert of(A=(0.9, 0.8)).verdict == ""


def test_the_table_fits_80_columns_and_has_what_one_asks_for():
    labels = ["Sigmoid", "QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=0.125, dampening=0.25)"]
    found = compared(*(tuned(name, CLOSE["A"], n) for n, name in enumerate(labels)))
    lines = found.table().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["vs", "learning", "firing"]
    assert lines[1].split() == [
        "surrogate", "accuracy", "%", "best", "dampening", "rate", "rate",
    ]  # fmt: skip
    # 91 -+ t(97.5%, 2) = 4.303 times a standard deviation of 1, by the root of 3.
    row = rows(found.table())["Sigmoid"]
    assert row.split() == ["Sigmoid", "91.0", "[88.5,", "93.5]", "0.0", "=", "1/2", "0.1", "0.125"]
    start = lines.index(next(line for line in lines if "alpha=0.125" in line))
    assert [line.strip() for line in lines[start - 1 : start + 2]] == [
        lines[start - 1], "alpha=0.125,", "dampening=0.25)",
    ]  # fmt: skip


def test_the_table_says_where_a_dampening_comes_from():
    setting = {"learning_rate": 0.1, "dampening": 0.43, "mean_slope": 0.1}
    found = compared(*(tuned(n, s, setting=setting) for n, s in CLOSE.items()))
    said = "Dampening: set for a mean surrogate gradient of at most 0.1 before training."
    assert said in found.table()
    plain = compared(*(tuned(n, s) for n, s in CLOSE.items()))
    assert "before training" not in plain.table()


@pytest.mark.parametrize(
    ("chosen", "value"), [((0.3, 1.0), "largest learning rate tried, 0.3: try larger"),
                          ((0.1, 1.0), "smallest learning rate tried, 0.1: try smaller")],
)  # fmt: skip
def test_an_edge_that_all_chose_is_named(chosen, value):
    edge = {"chosen": chosen, "at_edge": ("learning_rate",)}
    every = [tuned(n, s, **edge) for n, s in CLOSE.items()]
    assert f"* All rows have the {value} ones, too." in compared(*every).table()
    for others in ([tuned("D", LEVEL["A"])], [tuned("D", LEVEL["A"], at_edge=("dampening",))]):
        assert "* largest or smallest value tried" in compared(*every, *others).table()
    assert "* largest or smallest value tried" in compared(every[0]).table()


def test_wide_shows_the_rest():
    found = compared(*(tuned(n, s, at_edge=("dampening",)) for n, s in CLOSE.items()))
    header = found.table(wide=True).splitlines()[0]
    for title in ("at best validation epoch", "learning rate", "s/epoch", "peak MB"):
        assert title in header
        assert title not in found.table()
    assert "difference" in header
    # Three pairs: t at 1 - 0.05 / 6 with 2 degrees is 7.65; the differences are 41, 38 and 42.
    assert "-40.3 [-49.5, -31.1]" in rows(found.table(wide=True))["C"]
    assert "1/2*" in found.table()
    assert "* All rows have the smallest dampening tried, 0.5" in found.table()
    assert "Gradient norm clipped at 0.03." in found.table(wide=True)
    for note in (
        "Difference: from the best, seed by seed [95% interval, all pairs together].",
        "At best validation epoch: test accuracy with the weights of the epoch whose validation "
        "score was best, seed by seed.",
        "Firing rate: spikes per neuron and step.",
    ):
        assert note in " ".join(found.table(wide=True).split())
        assert note.split(":")[0] not in found.table()


def test_a_learning_rate_that_was_not_tuned_is_told():
    trials = tuple(Trial({"dampening": d}, validation=(0.5, 0.7)) for d in (0.5, 1.0))
    setting = {"learning_rate": 0.1, "dampening": 0.5}
    found = compared(candidate("A", (0.9, 0.8), tuning=Tuning(trials, (0, 0)), setting=setting))
    assert "All at a learning rate of 0.1." in found.table()
    assert "learning rate of" not in compared(tuned("A", (0.9, 0.8))).table()


def test_tuning_prints_a_row_for_each_setting():
    trials = [
        Trial({"learning_rate": rate}, validation=(0.5, 0.7), test=(0.4, 0.5), loss=(1.0, 2.0))
        for rate in (0.1, 0.3)
    ]
    assert repr(Tuning(tuple(trials), (1, 1))).splitlines() == [
        "trial  learning_rate  validation  test  loss  chosen by",
        "0      0.1                   0.6  0.45   1.5     0 of 2",
        "1      0.3                   0.6  0.45   1.5     2 of 2",
        "- Means over seeds. Each seed chooses by its own validation score.",
    ]


def test_intervals_of_accuracies_stay_within_0_and_100():
    found = of(high=(1.0, 0.9, 0.98), low=(0.0, 0.1, 0.02))
    assert "96.0 [82.9, 100.0]" in found.table()
    assert "4.0 [0.0, 17.1]" in found.table()
    assert "[-100.0, " in found.table(wide=True)
    free = of(score="-MSE", high=(1.0, 0.9, 0.98), low=(0.0, 0.1, 0.02))
    assert "0.96 [0.829, 1.09]" in free.table()


def test_a_score_that_is_no_accuracy_has_three_digits():
    found = of(score="-MSE", A=(-0.00456, -0.00466), B=(-0.1, -0.2))
    assert "-0.00461 [-0.00525, -0.00397]" in found.table()  # 12.706 * 5e-5 to either side
    assert found.best.label == "A"


def test_a_sentence_says_whether_losses_still_fall_and_what_to_try():
    def with_losses(*losses):
        results = [candidate(f"c{n}", (0.9, 0.8), n, losses=one) for n, one in enumerate(losses)]
        return compared(*results, epochs=len(losses[0])).convergence

    steady = [2.0 - 0.1 * epoch for epoch in range(20)]
    ended = [max(0.7, one) for one in steady]  # the last five bring nothing
    barely = [*ended[:-1], 0.684]  # 1.2% of the fall in the last quarter
    end = "Losses levelled off: the last 5 epochs brought under 1% of their drop."
    assert with_losses(ended, ended) == end
    said = "The losses were still falling when training ended: differences may only reflect speed."
    assert with_losses(steady, barely) == f"{said} Try --epochs 40."
    assert with_losses(steady, ended).startswith("The loss of c0 was still falling")
    assert with_losses([math.nan] * 20) == ""
    assert with_losses([1.0]) == ""
    assert with_losses(steady[::-1]) == ""
    still = compared(candidate("a", (0.9, 0.8), losses=steady))
    assert "still falling" in " ".join(repr(still).split())
    assert end in repr(compared(candidate("a", (0.9, 0.8), losses=ended)))


def test_what_went_wrong_stands_below_the_table():
    failed = candidate("S2NN", (), 5, error="ValueError: no")
    flagged = candidate("flagged", LEVEL["A"], 1, flags={"nan": 2}, one_by_one="TypeError: a")
    text = compared(candidate("fine", LEVEL["B"]), flagged, failed, notes=("All is constant.",))
    for said in (
        "S2NN: error: ValueError: no.", "flagged: NaN 2/3.", "All is constant.",
        "Trained one by one, because the model cannot be vmapped: TypeError: a.",
    ):  # fmt: skip
        assert said in " ".join(repr(text).split())
    assert rows(repr(text))["S2NN"].split()[:2] == ["S2NN", "-"]


def test_one_seed_has_no_intervals_and_tells_nothing_apart():
    text = of(A=(0.9,), B=(0.5,)).table()
    assert "A is highest, but one seed cannot tell 2 candidates apart." in text
    assert "[" not in text
    assert "Not tuned: trained as given, at a learning rate of 0.1." in text
    assert "one seed." in text


def test_a_label_of_any_length_has_a_place_in_the_table():
    found = of(**{"x" * 5000: (0.9, 0.8), "=cmd()": (0.5, 0.4)})
    assert max(map(len, found.table().splitlines())) <= 80
    assert max(map(len, found.table(wide=True).splitlines())) < 200
    assert len(found._repr_html_()) < 4000


def test_html_is_sorted_marks_the_tied_group_and_takes_labels_as_typed():
    html = of(**{"<b>": (0.5, 0.52, 0.51)}, **LEVEL)._repr_html_()
    lines = [line for line in html.splitlines() if line.startswith("<tr")]
    labels = [line.partition("<td>")[2].partition("<")[0] for line in lines[1:]]
    assert labels == ["B", "A", "&lt;b&gt;"]
    assert ["background" in line for line in lines] == [False, True, True, False]


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
    plain = candidate("B", (0.5, 1.0), 2)
    lines = read(
        compared(dataclasses.replace(result, tuning=tuning), failed, plain).to_csv("trials")
    )
    assert len(lines) == 4 * 2 + 2
    assert [(one["learning_rate"], one["dampening"], one["seed"]) for one in lines[:3]] == [
        ("0.1", "1", "0"), ("0.1", "1", "1"), ("0.1", "0.5", "0"),
    ]  # fmt: skip
    assert [n for n, one in enumerate(lines[:8]) if one["chosen"] == "True"] == [2, 7]
    # Scores of validation are 0.9 - rate * dampening.
    assert {n: lines[3][n] for n in ("surrogate", "validation", "test", "loss")} == {
        "surrogate": "A", "validation": "0.85", "test": "0.75", "loss": "0.5",
    }  # fmt: skip
    assert [(one["surrogate"], one["test"], one["chosen"]) for one in lines[8:]] == [
        ("B", "0.5", "True"), ("B", "1", "True"),
    ]  # fmt: skip


def test_rows_are_those_of_seeds_epochs_or_trials():
    with pytest.raises(ValueError, match="rows must be one of seeds, epochs, trials, got 'ep'"):
        of(**LEVEL).to_csv("ep")


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@a"])
def test_a_label_is_no_formula_in_the_csv(label):
    found = of(**{label: (-0.5, 0.4)})
    for rows in ("seeds", "epochs", "trials"):
        assert read(found.to_csv(rows))[0]["surrogate"] == f"'{label}"
    assert read(found.to_csv())[0]["test"] == "-0.5"


def test_pandas_gets_the_same_rows_with_all_digits(monkeypatch):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    found = of(**LEVEL)
    frame = found.to_pandas()
    assert frame.groupby("surrogate").test.mean()["A"] == np.mean(LEVEL["A"])
    assert isinstance(frame, pandas.DataFrame)
    assert len(found.to_pandas("epochs")) == 2 * 3 * 4
    assert len(found.to_pandas("trials")) == 2 * 3
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="Run pip install pandas, or use to_csv"):
        found.to_pandas()


def test_records_print_in_a_few_lines_and_come_back_from_json():
    found = compared(tuned("A", LEVEL["A"]))
    for record in (found.best, found.results[0], found.best.tuning, found.best.curves):
        assert 3 < len(repr(record).splitlines()) < 15
        assert max(map(len, repr(record).splitlines())) < 100
    assert Comparison.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": Scores(test=(0.5,))}, "test of A must have a value for each of 3 seeds, got 1"),
        ({"curves": Curves(loss=((1.0,), (1.0, 2.0), (1.0,)))}, "curves of A .* each epoch"),
        ({"spec": {"name": "other"}}, "spec in candidates, got A without one"),
    ],
)
def test_a_record_with_something_missing_is_refused(change, message):
    found = of(**LEVEL)
    results = dataclasses.replace(found.results[0], **change), found.results[1]
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(found, results=results)

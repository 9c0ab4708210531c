"""The table of a comparison and the sentences below it."""

import dataclasses
import math
import re

import numpy as np
import pytest
from made_comparison import candidate, compared, of, tuned

from braintools_qps._statistics import paired
from braintools_qps.records import Scores, Trial, Tuning

MSE = {"score": "-MSE"}
NOISE = np.array([0.0, 0.01, -0.01, 0.02, -0.02])


def level(mean, *, size=1.0, seeds=5, shift=0):
    """Scores of five seeds or more around a mean."""
    return tuple((mean + size * np.resize(np.roll(NOISE, shift), seeds)).tolist())


CLOSE = {"A": level(0.90), "B": level(0.905, shift=1), "C": level(0.50, shift=2)}
EQUAL = {"A": level(0.9, size=0.01), "B": level(0.9, size=0.01, shift=1)}
MANY = {f"L{n}": level(0.9 + n / 1e3, shift=n) for n in range(7)} | {
    f"D{n}": level(0.2 + n / 1e3, shift=n) for n in range(6)
}


def said(comparison, **options):
    """All of the table in one line."""
    return " ".join(comparison.table(**options).split())


def rows(text):
    """Lines of a table by the label that they begin with."""
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


VERDICTS = {
    "best": (
        of(A=level(0.9), C=level(0.5, shift=1)),
        r"A is best: C is lower than A \(-40\.0, 5 seeds\)\.",
    ),
    "equal": (of(**EQUAL), r"[AB] and [AB] are equal within 1 point: take either\."),
    "three equal": (
        of(**EQUAL, D=level(0.9, size=0.02, shift=2), C=CLOSE["C"]),
        r".* are all equal within 1 point: take any; C is lower than [ABD] \(-40\.\d, 5 seeds\)\.",
    ),
    "not known": (
        of({"margin": 3}, **CLOSE),
        r"Not known yet whether B or A is best; C is lower than B \(-40\.5, 5 seeds\)\. About "
        r"\d+ more seeds would settle this in 4 of 5 cases: most_seeds=(?P<all>\d+) \(--most-seeds "
        r"(?P=all)\) adds them\. Runs kept in out are not trained again\.",
    ),
    "hopeless": (
        of({"margin": 0.1}, A=CLOSE["A"], B=CLOSE["B"]),
        r"Not known yet whether B or A is best\. Seeds vary by more than 0\.1 points: the "
        r"difference lies within -\d\.\d and \d\.\d\.",
    ),
    "40 seeds": (
        of({"margin": 1}, A=level(0.9, size=2, seeds=40), B=level(0.9, size=2, seeds=40, shift=1),
           D=level(0.905, size=2, seeds=40, shift=2)),
        r"Not known yet whether .* is best\. Seeds vary by more than 1 point: differences from the "
        r"first lie within -\d\.\d and \d\.\d\.",
    ),
    "seeds that not all have": (
        of(A=level(0.9), B=level(0.9)[:3]), "Not known yet whether . or . is best.",
    ),
    "many": (
        dataclasses.replace(of(**MANY), looks=(5, 20)),
        r"Not known yet whether L\d, L\d, L\d or 4 more is best; the other 6 are \d+\.\d to "
        r"\d+\.\d points lower\. An earlier call looked at 20 seeds: .*",
    ),
    "copies": (of(MSE, A=level(0.5), B=level(0.5)), ".* are equal within 0.005: take .*"),
    "copies, without a margin": (
        of(MSE | {"margin": None}, A=level(0.5), B=level(0.5)),
        r"Not known yet whether . or . is best\. Their scores are the same with every seed\.",
    ),
    "four seeds": (
        of(A=level(0.9, seeds=4), B=level(0.1, seeds=4)),
        r"A is highest, but 4 seeds cannot tell 2 candidates apart\. It takes 5 or more\.",
    ),
    "one seed": (
        of(A=(0.9,), B=(0.5,), C=(math.nan,)), "A is highest, but one seed cannot tell 2 .*",
    ),
    "one equal seed": (of(A=(0.9,), B=(0.9,)), "One seed cannot tell 2 candidates apart. .*"),
    "alone": (of(A=level(0.9)), ""),
    "no accuracy": (
        of(MSE, A=level(1), B=level(11, shift=1)),
        r"B is best: A is lower than B \(-10, 5 seeds\)\.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("comparison", "sentence"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict(comparison, sentence):
    assert re.fullmatch(sentence, comparison.verdict)
    assert comparison.verdict in said(comparison)


def growing(**scores):
    return of({"most_seeds": 10, "margin": 2}, **scores)


def test_a_comparison_that_grew_says_how_it_ended_and_with_how_many_seeds():
    ended = growing(A=level(0.9, seeds=10), B=level(0.9, seeds=10, shift=1), C=level(0.2))
    assert [len(r.seeds) for r in ended.ranked] == [10, 10, 5]
    more, most = re.search(r"About (\d+) more seeds .* most_seeds=(\d+) ", said(ended)).groups()
    assert int(more) == int(most) - 10
    assert "all pairs and looks together" in said(ended)
    assert rows(ended.table())["C"].split()[-2:] == ["5", "0.125"]  # its seeds, its firing rate
    assert "mean over seeds [95% interval]" in said(ended)
    assert growing(**EQUAL).verdict.endswith("are equal within 2.0 points: take either.")
    without = dataclasses.replace(ended, settings={**ended.settings, "margin": None})
    assert "Not known yet" in without.verdict


def test_what_is_lower_says_below_which_one_and_why_its_mean_may_be_higher():
    """B is clearly below C, and above the first five seeds of A, which rose afterwards."""
    found = growing(
        A=(0.876, 0.863, 0.902, 0.875, 0.843, 0.977, 0.996, 0.989, 0.99, 0.98),
        B=(0.878, 0.876, 0.879, 0.881, 0.872),
        C=(0.899, 0.895, 0.897, 0.898, 0.899, 0.902, 0.904, 0.899, 0.9, 0.9),
    )
    assert found.differences["B"].mean > 0
    assert "; B is lower than C (-2.0, 5 seeds)." in found.verdict
    noisy = growing(
        A=level(0.69, size=4.5),
        B=level(0.695, size=0.01, shift=1),
        C=level(0.79, size=0.01, shift=2),
    )
    assert "B is lower than C (-9.5, paired, 5 seeds)" in noisy.verdict


def test_a_bound_that_decides_is_never_0():
    steady = np.array([0.9, 0.92, 0.94, 0.91, 0.93])
    found = of(A=steady, B=steady - 0.0004 + 0.0001 * NOISE)
    high = found.differences["B"].high
    assert -0.0005 < high < 0
    assert f"[-0.0, {100 * high:.1g}]" not in found.table(wide=True)
    assert f", {100 * high:.1g}]" in rows(found.table(wide=True))["B"]


LEARNED = {"samples": {"test": 100}}


def test_collapsed_runs_are_counted_in_the_verdict():
    fell = (0.9, 0.1, 0.9, 0.92, 0.91)
    found = dataclasses.replace(of({"guess": 0.1}, A=level(0.5), B=fell), task=LEARNED)
    # 0.9 to the power of 5 is 0.59.
    said = "B collapsed in 1 of 5 seeds: 5 seeds miss a collapse of one in ten in 59%."
    assert found.verdict.endswith(said)


def test_what_never_learned_is_not_a_plain_row():
    mute = level(0.1, shift=2)
    found = dataclasses.replace(of({"guess": 0.1}, A=level(0.9), B=mute), task=LEARNED)
    guesses = "B ended near guessing: try prepare=True (--prepare) first, then train longer."
    assert found.verdict == f"A is best. {guesses}"
    assert rows(found.table())["B"].split()[4:5] == ["guesses"]
    none = dataclasses.replace(of({"guess": 0.1}, B=mute), task=LEARNED)
    assert none.verdict == guesses
    prepared = dataclasses.replace(none, settings=none.settings | {"prepare": True})
    assert prepared.verdict == "B ended near guessing: train longer."
    assert "best_surrogate" not in none.table()


def test_the_last_line_is_what_to_type():
    found = compared(tuned("B", level(0.5)), tuned("A", level(0.9), 1))
    assert found.table().splitlines()[-2:] == [
        "comparison.best_surrogate: QPseudoSpike(alpha=2.0, dampening=0.5),", "learning_rate=0.1"
    ]  # fmt: skip
    gone = candidate("A", (0.9,), tuned_spec={"name": "Gone"})
    assert "best_surrogate" not in compared(gone).table()


def test_the_table_fits_80_columns_and_has_what_one_asks_for():
    labels = ["Sigmoid", "QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=0.125, dampening=0.25)"]
    inner = {"chosen": (0.3, 1.0)}  # where validation scores are lowest
    found = compared(*(tuned(name, CLOSE["A"], n, **inner) for n, name in enumerate(labels)))
    lines = found.table().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["vs", "learning", "firing"]
    assert lines[1].split() == [
        "surrogate", "accuracy", "%", "best", "dampening", "rate", "rate",
    ]  # fmt: skip
    # 90 -+ t(97.5%, 4) = 2.776 times a standard deviation of 1.58, by the root of 5.
    row = rows(found.table())["Sigmoid"]
    assert row.split() == ["Sigmoid", "90.0", "[88.0,", "92.0]", "0.0", "=", "1", "0.3", "0.125"]
    start = lines.index(next(line for line in lines if "alpha=0.125" in line))
    assert [line.strip() for line in lines[start - 1 : start + 2]] == [
        lines[start - 1], "alpha=0.125,", "dampening=0.25)",
    ]  # fmt: skip


def test_wide_shows_the_rest():
    found = compared(*(tuned(n, s, chosen=(0.3, 1.0)) for n, s in CLOSE.items()))
    header = found.table(wide=True).splitlines()[0]
    for title in ("at best validation epoch", "learning rate", "s/epoch", "peak MB"):
        assert title in header
        assert title not in found.table()
    assert "difference" in header
    half = 100 * paired([*CLOSE.values()]).half(1 / 2)[1, 2]
    assert f"-40.5 [{-40.5 - half:.1f}, {-40.5 + half:.1f}]" in rows(found.table(wide=True))["C"]
    for note in (
        "At best validation epoch: test accuracy with the weights of the epoch whose validation "
        "score was best, seed by seed.",
        "Firing rate: spikes per neuron and step.",
    ):
        assert note in said(found, wide=True)
        assert note.split(":")[0] not in found.table()


def test_a_setting_says_how_many_seeds_chose_it_where_they_differ():
    result = tuned("A", (0.9, 0.8), chosen=(0.1, 0.5))
    tuning = dataclasses.replace(result.tuning, chosen=(1, 3))  # the other rate is 0.3
    found = compared(dataclasses.replace(result, tuning=tuning))
    assert rows(found.table())["A"].split()[-4:] == ["1/2", "0.1", "(1/2)", "0.125"]
    assert "(n/2): chosen by n of 2 seeds." in said(found)
    assert "chosen by n" not in said(compared(result))


def test_a_caption_explains_only_a_column_that_is_there():
    without = candidate("A", (0.5, 0.75), scores=Scores(test=(0.5, 0.75)))
    assert "perations" not in compared(without).table(wide=True)
    assert "Operations: weights" in said(compared(candidate("A", (0.5, 0.75))), wide=True)


def test_the_table_says_where_a_dampening_and_a_learning_rate_come_from():
    setting = {"learning_rate": 0.1, "dampening": 0.43, "mean_slope": 0.1}
    found = compared(*(tuned(n, s, setting=setting) for n, s in CLOSE.items()))
    before = "Dampening: lowered to a mean surrogate gradient of at most 0.1 before training."
    assert before in said(found)
    plain = compared(*(tuned(n, s) for n, s in CLOSE.items()))
    assert "before training" not in said(plain)
    assert "learning rate of" not in said(plain)
    assert "Not tuned: trained as given, at a learning rate of 0.1." in said(of(**CLOSE))
    trials = tuple(Trial({"dampening": d}, validation=(0.5,)) for d in (0.5, 1.0))
    by_height = candidate("A", (0.9,), tuning=Tuning(trials, (0,)), setting={"dampening": 0.5})
    assert "All at a learning rate of 0.1." in said(compared(by_height))
    fixed = candidate("A", (0.9,), tuning=Tuning(trials[:1], (0,)), setting={"dampening": 0.5})
    tune = {"alpha": (2.0,), "dampening": (0.5,)}
    assert "All with alpha 2 at a learning rate of 0.1." in said(
        compared(fixed, settings={"tune": tune})
    )
    plain = of({"tune": {"alpha": (2.0,), "hidden": (16,)}}, A=(0.9,))
    assert "Not tuned: trained with alpha 2 and hidden 16, at a learning rate of 0.1." in said(
        plain
    )
    one_rate = Tuning((Trial({"learning_rate": 0.1, "clip": 0.03}, validation=(0.5,)),), (0,))
    header = compared(candidate("A", (0.9,), tuning=one_rate)).table(wide=True).splitlines()[0]
    assert ("learning rate" in header, "clip" in header) == (True, False)  # of a single value each


LOSSES = {
    "falling": [2.0 - 0.1 * epoch for epoch in range(20)],
    "ended": [max(0.7, 2.0 - 0.1 * epoch) for epoch in range(20)],
    "1.2% in the last quarter": [*[max(0.7, 2.0 - 0.1 * epoch) for epoch in range(19)], 0.684],
    "0.8% in the last quarter": [*[max(0.7, 2.0 - 0.1 * epoch) for epoch in range(19)], 0.6895],
    "0.8% up in the last quarter": [*[max(0.7, 2.0 - 0.1 * epoch) for epoch in range(19)], 0.7105],
    "rising": [0.1 * epoch for epoch in range(20)],
    "nan": [math.nan] * 20,
    "one epoch": [1.0],
}
FALLING = (
    "The losses were still falling when training ended: differences may only reflect speed. "
    "With 40 epochs all runs train anew, since the learning rate then falls more slowly."
)
ENDED = "In the last 5 epochs training had levelled off: losses fell by under 1%."


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("falling", "falling"), FALLING),
        (("falling", "1.2% in the last quarter"), FALLING),
        (("0.8% in the last quarter",), ENDED),
        (("ended", "0.8% up in the last quarter"), ""),
        (("falling", "ended"), FALLING.replace("losses were", "loss of c0 was")),
        (("ended", "rising"), ""),
        (("nan",), ""),
        (("one epoch",), ""),
    ],
)
def test_when_losses_count_as_falling_or_converged(names, sentence):
    results = [candidate(f"c{n}", (0.9,), n, losses=LOSSES[name]) for n, name in enumerate(names)]
    found = compared(*results)
    assert found.convergence == sentence
    assert sentence in said(found)


def test_losses_that_ended_with_the_learning_rate_say_so():
    ours = {"optimizer": "optax:adamw(weight_decay=0.001), cosine schedule"}
    found = compared(candidate("A", (0.9,), losses=LOSSES["ended"]), settings=ours)
    assert found.convergence == ENDED.replace("epochs", "epochs, at low learning rates,")


def test_what_went_wrong_stands_below_the_table():
    failed = candidate("S2NN", (), 5, error="ValueError: no")
    flagged = candidate("flagged", CLOSE["A"], 1, flags={"nan": 2, "silent": 1})
    found = compared(candidate("fine", CLOSE["B"]), flagged, failed, notes=("All is constant.",))
    for note in (
        "S2NN: error: ValueError: no.", "flagged: NaN 2/5, hardly fires 1/5.", "All is constant.",
    ):  # fmt: skip
        assert note in said(found)
    assert rows(repr(found))["S2NN"].split()[:2] == ["S2NN", "-"]
    assert repr(compared()) == "surrogate"  # nothing has come in yet


def test_few_seeds_have_no_marks_and_one_no_intervals():
    assert " =" not in of(A=(0.9, 0.8), B=(0.5, 0.6)).table()
    assert "[" not in of(A=(0.9,), B=(0.5,)).table()
    assert "one seed." in of(A=(0.9,), B=(0.5,)).table()


def test_intervals_of_accuracies_stay_within_0_and_100():
    found = of(high=(1.0, 0.9, 0.98), low=(0.0, 0.1, 0.02))
    assert "96.0 [82.9, 100.0]" in found.table()
    assert "4.0 [0.0, 17.1]" in found.table()
    free = of(MSE, high=(1.0, 0.9, 0.98), low=(0.0, 0.1, 0.02))
    assert "0.96 [0.829, 1.09]" in free.table()
    three_digits = of(MSE, A=(-0.00456, -0.00466), B=(-0.1, -0.2))
    assert "-0.00461 [-0.00525, -0.00397]" in three_digits.table()  # 12.706 * 5e-5 to either side


def test_a_label_of_any_length_has_a_place_in_the_table():
    found = of(**{"x" * 5000: (0.9, 0.8), "=cmd()": (0.5, 0.4)})
    assert max(map(len, found.table().splitlines())) <= 80
    assert max(map(len, found.table(wide=True).splitlines())) < 200
    assert max(map(len, repr(found.best).splitlines())) < 100
    assert len(found._repr_html_()) < 4000


def test_html_is_sorted_marks_the_tied_group_and_takes_labels_as_typed():
    html = of(**{"<b>": CLOSE["C"], "A": CLOSE["A"], "B": CLOSE["B"]})._repr_html_()
    lines = [line for line in html.splitlines() if line.startswith("<tr")]
    labels = [line.partition("<td>")[2].partition("<")[0] for line in lines[1:]]
    assert labels == ["B", "A", "&lt;b&gt;"]
    assert ["background" in line for line in lines] == [False, True, True, False]

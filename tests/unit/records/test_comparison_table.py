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
MANY = {f"L{n}": level(0.9 + n / 1e3, shift=n) for n in range(7)} | {
    f"D{n}": level(0.2 + n / 1e3, shift=n) for n in range(6)
}


def said(comparison, **options):
    """All of the table in one line."""
    return " ".join(comparison.table(**options).split())


def rows(text):
    """Lines of a table by the label that they begin with."""
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


def still_falling(**scores):
    """A comparison whose losses fall until the end."""
    return compared(*(candidate(n, s, losses=(4.0, 3.0, 2.0, 1.0)) for n, s in scores.items()))


STEADY = (0.9, 0.92, 0.94, 0.91, 0.93)
ALMOST = (0.901, 0.919, 0.939, 0.91, 0.929)  # lower in the mean by 0.0004, the last half a percent
MORE = "\nMore seeds narrow this: seeds=20 (--seeds 20)."
VERDICTS = {
    "one above all": (
        of(A=level(0.9), C=level(0.5, shift=1)),
        r"Take A: every other is lower \(95%\)\.\n"
        r"C is lower than A: -40\.0 \[-\d+\.\d, -\d+\.\d\]\.",
    ),
    "one lower": (
        of(**CLOSE),
        r"Take B: no other is better by more than \d\.\d points \(95%\)\." + re.escape(MORE)
        + r"\nC is lower than B: -40\.5 \[-\d+\.\d, -\d+\.\d\]\.",
    ),
    "20 seeds": (
        of(A=level(0.9, seeds=20), B=level(0.9, seeds=20, shift=1)),
        r"Take .: no other is better by more than \d\.\d points \(95%\)\.",
    ),
    "many": (
        of(**MANY),
        r"Take L\d: no other .* points \(95%\)\." + re.escape(MORE)
        + r"\n6 others are lower, by \d+\.\d to \d+\.\d points\.",
    ),
    "four seeds": (
        of(A=level(0.9, seeds=4), B=level(0.1, seeds=4)),
        r"A is highest, but 4 seeds cannot tell 2 candidates apart\. It takes seeds=5 "
        r"\(--seeds 5\) or more\.",
    ),
    "alone": (of(A=level(0.9)), ""),
    "no accuracy": (
        of(MSE, A=level(-11), B=level(-1, shift=1)),
        r"Take B: every other is lower \(95%\)\.\nA is lower than B: -10 \[-10, -9\.9\d\]\.",
    ),
    "lower than one that is not the first": (
        of(A=level(0.80, size=7), B=level(0.695, size=0.01, shift=1),
           C=level(0.79, size=0.01, shift=2)),
        r"Take A: .*\n.*\nB is lower than C: -9\.5 \[-\d+\.\d, -\d\.\d\]\.",
    ),
    "24 test samples": (
        dataclasses.replace(of(A=STEADY, B=ALMOST), task={"samples": {"test": 24}}),
        r"Take A: no other is better by more than 4\.2 points \(95%\); one of 24 test samples is "
        r"4\.2 points\.",
    ),
    "24 test samples, no accuracy": (
        dataclasses.replace(of(MSE, A=STEADY, B=ALMOST), task={"samples": {"test": 24}}),
        r"Take A: no other is better by more than 0\.00\d+ \(95%\)\." + re.escape(MORE),
    ),
    "losses still fall": (
        still_falling(A=level(0.9), B=level(0.9, shift=1)),
        r"After 4 epochs no other is better than . by more than \d\.\d points \(95%\)\.\n"
        r"The losses were still falling: train for 8 epochs \(epochs=8, --epochs 8\) before you "
        r"choose\.",
    ),
    "losses still fall, one above all": (
        still_falling(A=level(0.9), C=level(0.5, shift=1)),
        r"After 4 epochs every other is lower than A \(95%\)\.\nThe losses were .*\n"
        r"C is lower than A: .*",
    ),
    "one epoch": (
        compared(*(candidate(n, CLOSE[n], losses=[1.0]) for n in "AB")),
        r"After 1 epoch no other is better than B by more than \d\.\d points \(95%\)\.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("comparison", "sentences"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict(comparison, sentences):
    assert re.fullmatch(sentences, comparison.verdict)
    lines = comparison.table().splitlines()
    assert all(line in " ".join(lines) for line in comparison.verdict.splitlines())
    assert max(map(len, lines)) <= 80


def test_a_bound_that_decides_is_never_0():
    steady = np.array([0.9, 0.92, 0.94, 0.91, 0.93])
    found = of(A=steady, B=steady - 0.0004 + 0.0001 * NOISE)
    high = found.differences["B"].high
    assert -0.0005 < high < 0
    assert f"[-0.0, {100 * high:.1g}]" not in found.table(wide=True)
    assert f", {100 * high:.1g}]" in rows(found.table(wide=True))["B"]


def at_chance(settings=None, **scores):
    """A comparison with 100 test samples, of which one in ten is right by chance."""
    made = of({"guess": 0.1} | (settings or {}), **scores)
    return dataclasses.replace(made, task={"samples": {"test": 100}})


def chosen_by(*indices):
    """Two seeds that chose these settings of four."""
    result = tuned("A", (0.9, 0.8), chosen=(0.1, 0.5))
    return dataclasses.replace(result, tuning=dataclasses.replace(result.tuning, chosen=indices))


MUTE = {"B": level(0.1, shift=2)}
LOWERED = {"learning_rate": 0.1, "dampening": 0.43, "mean_slope": 0.1}
NOT_TUNED = {"tune": {"alpha": (2.0,), "hidden": (16,)}}
HEIGHTS = tuple(Trial({"dampening": d}, validation=(0.5,)) for d in (0.5, 1.0))
BY_HEIGHT = candidate("A", (0.9,), tuning=Tuning(HEIGHTS, (0,)), setting={"dampening": 0.5})
FLAGGED = candidate("flagged", CLOSE["A"], 1, flags={"nan": 2, "silent": 1})
FAILED = candidate("S2NN", (), 5, error="ValueError: no")
WITHOUT = compared(candidate("A", (0.5, 0.75), scores=Scores(test=(0.5, 0.75))))
NOTES = {  # a comparison, what is said of it, and what is not
    "a collapse": (
        at_chance(A=level(0.5), B=(0.9, 0.1, 0.9, 0.92, 0.91)),
        "B collapsed in 1 of 5 seeds. 5 seeds miss a collapse of one run in ten in 59% of "
        "comparisons.", "did not learn",  # 0.9 to the power of 5
    ),
    "not learned": (
        at_chance(A=level(0.9), **MUTE),
        "Take A: every other is lower (95%). B did not learn (accuracy at chance with every seed). "
        "Try prepare=True (--prepare), or train longer.", "collapsed",
    ),
    "none learned": (at_chance(**MUTE), "B did not learn", "best_surrogate"),
    "not learned, prepared": (
        at_chance({"prepare": True}, **MUTE), "with every seed). Train longer.", "Try"
    ),
    "not learned, no accuracy": (
        at_chance(MSE | {"guess": -1.0}, B=level(-1.0)),
        "(-MSE no better than a constant answer with every seed)", "at chance",
    ),
    "what to type": (
        compared(tuned("B", level(0.5)), tuned("A", level(0.9), 1)),
        "comparison.best_surrogate: QPseudoSpike(alpha=2.0, dampening=0.5), learning_rate=0.1",
        "before training",
    ),
    "gone": (compared(candidate("A", (0.9,), tuned_spec={"name": "Gone"})), "A", "best_surrogate"),
    "settings that differ": (
        compared(chosen_by(1, 3)), "(n/2): chosen by n of 2 seeds.", "Not tuned: learning rate"
    ),
    "fat tails": (
        compared(
            candidate("two", level(0.9), 1), candidate("eight", level(0.5), 7),
            candidate("low", level(0.5), spec={"name": "S2NN", "dampening": 0.2}),
            candidate("S2NN", level(0.5), spec={"name": "S2NN"}),
            settings={"tune": {"learning_rate": [0.1, 0.01]}},
        ),
        "Lower the dampening of fat tails (two, S2NN) with tune={'learning_rate': [0.1, 0.01], "
        "'mean_slope': [0.1]} (--tune learning_rate=0.1,0.01 mean_slope=0.1).", "before training",
    ),
    "thin tails": (compared(candidate("A", (0.9,), 7)), "Test accuracy", "fat tails"),
    "lowered": (
        compared(*(tuned(n, s, setting=LOWERED) for n, s in CLOSE.items())),
        "Dampening: lowered to a mean surrogate gradient of at most 0.1 before training.",
        "fat tails",
    ),
    "not tuned": (
        of(NOT_TUNED, A=(0.9,)), "Not tuned: learning rate 0.1, alpha 2, hidden 16.", "The same"
    ),
    "tuned by height": (
        compared(BY_HEIGHT, settings=NOT_TUNED),
        "The same for all: learning rate 0.1, alpha 2, hidden 16.", "Not tuned",
    ),
    "flags": (compared(FLAGGED), "flagged: NaN 2/5, hardly fires 1/5.", "error"),
    "an error": (compared(FLAGGED, FAILED), "S2NN: error: ValueError: no.", "S2NN did not"),
    "notes": (compared(FLAGGED, notes=("All is constant.",)), "All is constant.", "error"),
}  # fmt: skip


@pytest.mark.parametrize(("comparison", "sentence", "other"), NOTES.values(), ids=NOTES)
def test_a_sentence_stands_below_the_table_where_it_applies(comparison, sentence, other):
    assert sentence in said(comparison)
    assert other not in said(comparison)
    is_last = sentence.startswith("comparison.")
    assert said(comparison).endswith(sentence if is_last else "")


def test_what_has_no_score_has_a_word_in_its_row():
    assert "at chance" in rows(at_chance(A=level(0.9), **MUTE).table())["B"]
    assert rows(repr(compared(FLAGGED, FAILED)))["S2NN"].split()[:2] == ["S2NN", "-"]
    assert repr(compared()) == "surrogate"  # nothing has come in yet


def test_the_table_fits_80_columns_and_has_what_one_asks_for():
    labels = ["Sigmoid", "QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=0.125, dampening=0.25)"]
    inner = {"chosen": (0.3, 1.0)}  # where validation scores are lowest
    found = compared(*(tuned(name, CLOSE["A"], n, **inner) for n, name in enumerate(labels)))
    lines = found.table().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["vs", "learning", "firing"]
    assert lines[1].split() == "surrogate accuracy % first rate dampening rate".split()
    # 90 -+ t(97.5%, 4) = 2.776 times a standard deviation of 1.58, by the root of 5.
    row = "Sigmoid 90.0 [88.0, 92.0] first = 0.3 1 0.125"
    assert rows(found.table())["Sigmoid"].split() == row.split()
    start = lines.index(next(line for line in lines if "alpha=0.125" in line))
    assert [line.strip() for line in lines[start:][:2]] == ["alpha=0.125,", "dampening=0.25)"]
    names = {f"a_keyword_of_the_model_{n}": 1.0 + n for n in range(9)}
    pair = tuple(Trial({"learning_rate": 0.1} | {n: f * v for n, v in names.items()}, (0.5,))
                 for f in (1, 2))  # fmt: skip
    many = compared(candidate("A", (0.9,), tuning=Tuning(pair, (0,)), setting=pair[0].setting))
    assert max(map(len, many.table().splitlines())) <= 80
    assert set(many.table().replace("_", " ").split()) > {"1", "9", "model"}
    endless = of(**{"x" * 5000: (0.9, 0.8), "A": (0.5, 0.4)})
    assert max(map(len, endless.table().splitlines())) <= 80
    assert len(endless._repr_html_()) < 4000


def test_wide_shows_the_rest():
    found = compared(*(tuned(n, s, chosen=(0.3, 1.0)) for n, s in CLOSE.items()))
    header = found.table(wide=True).splitlines()[0]
    for title in ("learning rate", "s/epoch", "peak MB"):
        assert title in header
        assert title not in found.table()
    assert "difference" in header
    half = 100 * paired([*CLOSE.values()]).half[1, 2]
    assert f"-40.5 [{-40.5 - half:.1f}, {-40.5 + half:.1f}]" in rows(found.table(wide=True))["C"]
    assert "Firing rate: spikes per neuron and step." in said(found, wide=True)
    assert "Firing rate" not in found.table()
    assert "perations" not in WITHOUT.table(wide=True)  # nor a caption without its column
    different = rows(compared(chosen_by(1, 3)).table())["A"]  # the other rate is 0.3
    assert different.split()[-4:] == ["0.1", "(1/2)", "1/2", "0.125"]


def falling(last, epochs=20):
    """Losses that are nearly constant at 0.7 before the last one."""
    return [*[max(0.7, 2.0 - 0.1 * epoch) for epoch in range(epochs - 1)], last]


FALLING = (
    "The losses were still falling: train for 40 epochs (epochs=40, --epochs 40) before you choose."
)


@pytest.mark.parametrize(
    ("losses", "sentence"),
    [  # 1.2% and 0.8% in the last quarter
        ([falling(0.684)], FALLING), ([falling(0.6895)], ""),
        ([[math.nan] * 20], ""), ([[1.0]], ""),
        ([falling(0.1), falling(0.7)], FALLING.replace("losses were", "loss of c0 was")),
    ],
)  # fmt: skip
def test_when_losses_count_as_falling(losses, sentence):
    results = [candidate(f"c{n}", (0.9,), n, losses=curve) for n, curve in enumerate(losses)]
    found = compared(*results)
    assert found.convergence == sentence
    assert sentence in said(found)
    methods = found.methods()
    if sentence:
        assert f" {sentence.partition(':')[0]} after the last epoch." in methods
    else:
        assert "still falling" not in methods
    assert ("best_surrogate" in said(found)) == (not sentence and len(losses[0]) > 1)


def test_intervals_of_accuracies_stay_within_0_and_100():
    found = of(high=(1.0, 0.9, 0.98), low=(0.0, 0.1, 0.02))
    assert "96.0 [82.9, 100.0]" in found.table()
    assert "4.0 [0.0, 17.1]" in found.table()
    free = of(MSE, high=(1.0, 0.9, 0.98), low=(0.0, 0.1, 0.02))
    assert "0.96 [0.829, 1.09]" in free.table()
    three_digits = of(MSE, A=(-0.00456, -0.00466), B=(-0.1, -0.2))
    assert "-0.00461 [-0.00525, -0.00397]" in three_digits.table()  # 12.706 * 5e-5 to either side


def test_html_is_sorted_marks_the_tied_group_and_takes_labels_as_typed():
    html = of(**{"<b>": CLOSE["C"], "A": CLOSE["A"], "B": CLOSE["B"]})._repr_html_()
    lines = [line for line in html.splitlines() if line.startswith("<tr")]
    labels = [line.partition("<td>")[2].partition("<")[0] for line in lines[1:]]
    assert labels == ["B", "A", "&lt;b&gt;"]
    assert ["background" in line for line in lines] == [False, True, True, False]

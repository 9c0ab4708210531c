"""The study: its arithmetic by hand, what it chooses and reads, and one training."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.problems import PROBLEMS  # noqa: E402
from benchmarks.study import (  # noqa: E402
    adaptive,
    by_trial,
    equal,
    matter,
    short,
    start,
    trainings,
)
from benchmarks.study.trained import chosen_elsewhere, over, read  # noqa: E402

PLAN, NINE = trainings.PARTS["study"][0], trainings.PARTS["matter"][0]
RAISED = "alpha 2", 0.03, "mean slope 0.1"  # a surrogate and a setting


def trained(plan, *entries, slopes=0.2):
    """All scores are 50%, unless (label, rate, height, validation, test) says otherwise."""
    full = lambda: np.full((len(plan.settings), plan.seeds), 500)
    scores = {label: {"validation": full(), "test": full()} for label in plan.labels}
    for label, rate, height, validation, test in entries:
        place = plan.settings.index((rate, height))
        scores[label]["validation"][place] = np.multiply(10, validation)
        scores[label]["test"][place] = np.multiply(10, test)
    record = {"chance": 10.0, "scores": scores, "slopes": dict.fromkeys(plan.labels, slopes)}
    return read(plan, record)


def test_intervals_by_hand():
    # Student's t of 2 degrees of freedom, 4.3027, times 1 / sqrt(3).
    assert over([1.0, 2.0, 3.0]) == pytest.approx((2, 2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert str(over([1.0, np.nan, 2.0, 3.0])) == "2.0 (-0.5 to 4.5)"
    assert (str(over([1.0])), str(over([]))) == ("1.0", "")


def test_no_test_score_chooses_itself():
    # Row 0 is best for seed 0 alone, row 1 for all others: seed 0 gets row 1.
    assert chosen_elsewhere(np.array([[9.0, 0, 0], [5, 5, 5]])).tolist() == [5, 5, 5]
    assert chosen_elsewhere(np.array([[9.0, 9, 0], [5, 5, 5]])).tolist() == [5, 5, 0]


def test_each_seed_gets_what_its_own_validation_chooses():
    problem = trained(
        PLAN,
        ("alpha 2", 0.1, "1", [60, 0, 0], [71, 0, 0]),
        ("alpha 2", 0.03, "1", [0, 60, 0], [0, 72, 0]),
        ("alpha 2", 0.01, "1", [0, 0, 60], [0, 0, 73]),
    )
    rates = problem.at(trainings.RATES, ["1"])
    assert problem.chosen("alpha 2", rates).tolist() == [71, 72, 73]
    assert problem.best(rates, ["alpha 8"]) == problem.best_in_sample() == 50


def test_a_run_that_diverged_is_never_chosen_and_counts_as_guessing():
    scores = {label: {} for label in PLAN.labels}
    for of in scores.values():
        of["validation"] = of["test"] = [[None] * 3, *[[500] * 3] * (len(PLAN.settings) - 1)]
    problem = read(PLAN, {"chance": 10.0, "scores": scores})
    assert problem.test["alpha 8"][0].tolist() == [10] * 3
    assert problem.chosen("alpha 8", problem.at([0.1])).tolist() == [50] * 3


# Alpha 2, lowered, at a rate of 0.03: 86% where all else has 50%; a third of a mean over rates.
STARTS = {
    "below, the best": (start.below, ("alpha 2", "mean slope 0.1"), 0),
    "below, another": (start.below, ("alpha 8", "1"), 12),
    "below, at another rate": (start.below, ("alpha 8", "1", [0.1]), 0),
    "gain": (start.gain, ("alpha 2",), 12),
    "one run, the best": (start.one_run, ("alpha 2",), 0),
    "one run, another": (start.one_run, ("alpha 8",), 36),
    "a search finds it, for one of six": (start.lost, (), -6),
    "a search of other heights does not": (start.lost, (trainings.RATES, ["1"]), 0),
    "another rate": (start.MEASURES["at_rate_03"], (), 36),
}


@pytest.mark.parametrize(("measure", "given", "expected"), STARTS.values(), ids=STARTS)
def test_where_to_start(measure, given, expected):
    problem = trained(PLAN, (*RAISED, 86, 86))
    assert measure(problem, *given) == pytest.approx(expected)


def test_losses_by_mean_slope():
    """At a dampening of 1 the mean slope is 0.3, where all scores are 9 points lower."""
    low = [(label, rate, "1", 41, 41) for label in PLAN.labels for rate in trainings.RATES]
    problem = trained(PLAN, *low, slopes=0.3)
    assert [start.picked(problem, is_high) for is_high in (True, False)] == [9, 0]
    assert start.slope([problem], "alpha 2", "1/2") == 0.15
    assert start.slope([problem], "alpha 2", "mean slope 0.1") == 0.1


def test_what_ordinary_surrogates_lose():
    problem = trained(NINE, (*RAISED, 90, 90), ("Sigmoid", 0.1, "mean slope 0.025", 80, 80))
    assert matter.lost(problem, "Sigmoid", "tuned") == 40
    assert matter.lost(problem, "alpha 2", "tuned") == 0
    assert matter.lost_in_sample(problem, "alpha 8") == 40
    assert matter.second_height(problem) == pytest.approx(30 / 7)
    assert np.ptp(matter.tuned(problem).mean(axis=1)) == 40


def test_p_of_two_surrogates_is_that_of_the_paired_t_test():
    from scipy.stats import ttest_rel

    scores = np.random.default_rng(0).normal(size=(2, 6))
    assert matter.p_value(scores) == pytest.approx(ttest_rel(*scores).pvalue)


@pytest.mark.parametrize(("gap", "runs"), [(0.0, 10), (0.5, 10)])
def test_a_comparison_that_is_settled_at_once_trains_no_more(gap, runs):
    scores = 0.5 + np.outer([0, gap], np.ones(50)) + 1e-4 * np.random.default_rng(0).random((2, 50))
    found, count, looks = equal.grown(scores)
    assert (found.settled, count, any(found.lower)) == (True, runs, gap > 0)
    assert [look.seeds for look in looks] == [5]
    assert equal.grown(10 * np.random.default_rng(0).random((2, 40)))[1] == 80


def test_a_trial_names_the_smallest_rate_that_is_about_as_good():
    losses = [0.5, 0.2, 0.29, 0.31, 2.0]  # at 0.1, 0.03, 0.01, 0.003 and 0.001
    assert by_trial.named(losses, 1.0) == 0.01  # 0.29 is within a tenth of 1 of 0.2
    assert by_trial.named(losses, 0.5) == 0.03
    assert by_trial.named(losses, 1.2, by_trial.TRIED) == 0.003
    assert by_trial.lowest(losses, 1.0) == 0.03
    assert by_trial.named([0.5, None, None, None, None], 1.0) == 0.1  # the others diverged


def test_the_regret_of_trials_by_hand(monkeypatch):
    """Validation finds 90% at 0.1; the trials of two seeds name it, that of the third 0.01: 50%."""
    problem = trained(NINE, ("alpha 8", 0.1, "mean slope 0.1", 90, 90))
    high, low = [0, 1, 1, 9, 9], [1, 1, 0, 9, 9]
    record = {"constant": 1.0, "ends": {"alpha 8": [high, high, low]}}
    name = problem.plan.problem.name
    monkeypatch.setattr(by_trial, "kept", lambda part: {"problems": {name: record}})
    assert by_trial.regret(problem) == pytest.approx(40 / 3)
    assert by_trial.row(problem)[1:3] == ["development", "0.1: 2, 0.03: 0, 0.01: 1"]
    assert by_trial.below_search(problem, 0.03) == pytest.approx(40 / 3)  # one label of three
    assert by_trial.lower([problem]) == 0


def test_what_a_form_gains_by_hand(monkeypatch):
    """Fixed surrogates come from the third part where they were trained there."""
    plan = trainings.PARTS["adaptive"][-1]
    new = trained(plan, ("asymmetric", 0.1, "1", 60, 60))
    third = next(p for p in trainings.PARTS["matter"] if p.problem.name == plan.problem.name)
    before = trained(third, ("alpha 8", 0.01, "mean slope 0.1", 57, 57))
    monkeypatch.setattr(adaptive, "trained", lambda part: [before] if part == "matter" else [new])
    assert adaptive.gain(new, "asymmetric", "alpha 8") == 3
    assert adaptive.gain(new, "spread width", "alpha 8") == -7
    assert adaptive.heights(new, "asymmetric") == ["1"] * 8
    assert adaptive.heights(new, "spread width") == ["mean slope 0.1"] * 8
    assert short.lost_to(before, 0.1, 0.01) == 7


@pytest.mark.thorough
def test_a_trial_trains():
    (plan,) = (p for p in by_trial.plans(False) if "cue-recall" in p.problem.name)
    (losses,) = by_trial.tried(dataclasses.replace(plan, seeds=1), "alpha 8")
    assert min(losses) < 0.2 < 1.0 < losses[-1] < by_trial.constant(plan) == pytest.approx(1.3863)


@pytest.mark.thorough
def test_a_plan_is_trained_and_kept(tmp_path, monkeypatch):
    name = "cue-recall, recurrent ALIF"
    monkeypatch.setattr(trainings, "RESULTS", tmp_path)
    (problem,) = (dataclasses.replace(p, epochs=2) for p in PROBLEMS if p.name == name)
    settings = ((0.01, "mean slope 0.1"), (0.01, "1"), (0.03, "1"))
    plan = trainings.Plan(problem, ("alpha 1/2", "alpha 8"), settings, 2)
    for key in ("first", name):
        trainings.keep("study", "problems", key, trainings.train(plan) if key == name else {})
    kept = trainings.kept("study")["problems"]
    assert list(kept) == ["first", name]
    problem = read(plan, kept[name])
    assert problem.slopes["alpha 1/2"] > problem.slopes["alpha 8"] > 0
    assert 0 < problem.firing_rate < 1
    assert {scores.shape for scores in problem.test.values()} == {(3, 2)}

"""A comparison as a record: which result is best, and its weights."""

import dataclasses
import math
import pickle

import pytest
from made_comparison import candidate, compared, of, tuned
from scipy import stats

from braintools_qps import Comparison, QPseudoSpike
from braintools_qps.records import Scores, looked, with_weights

LEVEL = {"A": (0.90, 0.92, 0.91, 0.90, 0.92), "B": (0.91, 0.90, 0.93, 0.92, 0.90)}
CLOSE = LEVEL | {"C": (0.50, 0.52, 0.51, 0.50, 0.53)}


def labels(results):
    return [result.label for result in results]


def test_best_has_the_highest_mean_test_score_whatever_validation_says():
    validated = Scores(test=(0.5, 0.5), validation=(0.9, 0.9))
    other = candidate("validated", (0.5, 0.5), scores=validated)
    found = compared(other, candidate("tested", (0.8, 0.9), 1))
    assert found.best.label == "tested"
    assert labels(found.ranked) == ["tested", "validated"]
    assert found.table().splitlines()[2].startswith("tested")


def test_tied_are_the_best_and_those_that_are_not_clearly_lower():
    found = of(**CLOSE)
    assert found.best == found.tied[0] == found.results[1]
    assert labels(found.tied) == ["B", "A"]
    assert found.differences["C"].high < 0 < found.differences["A"].high
    assert found.differences["B"] == (0, None, None)


def test_one_that_was_lower_when_it_stopped_comes_after_the_best_whatever_its_mean():
    early = (0.96, 0.97, 0.95, 0.96, 0.97)
    behind = candidate("behind", [x - 0.02 + n / 1e4 for n, x in enumerate(early)])
    best = candidate("best", (*early, 0.7, 0.7, 0.7), 1)
    found = compared(behind, best, settings={"most_seeds": 8})
    assert labels(found.ranked) == ["best", "behind"]
    assert found.best.label == "best"


def test_a_candidate_that_diverged_is_never_best_and_comes_last():
    found = of(bad=(math.nan, 0.99, 0.99, 0.99, 0.99), **LEVEL)
    assert found.best.label == "B"
    assert found.ranked[-1].label == "bad"
    with pytest.raises(ValueError, match="finite scores with every seed, got none of 1 results"):
        of(bad=(math.nan,)).best  # noqa: B018


@pytest.mark.parametrize(
    ("settings", "margin"),
    [
        ({}, 0.01),
        ({"margin": 2.5}, 0.025),
        ({"margin": None}, None),
        ({"margin": 2.5, "score": "-MSE"}, 2.5),
        ({"score": "-MSE"}, 0.005),  # 1% of the largest mean score
    ],
)
def test_the_margin_is_in_points_of_an_accuracy_and_else_in_the_unit_of_the_score(settings, margin):
    found = of(settings, A=(0.5, 0.5), B=(0.1, 0.3))
    assert found.margin == (margin if margin is None else pytest.approx(margin))


def test_seeds_needed_are_those_of_a_look_and_none_where_it_is_known_or_hopeless():
    assert of(**LEVEL).seeds_needed in (10, 20, 40, 80, 160)
    assert of(A=CLOSE["A"], C=CLOSE["C"]).seeds_needed is None
    assert of(A=CLOSE["A"][:4], B=CLOSE["B"][:4]).seeds_needed is None
    assert of({"margin": 0.01}, **LEVEL).seeds_needed is None  # a hundredth of a point
    assert of({"margin": 1.1}, **{n: x * 8 for n, x in LEVEL.items()}).seeds_needed is None  # 40


def test_looks_share_the_error_and_go_through_json():
    found = of(**LEVEL)
    first = looked(found, found.seeds)
    later = looked(looked(first, (*range(20),)), found.seeds)
    assert (first.looks, later.looks) == ((5,), (5, 20))
    assert (first.spent, later.spent) == pytest.approx((0.025, 0.04))  # 5% of n / (n + 5)
    assert Comparison.from_json(later.to_json()) == later
    # Told apart at half of the error, and no longer if 15 more seeds were looked at before.
    behind = [x - 0.02 + n / 200 for n, x in enumerate(LEVEL["A"])]
    close = of(A=LEVEL["A"], B=behind)
    p = stats.ttest_rel(LEVEL["A"], behind).pvalue
    assert 0.025 < p < 0.05
    assert not any(looked(close, close.seeds).standing.lower)


@pytest.mark.parametrize("looks", [(20,), (5, 20)])
def test_with_fewer_seeds_than_an_earlier_look_the_advice_is_to_show_that(looks):
    found = dataclasses.replace(of(**LEVEL), looks=looks)
    assert found.verdict == (
        "Not known yet whether B or A is best. An earlier call looked at 20 seeds: most_seeds=20 "
        "(--most-seeds 20) shows what it saw."
    )


def test_runs_near_guessing_are_counted_by_candidate():
    task = {"name": "made", "samples": {"test": 100}}
    found = dataclasses.replace(
        of({"guess": 0.1}, A=(0.9, 0.1, 0.8, 0.9, 0.9), B=(0.12, 0.1, 0.1, 0.08, 0.1)), task=task
    )
    assert found.collapsed == {"A": 1, "B": 5}
    assert of(**LEVEL).collapsed == {}  # guessing is not known


def test_the_best_surrogate_is_an_object_as_it_was_trained():
    found = compared(tuned("A", LEVEL["A"], 3, chosen=(0.3, 0.5)), tuned("B", (0.5,) * 5))
    assert found.best_surrogate == QPseudoSpike(4.0, dampening=0.5)


def test_the_setting_of_a_seed_goes_by_the_seed_and_not_by_its_place():
    result = tuned("A", (0.9, 0.8))
    tuning = dataclasses.replace(result.tuning, chosen=(0, 3))
    result = dataclasses.replace(result, seeds=(5, 9), tuning=tuning)
    assert [result.setting_of(seed)["learning_rate"] for seed in (5, 9)] == [0.1, 0.3]
    with pytest.raises(KeyError, match=r"trained with, one of \(5, 9\), got 0"):
        result.setting_of(0)


def weights_of(label, seed):
    return {"w": f"{label} {seed}"}


def test_weights_come_from_where_compare_keeps_them():
    found = of(**LEVEL)
    with pytest.raises(ValueError, match="weights of A with seed 0 must be in the comparison"):
        found.weights("A", 0)
    kept = with_weights(found, weights_of)
    assert kept.weights("A", 4) == pickle.loads(pickle.dumps(kept)).weights("A", 4) == {"w": "A 4"}
    assert kept == found == Comparison.from_json(kept.to_json())
    for label, seed in (("A", 5), ("D", 0)):
        with pytest.raises(KeyError, match="a label and a seed that were trained"):
            kept.weights(label, seed)

"""A comparison as a record: which setting and which result is best, and its weights."""

import dataclasses
import itertools
import math
import pickle

import numpy as np
import pytest
from made_comparison import candidate, compared, of, tuned
from scipy import stats

from braintools_qps import Comparison, QPseudoSpike
from braintools_qps.records import Scores, choose, with_weights

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


def test_a_candidate_that_diverged_is_never_best_and_comes_last():
    found = of(bad=(math.nan, 0.99, 0.99, 0.99, 0.99), **LEVEL)
    assert found.best.label == "B"
    assert found.ranked[-1].label == "bad"
    with pytest.raises(ValueError, match="finite scores with every seed, got none of 1 results"):
        of(bad=(math.nan,)).best  # noqa: B018


def test_the_possible_loss_is_the_largest_upper_end_of_the_differences_from_the_best():
    """With two candidates that is the end of the paired t test."""
    test = stats.ttest_rel(LEVEL["A"], LEVEL["B"]).confidence_interval(0.95)
    assert of(**LEVEL).possible_loss == pytest.approx(test.high)
    three = of(**CLOSE)
    assert three.possible_loss == three.differences["A"].high
    assert of(A=LEVEL["A"], C=CLOSE["C"]).possible_loss < 0  # A is clearly above
    assert of(A=LEVEL["A"]).possible_loss is None
    assert of(A=LEVEL["A"][:4], B=LEVEL["B"][:4]).possible_loss is None


def test_the_best_and_the_bound_are_right_in_95_of_100_simulated_comparisons():
    rng, right = np.random.default_rng(2), []
    for _ in range(200):
        means = rng.normal(0, 0.5, 3)
        found = of({"score": "-MSE"}, **dict(zip("ABC", rng.normal(means, 1, (5, 3)).T)))
        loss = means.max() - means["ABC".index(found.best.label)]
        right.append(loss <= max(found.possible_loss, 0))
    assert np.mean(right) >= 0.95


def test_runs_at_chance_level_are_counted_by_candidate():
    task = {"name": "made", "samples": {"test": 100}}
    found = dataclasses.replace(
        of({"guess": 0.1}, A=(0.9, 0.1, 0.8, 0.9, 0.9), B=(0.12, 0.1, 0.1, 0.08, 0.1)), task=task
    )
    assert found.collapsed == {"A": 1, "B": 5}
    assert of(**LEVEL).collapsed == {}  # chance level is not known


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


RATES = (0.1, 0.03, 0.01)


@pytest.mark.parametrize(
    ("scores", "index"),
    [  # of equals, the middle of the range
        ((0.9, 0.8, 0.7), 0), ((0.9, 0.9, 0.7), 1), ((0.7, 0.9, 0.9), 1), ((0.9, 0.7, 0.9), 0),
        ((0.1, math.nan, math.nan), 0), ((math.nan,) * 3, 1),
    ],
)  # fmt: skip
def test_a_seed_chooses_the_highest_score_and_the_middle_among_equals(scores, index):
    assert choose([{"learning_rate": rate} for rate in RATES], scores) == index


def test_the_middle_is_that_of_all_names_but_not_of_a_dampening_that_follows():
    grid = [
        {"learning_rate": rate, "mean_slope": slope, "dampening": rate + slope, "neuron": "LIF"}
        for rate, slope in itertools.product(RATES, (0.05, 0.1, 0.2))
    ]
    assert choose(grid, [0.5] * 9) == 4
    assert choose(grid[1:], [0.5] * 8) == 3

"""The study: its arithmetic by hand, its replays of searches, its summary."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.study import equal, rules, starts, trainings  # noqa: E402
from benchmarks.study.rules import Rule, at  # noqa: E402
from benchmarks.study.trained import NORMALISED, Trained, chosen_elsewhere, over  # noqa: E402
from benchmarks.study.trainings import CANDIDATES, DAMPENINGS, RATES  # noqa: E402

SHAPE = len(CANDIDATES), len(RATES), len(DAMPENINGS) + 2, 3


def problem(**changes):
    """All scores are 50%, unless one is changed."""
    given = {
        "name": "one", "labels": tuple(CANDIDATES), "held_out": False, "wave": 1, "epochs": 1,
        "minutes": 1.0, "chance": 10.0,
        "validation": np.full(SHAPE, 50.0), "test": np.full(SHAPE, 50.0),
        "slopes": np.full((SHAPE[0], SHAPE[2]), 0.2), "finalists": {}, "share": {},
    }  # fmt: skip
    return Trained(**{**given, **changes})


def scores(*entries):
    """Percent of all candidates, with some of (rate, height, seed, value)."""
    found = np.full(SHAPE, 50.0)
    for rate, height, seed, value in entries:
        found[:, RATES.index(rate), height, seed] = value
    return found


def test_intervals_by_hand():
    # Student's t of 2 degrees of freedom, 4.3027, times 1 / sqrt(3).
    assert over([1.0, 2.0, 3.0]) == pytest.approx((2, 2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert np.isnan(over([1.0])[1:]).all()


def test_no_test_score_chooses_itself():
    # Row 0 is best for seed 0 alone, row 1 for all others: seed 0 gets row 1.
    assert chosen_elsewhere(np.array([[9.0, 0, 0], [5, 5, 5]])).tolist() == [5, 5, 5]
    assert chosen_elsewhere(np.array([[9.0, 9, 0], [5, 5, 5]])).tolist() == [5, 5, 0]


GRID = at(RATES, DAMPENINGS)
PER_SEED, ONE, ALL = Rule(GRID), Rule(GRID, "one seed"), Rule(GRID, "all seeds")
CHOICES = {
    "each seed gets what its own validation chooses": (
        PER_SEED,
        [(0.1, 1, 0, 60), (0.03, 2, 1, 60), (0.3, 0, 2, 60)],
        [(0.1, 1, 0, 71), (0.03, 2, 1, 72), (0.3, 0, 2, 73)],
        [71, 72, 73],
    ),
    # Seed 0 chooses a setting at which the others have 20; the others choose the first, at 50.
    "one tuning seed is judged by the others": (
        ONE, [(0.3, 0, 0, 60)], [(0.3, 0, 1, 20), (0.3, 0, 2, 20)], [50, 35, 35],
    ),
    "validation of all seeds chooses one setting": (
        ALL,
        [(0.1, 0, 0, 90), (0.03, 0, 0, 60), (0.03, 0, 1, 80), (0.03, 0, 2, 80)],
        [(0.03, 0, 0, 71), (0.03, 0, 1, 72), (0.03, 0, 2, 73)],
        [71, 72, 73],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "validation", "test", "expected"), CHOICES.values(), ids=CHOICES)
def test_what_a_rule_chooses(rule, validation, test, expected):
    found = rules.scores(rule, problem(validation=scores(*validation), test=scores(*test)))
    assert found.tolist() == [expected] * len(CANDIDATES)


def test_the_search_of_old_lets_the_lowest_losses_go_on():
    # A dampening of 1/8 has the lowest loss at every rate, and its two best rates are 0.1 and 0.3.
    losses = np.ones((len(RATES), len(DAMPENINGS)))
    losses[:, 3] = 0.2, 0.4, 0.5, 0.3
    assert trainings.finalists(losses.ravel()) == [3, 15]
    # Each rate has a vote: 1 has the lowest loss of all, 1/2 is best at three rates of four.
    losses = np.array([[0, 1, 2, 3], [9, 1, 2, 3], [9, 1, 2, 3], [9, 1, 2, 3]])
    assert trainings.finalists(losses.ravel()) == [1, 5]


def test_validation_takes_one_of_those_that_go_on():
    rounds = Rule(GRID, rounds="updates")
    pairs = np.tile([3, 15], (SHAPE[0], 3, 1))
    eighth = [(rate, 3, seed, 70 + seed) for rate in (0.3, 0.03) for seed in range(3)]
    one = problem(
        finalists={"updates": pairs}, share={"updates": 0.25},
        validation=scores(*eighth), test=scores(*eighth[:3]),
    )  # fmt: skip
    assert rules.scores(rounds, one)[0].tolist() == [70, 71, 72]  # 0.03 would give 50
    assert rounds.cost(one) == 0.25 + 2 / 16
    assert np.isnan(rules.lost(rounds, problem()))  # no rounds were trained


def test_what_was_not_trained_is_neither_chosen_nor_judged():
    untrained = [(rate, 5, seed, np.nan) for rate in RATES for seed in range(3)]
    one = problem(test=scores(*untrained, *[(0.03, 1, seed, 80) for seed in range(3)]))
    assert one.highest == 80
    assert rules.lost(Rule(at((0.1,), (1.0,))), one) == 30
    assert np.isnan(rules.lost(rules.RULES["mean slope 0.05: 0.1, 0.03"], one))
    assert over([1.0, np.nan, 3.0]).mean == 2


def test_what_a_rule_costs_and_loses():
    one = problem(test=scores(*[(0.03, 1, seed, 80) for seed in range(3)]))
    assert rules.RULES["mean slope 0.1: 0.1, 0.03, 0.3"].cost(one) == pytest.approx(3 / 16)
    assert rules.lost(Rule(at((0.1,), (1.0,))), one) == 30
    assert rules.lost(Rule(at((0.03,), (1 / 2,))), one) == 0


def test_a_lower_mean_slope_gains_at_the_rates_that_are_asked_for():
    raised = [(rate, NORMALISED, seed, 56) for rate in (0.1, 0.3) for seed in range(3)]
    one = problem(test=scores(*raised))
    assert starts.gain(one, "alpha 2") == 2  # at 0.1, but not at 0.03 and 0.01
    assert starts.gain(one, "alpha 2", starts.AT_03) == 6


def test_settings_are_judged_against_the_best_of_their_rate():
    one = problem(test=scores(*[(0.1, 2, seed, 90) for seed in range(3)]))
    found = starts.losses(one, starts.UP_TO_01)
    np.testing.assert_allclose(found[:, 2], 0)
    np.testing.assert_allclose(found[:, 0], 40 / 3)  # 40 at 0.1, 0 at 0.03 and 0.01


def test_losses_by_mean_slope():
    slopes = np.full((SHAPE[0], SHAPE[2]), 0.04)
    slopes[:, 0] = 0.5
    lower = [
        (rate, height, seed, 90) for rate in RATES for height in range(1, 6) for seed in range(3)
    ]
    one = problem(slopes=slopes, test=scores(*lower))
    found = [effect.mean for effect in starts.by_slope([one], ["alpha 2", "S2NN"])]
    assert [mean for mean in found if not np.isnan(mean)] == [0, 40]
    names = "above 0.2", "at most 0.2", "nearest to 0.1"
    assert [starts.PICKS[name](one) for name in names] == [40, 0, 0]


def test_an_advice_is_judged_against_the_best_of_all():
    best = [(0.1, 0, seed, 90) for seed in range(3)]
    taken = [(0.03, NORMALISED, seed, 80) for seed in range(3)]
    assert starts.advised(problem(test=scores(*best, *taken)), "alpha 8") == 10


def test_twice_the_epochs_are_judged_by_the_same_candidates():
    kept = {"validation": [500] * 48, "test": [500] * 48}
    low = {"validation": [600] * 12, "test": [700] * 12}
    longer = {label: kept | {"lowered": [low]} for label in trainings.LONGER_CANDIDATES}
    once, twice = starts.twice(problem(), longer)
    gains = "a mean slope of 0.1 gains, alpha ∞"
    assert (starts.conclusions(once)[gains], starts.conclusions(twice)[gains]) == (0, 20)


def test_different_labels_are_told_apart_and_equal_ones_are_not():
    steps = np.array([[0.5], [0.9]]) + np.array([0.01, 0.02, 0.03, 0.02, 0.01])
    apart = lambda rng, labels, seeds: steps + 0.01 * rng.random(seeds)
    assert equal.error_rate(apart, 2, 5, 20) == 100
    assert equal.error_rate(lambda rng, labels, seeds: np.full((labels, seeds), 0.5), 2, 5, 20) == 0
    assert equal.power(2, 50, 5) == 100


def test_scores_are_dealt_to_labels():
    scores = equal.dealt([0.1, 0.7])(np.random.default_rng(0), 3, 200)
    assert scores.shape == (3, 200)
    assert set(scores.ravel()) == {0.1, 0.7}


@pytest.mark.parametrize(("gap", "runs"), [(0.0, 10), (0.5, 10)])
def test_a_comparison_that_is_settled_at_once_trains_no_more(gap, runs):
    scores = 0.5 + np.outer([0, gap], np.ones(50)) + 1e-4 * np.random.default_rng(0).random((2, 50))
    found, count = equal.grown(scores)
    assert (found.settled, count, any(found.lower)) == (True, runs, gap > 0)
    assert equal.grown(10 * np.random.default_rng(0).random((2, 50)))[1] == 100


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["digits, convolutional", "cue-recall, recurrent ALIF"])
def test_a_network_fits_its_data(name):
    found = trainings.slopes_before(trainings.problem_of(name))
    assert found["alpha 1/2"] > found["alpha 2"] > found["alpha ∞"] > 0


def test_a_result_is_kept_beside_the_others(tmp_path):
    path = tmp_path / "study.json"
    trainings.keep("problems", "one", {"test": [1, None], "minutes": 2.0}, path)
    trainings.keep("problems", "two", {"test": [2]}, path)
    trainings.keep("problems", "one", {"test": [3, None], "minutes": 0.1}, path)
    assert trainings.SUMMARY.stat().st_size < 100_000
    assert json.loads(path.read_text())["problems"] == {
        "one": {"test": [3, None], "minutes": 2.0}, "two": {"test": [2]}
    }  # fmt: skip

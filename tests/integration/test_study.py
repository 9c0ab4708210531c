"""The surrogate study: its plan, its memory of what was trained, its arithmetic."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.study import equal, joint, picks, plan, regret, tails, variance  # noqa: E402
from benchmarks.study.design import CANDIDATES, grid, grids, report, shorts  # noqa: E402
from benchmarks.study.intervals import bootstrap, over, over_both  # noqa: E402
from benchmarks.study.store import Store  # noqa: E402


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "study.json")


def test_shares_of_variance_by_hand():
    # The mean is 1; row, column and interaction are 1 or -1 everywhere.
    found = variance.shares(np.array([[0.0, 0.0], [0.0, 4.0]]), ("tail", "dampening"))
    assert found == pytest.approx({(n,): 1 / 3 for n in ("tail", "dampening")} | {
        ("tail", "dampening"): 1 / 3
    })  # fmt: skip


def test_shares_of_three_factors_add_up_to_all_of_it():
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    found = variance.grouped(variance.shares(values, ("tail", "dampening", "learning rate")))
    assert sum(found.values()) == pytest.approx(1)


def test_a_number_that_is_all_that_matters_has_no_error():
    number = np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    accuracy = np.array([[90.0, 80.0, 70.0], [90.0, 80.0, 70.0]])
    assert equal.error(number, accuracy) == 0
    assert equal.spread(number, accuracy) == 0


def test_a_gap_between_two_tails_is_their_error_and_their_spread():
    number = np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    accuracy = np.array([[90.0, 80.0, 70.0], [87.0, 77.0, 67.0]])
    assert equal.error(number, accuracy) == pytest.approx(3)
    assert equal.spread(number, accuracy) == pytest.approx(3)


def test_spread_of_tails_with_seeds_in_common():
    seeds = np.array([0.0, 1.0, -1.0, 2.0])
    found = tails.spread(np.stack([80 + seeds, 83 + seeds]))
    assert found.spread == pytest.approx((3, 3, 3))
    assert found.sd == pytest.approx(3 / math.sqrt(2))  # of two numbers 3 apart


def test_spread_that_chance_explains():
    # Residuals of 3/2 and 1/2: their squares add up to 10, on 3 degrees of freedom. The 95%
    # quantile of the studentized range of 2 means is 4.50 there (Tukey's table).
    found = tails.spread(np.array([[0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0]]))
    assert found.spread.value == 0
    assert found.by_chance == pytest.approx(4.50 * math.sqrt(10 / 3 / 4), rel=1e-3)


def test_intervals_by_hand():
    # Student's t of 2 degrees of freedom, 4.3027, times 1 / sqrt(3).
    assert over([1.0, 2.0, 3.0]) == pytest.approx((2, 2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert bootstrap(lambda rows: 5.0, 4) == (5, 5, 5)


def test_an_interval_over_candidates_and_seeds():
    # No spread of either kind, of candidates alone, of seeds alone: with two of them, each mean of
    # a draw lies between the lowest and the highest, which a draw in four and more reaches.
    of = lambda *rows: over_both([np.array(row) for row in rows])
    assert of([2.0, 2.0], [2.0, 2.0, 2.0]) == (2, 2, 2)
    assert of([0.0, 0.0], [4.0, 4.0, 4.0]) == (2, 0, 4)
    assert of([0.0, 4.0]) == (2, 0, 4)


def known(function):
    """Ends of trainings of both lengths for the settings that `compare` searches."""
    settings = picks.combinations(picks.DEFAULT_TUNE)
    place = lambda setting: (setting["dampening"], setting["learning_rate"])
    return {n: {place(s): picks.Ended(*function(*place(s), n)) for s in settings} for n in (2, 20)}


def test_a_replayed_search_goes_by_losses_then_by_scores():
    # In the short round a dampening of 1/8 has the lowest loss at every learning rate, and a
    # learning rate of 0.01 the highest; at full length 0.3 has the best score.
    ends = known(lambda height, rate, epochs: (rate, abs(height - 1 / 8) - rate))
    assert picks.searched(ends) == {"scale": 1.0, "dampening": 0.125, "learning_rate": 0.3}


def test_halving_by_accuracy_keeps_what_is_ahead_at_first():
    # What is slow would end best. Of equal losses the learning rates 0.1 and 0.03 go on, of equal
    # dampenings the first.
    ends = known(lambda height, rate, epochs: (rate if epochs == 2 else -rate, 0.0))
    assert picks.searched(ends, picks.BY_ACCURACY)["learning_rate"] == 0.3
    assert picks.searched(ends)["learning_rate"] == 0.03


def test_a_search_needs_every_training():
    ends = known(lambda *_: (0.5, 0.5))
    del ends[2][1.0, 0.1]
    assert picks.searched(ends) is None


def test_of_settings_that_do_alike_the_nearest_to_the_defaults_wins():
    tried = [
        picks.Trained({"scale": s, "dampening": d, "learning_rate": r}, 0.9, 0.9, 0.9, 0.1)
        for s, d, r in ((1.0, 1.0, 0.1), (1.0, 0.5, 0.1), (2.0, 1.0, 0.3))
    ]
    assert picks.best(tried).setting == picks.AS_IT_IS
    assert picks.best(tried[1:], free=("learning_rate",)) is None


def test_cost_of_the_search_by_hand():
    # 20 settings for 2 epochs, 2 for 20; against 6 x 5 x 3 for 20.
    assert regret.cost() == pytest.approx((40 + 40) / 1800)
    assert regret.cost(20) == pytest.approx((40 + 40) / 400)


def test_what_a_sample_of_a_joint_grid_loses():
    # Losses and scores are best at a dampening of 1/16 and a rate of 0.3. So the search finds them
    # in each sample that has this dampening, and the other training tells the loss of the others.
    ends = known(lambda height, rate, epochs: (rate - height, height - rate / 100))
    test = {place: 80.0 + (place == (1 / 16, 0.3)) for place in ends[20]}
    one = joint.Known(dict.fromkeys(joint.SPREAD, ends), dict.fromkeys(joint.SPREAD, test))
    assert one.is_whole
    samples = [joint.tried(joint.TUNE, seed) for seed in range(joint.SAMPLES)]
    without = [all(s["dampening"] > 1 / 16 for s in sample) for sample in samples]
    assert any(without)
    np.testing.assert_array_equal(joint.losses(one, one), [*without, False])  # last, without one


def test_every_cell_has_a_key_of_its_own():
    planned = [*grids(), *shorts()]
    keys = [cell.key for cell in planned]
    assert len(set(keys)) == len(keys)
    assert {cell.candidate for cell in planned} == set(CANDIDATES)


def test_what_was_trained_outlives_an_interruption(store):
    cell = grid("digits-rows", "alpha 2", epochs=2)
    store.put(cell, {"validation": [0.5], "cpu_seconds": 1.0})
    again = Store(store.path)
    assert again.get(cell)["validation"] == [0.5]
    assert cell.key not in [one.key for one in plan.missing(again)]
    assert again.record["environments"][0]["cores"] >= 1


def test_reports_follow_the_choice_of_the_grid(store):
    cell = grid("digits-rows", "alpha 2")
    shape = [len(v) for _, v in cell.settings if isinstance(v, tuple)]
    validation = np.zeros(shape)
    validation[1, 3] = 0.9  # dampening 1/8, learning rate 0.3
    rest = {name: np.zeros(shape).tolist() for name in ("peak", "test", "firing_rate")}
    store.put(cell, {"validation": validation.tolist()} | rest | {"cpu_seconds": 1.0})
    wanted = report(
        "digits-rows", "alpha 2", {"scale": 1, "dampening": 0.125, "learning_rate": 0.3}
    )
    assert wanted in list(plan.reports(store, "digits-rows"))

"""Intervals, paired differences and the seeds they need, against tables, scipy and simulation."""

import re

import numpy as np
import pytest
from scipy import stats

from braintools_qps._statistics import (
    Unit,
    paired_difference,
    ranking,
    seeds_to_tell,
    sentence,
    summary,
)


def test_the_interval_of_a_mean_is_students():
    # Mean 2, standard deviation 1, 3 seeds; 4.303 is the tabulated quantile for 2 degrees.
    mean, low, high = summary([1, 2, 3])
    assert mean == 2
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), rel=1e-6)


def test_the_paired_interval_is_that_of_scipys_paired_test():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 7))
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    ours = paired_difference(one, other)
    assert ours.mean == pytest.approx((one - other).mean())
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    corrected = stats.ttest_rel(one, other).confidence_interval(1 - 0.05 / 4)
    ours = paired_difference(one, other, comparisons=4)
    assert (ours.low, ours.high) == pytest.approx((corrected.low, corrected.high))


def test_one_seed_has_no_interval_and_tells_nothing():
    assert summary([0.5]) == (0.5, None, None)
    assert summary([0.5]).includes_zero
    assert ranking([[0.1], [0.9]]).tied == (True, True)


def test_an_interval_is_cut_where_no_score_can_be():
    free, cut = summary([1, 0.9, 0.98]), summary([1, 0.9, 0.98], bounds=(0, 1))
    assert free.high > 1
    assert cut == (free.mean, free.low, 1.0)
    assert paired_difference([0, 0.1], [1, 0.8], bounds=(0, 1)).low == -1


def test_a_difference_that_a_seed_shares_is_told_where_the_means_overlap():
    hard_seeds = np.array([0.0, 10, 20, 30, 40])
    scores = [hard_seeds, np.add(hard_seeds, [1, 1.1, 0.9, 1, 1])]
    found = ranking(scores)
    assert summary(scores[0]).high > summary(scores[1]).mean
    assert found.order == (1, 0)
    assert found.tied == (False, True)
    assert found.differences[1] == (0, 0, 0)


def test_a_candidate_that_failed_is_last_and_not_tied():
    found = ranking([[np.nan, 1], [0.2, 0.3], [0.21, 0.28]])
    assert found.order == (1, 2, 0)
    assert found.tied == (False, True, True)
    assert found.differences[2] == paired_difference([0.21, 0.28], [0.2, 0.3])  # one pair is left


@pytest.mark.parametrize(("candidates", "spread"), [(2, 1.0), (4, 3.0), (10, 1.0)])
def test_equal_candidates_are_told_apart_in_at_most_5_of_100_comparisons(candidates, spread):
    """Although the reference is the highest, and some of them vary more than others."""
    rng = np.random.default_rng(1)
    sizes = spread ** np.arange(candidates)[:, None]
    told = 0
    for _ in range(400):
        scores = sizes * rng.standard_normal((candidates, 5)) + 5 * rng.standard_normal(5)
        told += not all(ranking(scores).tied)
    assert told / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_those_that_are_tied_with_the_best_may_be_told_from_each_other():
    steady = np.array([1.0, 1.1, 0.9, 1.0, 1.05])
    scores = [steady + 10 * np.array([1, -0.9, 1, -0.9, 1]), steady, steady - 0.2]
    found = ranking(scores)
    assert found.tied == (True, True, True)
    assert not found.mutual
    assert sentence(["A", "B", "C"], scores).startswith("A is highest, with B and C within noise")


def test_seeds_of_the_digits_by_rows():
    # The paired standard deviation there is 1.53 points: 3, 5 and 10 seeds tell 5.0, 2.6 and 1.5.
    for seeds, difference in ((3, 5.0), (5, 2.6), (10, 1.5)):
        assert (
            seeds_to_tell(1.53, difference + 0.05) <= seeds < seeds_to_tell(1.53, difference - 0.05)
        )
    assert seeds_to_tell(1.5, 1.0) == 20


@pytest.mark.parametrize("comparisons", [1, 9])
def test_power_is_the_share_of_repetitions_that_tell_the_difference(comparisons):
    difference = 1.2
    seeds = seeds_to_tell(1.0, difference, comparisons=comparisons)
    rng, told = np.random.default_rng(2), []
    for count in (seeds - 1, seeds):
        samples = difference + rng.standard_normal((20_000, count))
        told.append(np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05 / comparisons))
    assert told[0] < 0.8 < told[1]


def test_many_seeds_follow_the_normal_approximation():
    assert seeds_to_tell(100, 1) == pytest.approx((100 * (1.959964 + 0.841621)) ** 2, rel=1e-3)


def test_what_cannot_be_answered():
    with pytest.raises(ValueError, match="difference must be > 0, got 0"):
        seeds_to_tell(1.0, 0)
    assert seeds_to_tell(0.0, 1.0) == 2


LEVEL = np.array([[90, 92, 91, 93, 92], [91, 92, 90, 92, 93], [92, 91, 91, 92, 91.5]]) / 100


def test_what_is_level_is_named_in_one_sentence_with_the_seeds_that_would_tell_more():
    text = sentence(["A", "B", "C", "D"], [*LEVEL, LEVEL[0] - 0.5])
    assert text.startswith(
        "A, B and C are within noise of each other; D is 50.0 points lower. About "
    )
    variances = [(one - LEVEL[0]).var(ddof=1) for one in LEVEL[1:]]
    expected = seeds_to_tell(np.mean(variances) ** 0.5, 0.01, comparisons=6)
    assert text.endswith(
        f"About {expected} seeds (--seeds {expected}) would show a true difference of 1 point."
    )


def test_of_many_candidates_some_are_named():
    level, lower = [f"L{n}" for n in range(7)], [f"D{n}" for n in range(6)]
    noise = np.random.default_rng(0).standard_normal((13, 5))
    scores = np.r_[np.full(7, 0.9), np.full(6, 0.2)][:, None] + 0.01 * noise
    text = sentence([*level, *lower], scores)
    assert re.match(r"L\d, L\d, L\d and 4 more are within noise of each other; the other 6 ", text)
    assert re.search(r"the other 6 are \d+\.\d to \d+\.\d points lower", text)


def test_a_difference_that_would_have_shown_needs_no_more_seeds():
    steady = np.array([0.9, 0.91, 0.92, 0.93, 0.94, 0.95])
    text = sentence(["A", "B"], [steady, np.add(steady, [0, 1e-5, -1e-5, 0, 1e-5, -1e-5])])
    assert text.endswith("A difference of 1 point would have shown.")


def test_two_seeds_do_not_say_how_many_it_takes():
    # With one degree of freedom the 95% interval of a standard deviation is from 0.45 to 32 times
    # the estimate, and that of the seeds needed from 0.2 to 1018 times.
    low, high = 1 / np.sqrt(stats.chi2.ppf([0.975, 0.025], 1))
    assert (low**2, high**2) == pytest.approx((0.2, 1018), rel=0.01)
    assert sentence(["A", "B"], [[0.9, 0.8], [0.85, 0.86]]) == (
        "B and A are within noise of each other. Two seeds are too few to say how many are needed."
    )


@pytest.mark.parametrize("seeds", [2, 5])
def test_scores_that_are_the_same_say_so(seeds):
    level = np.linspace(0.5, 0.75, seeds)
    assert sentence(["A", "B"], [level, level]) == (
        "A and B are within noise of each other. Their scores are the same with every seed."
    )


def test_a_difference_that_is_the_same_with_both_of_two_seeds_is_no_certainty():
    level = np.float32([0.5, 0.743])
    behind = level - np.float32(0.1)  # the same but for rounding
    assert np.ptp(level - np.float64(behind)) > 0
    difference = paired_difference(behind, level)
    assert difference == (pytest.approx(-0.1), None, None)
    assert difference.includes_zero
    assert ranking([behind, level, level - [0.3, 0.3001]]).tied == (True, True, False)


def test_two_equal_scores_have_no_interval():
    assert summary([0.7, 0.7]) == (0.7, None, None)
    assert summary([0.7, 0.7, 0.7]) == pytest.approx((0.7, 0.7, 0.7))


def test_sentences_where_all_is_told_or_nothing_can_be():
    unit = Unit()
    assert sentence(["A", "B", "C"], [[1, 2, 3], [11, 12.5, 13], [6, 7, 8]], unit=unit) == (
        "B is best: C is 5.17 lower, A is 10.2 lower."
    )
    assert "A is highest, but one seed cannot tell 2" in sentence(["A", "B"], [[2], [1]])
    assert sentence(["A"], [[1, 2]]) == ""

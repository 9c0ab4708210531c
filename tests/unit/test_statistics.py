"""Intervals, paired differences and the seeds they need, against tables, scipy and simulation."""

import numpy as np
import pytest
from scipy import stats

from braintools_qps._statistics import (
    from_best,
    paired_difference,
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
    assert from_best([[0.1], [0.9]]).indistinguishable == (True, True)


def test_a_difference_that_a_seed_shares_is_told_where_the_means_overlap():
    hard_seeds = np.array([0.0, 10, 20, 30, 40])
    scores = [hard_seeds, np.add(hard_seeds, [1, 1.1, 0.9, 1, 1])]
    found = from_best(scores)
    assert summary(scores[0]).high > summary(scores[1]).mean
    assert found.best == 1
    assert found.indistinguishable == (False, True)
    assert found.differences[1] == (0, 0, 0)


def test_a_candidate_that_failed_is_neither_best_nor_level():
    found = from_best([[np.nan, 1], [0.2, 0.3], [0.21, 0.28]])
    assert found.best == 1
    assert found.indistinguishable == (False, True, True)
    assert found.differences[2] == paired_difference([0.21, 0.28], [0.2, 0.3])  # of two, not three


def test_the_true_best_is_kept_in_95_of_100_comparisons_although_noise_names_the_best():
    rng = np.random.default_rng(1)
    truth = np.array([0.1, 0, 0, 0, 0, 0])
    kept = [
        from_best(truth[:, None] + rng.standard_normal((6, 4))).indistinguishable[0]
        for _ in range(400)
    ]
    assert np.mean(kept) >= 0.95


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


NAMES = ["A", "B", "C", "D"]
LEVEL = np.array([[90, 92, 91, 93, 92], [91, 92, 90, 92, 93], [92, 91, 91, 92, 91.5]])


def test_what_is_level_is_named_in_one_sentence():
    text = sentence(NAMES, [*LEVEL, LEVEL[0] - 50], difference=1, words="1 point")
    assert text.startswith(
        "3 of 4 candidates cannot be told from the highest mean with 5 seeds: A, B and C; to tell"
    )
    best = LEVEL.mean(1).argmax()
    variances = [(one - LEVEL[best]).var(ddof=1) for one in np.delete(LEVEL, best, axis=0)]
    expected = seeds_to_tell(np.mean(variances) ** 0.5, 1, comparisons=3)
    assert text.endswith(f"to tell a difference of 1 point takes about {expected}.")


def test_two_seeds_do_not_say_how_many_it_takes():
    # With one degree of freedom the 95% interval of a standard deviation is from 0.45 to 32 times
    # the estimate, and that of the seeds needed from 0.2 to 1018 times.
    low, high = 1 / np.sqrt(stats.chi2.ppf([0.975, 0.025], 1))
    assert (low**2, high**2) == pytest.approx((0.2, 1018), rel=0.01)
    assert sentence(["A", "B"], [[0.9, 0.8], [0.85, 0.86]]) == (
        "2 of 2 candidates cannot be told from the highest mean with 2 seeds: A and B; two seeds "
        "are too few to say how many it takes."
    )


@pytest.mark.parametrize("seeds", [2, 5])
def test_scores_that_are_the_same_say_so(seeds):
    level = np.linspace(0.5, 0.75, seeds)
    assert sentence(["A", "B"], [level, level]) == (
        f"2 of 2 candidates cannot be told from the highest mean with {seeds} seeds: A and B; "
        "their scores are the same with every seed."
    )


def test_a_difference_that_is_the_same_with_both_of_two_seeds_is_no_certainty():
    level = np.float32([0.5, 0.743])
    behind = level - np.float32(0.1)  # the same but for rounding
    assert np.ptp(level - np.float64(behind)) > 0
    difference = paired_difference(behind, level)
    assert difference == (pytest.approx(-0.1), None, None)
    assert difference.includes_zero
    assert from_best([behind, level, level - [0.3, 0.3001]]).indistinguishable == (
        True,
        True,
        False,
    )
    assert sentence(["A", "B"], [behind, level]) == (
        "2 of 2 candidates cannot be told from the highest mean with 2 seeds: A and B; two seeds "
        "are too few to say how many it takes."
    )


def test_two_equal_scores_have_no_interval():
    assert summary([0.7, 0.7]) == (0.7, None, None)
    assert summary([0.7, 0.7, 0.7]) == pytest.approx((0.7, 0.7, 0.7))


def test_sentences_where_all_is_told_or_nothing_can_be():
    assert sentence(["A", "B"], [[1, 2, 3], [11, 12.5, 13]]) == (
        "B can be told from all others with 3 seeds."
    )
    assert "With one seed none of the 2" in sentence(["A", "B"], [[1], [2]])
    assert sentence(["A"], [[1, 2]]) == ""

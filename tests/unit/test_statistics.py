"""Means, paired differences and chance level: against scipy, algebra and simulation."""

import numpy as np
import pytest
from scipy import stats

from braintools_qps._statistics import at_chance, paired, summary

NOISE = np.array([0.0, 0.01, -0.01, 0.02, -0.02])


def test_two_equal_values_tell_no_spread():
    """The rest of `summary` is in its examples."""
    assert summary([0.7, 0.7]) == (0.7, None, None)
    assert summary([0.7] * 3) == pytest.approx((0.7, 0.7, 0.7))


def test_two_candidates_have_the_interval_of_scipys_paired_test():
    one, other = np.random.default_rng(0).standard_normal((2, 7))
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    pairs = paired([one, other])
    mean, half = pairs.mean[0, 1], pairs.half[0, 1]
    assert (mean - half, mean + half) == pytest.approx((expected.low, expected.high))


def test_three_candidates_have_tukeys_interval_of_paired_differences():
    scores = np.random.default_rng(1).standard_normal((3, 9))
    wide = stats.studentized_range.ppf(0.95, 3, 1.5 * 8) / 2**0.5
    each = {(i, j): np.var(scores[i] - scores[j], ddof=1) for i in range(3) for j in range(i)}
    usual = np.mean(list(each.values()))  # below three times the lower quartile
    half = paired(scores).half
    for pair, variance in each.items():
        known = max(variance, (variance + usual) / 2)
        assert half[pair] == half[pair[::-1]] == pytest.approx(wide * (known / 9) ** 0.5)


def test_one_noisy_candidate_widens_the_others_by_little():
    calm = np.random.default_rng(2).standard_normal((4, 9))
    noisy = np.array([*calm, 100 * np.random.default_rng(3).standard_normal(9)])
    assert paired(noisy).half[0, 1] < 3 * paired(calm).half[0, 1]


STEADY = np.array([1.0, 1.1, 0.9, 1.0, 1.05])
CASES = {
    "below one that is not the highest": (
        [2 + 100 * NOISE[::-1], STEADY, STEADY + NOISE / 9, STEADY - 0.2 - NOISE / 9],
        [False, False, False, True],
    ),
    "a difference that every seed shares": (
        [10 * NOISE, 10 * NOISE + 0.05 + NOISE / 9],
        [True, False],
    ),
    "copies": ([STEADY] * 3, [False] * 3),
    "equal but for rounding": ([STEADY, STEADY + 1e-9], [False, False]),
    "stuck at chance with every seed": ([np.full(5, 0.1), 0.9 + NOISE], [True, False]),
}


@pytest.mark.parametrize(("scores", "lower"), CASES.values(), ids=CASES)
def test_who_is_lower(scores, lower):
    assert paired(scores).lower.any(axis=1).tolist() == lower


@pytest.mark.parametrize("candidates", [2, 3, 9])
@pytest.mark.parametrize("spread", [1.0, 1.3])
def test_equal_candidates_are_told_apart_in_at_most_5_of_100_comparisons(candidates, spread):
    rng, sizes = np.random.default_rng(1), spread ** np.arange(candidates)[:, None]
    shared = lambda: 5 * rng.standard_normal(5)
    told = [
        paired(sizes * rng.standard_normal((candidates, 5)) + shared()).lower.any()
        for _ in range(1000)
    ]
    assert np.mean(told) <= 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5


@pytest.mark.parametrize(
    ("scores", "noise", "expected"),
    [
        ([[0.9, 0.9, 0.12], [0.8, 0.7, 0.6]], 0.05, [1, 0]),
        ([[0.9, 0.9, 0.9], [0.11, 0.09, 0.1]], 0.05, [0, 3]),
        ([[0.12, 0.1, 0.09], [0.11, 0.09, 0.1]], 0.05, [3, 3]),  # not even the best one learned
        ([[0.5, 0.6, 0.55], [0.12, 0.2, 0.4]], 0.5, [0, 2]),  # much noise: at most half the way
    ],
)
def test_runs_at_chance_level(scores, noise, expected):
    assert at_chance(scores, 0.1, noise) == expected

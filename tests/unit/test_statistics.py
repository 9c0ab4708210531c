"""Who is told apart, who is equal, how many seeds it takes: against scipy, algebra, simulation."""

import numpy as np
import pytest
from helpers import thorough
from scipy import stats

from braintools_qps._statistics import (
    differences,
    looks_at,
    more_seeds,
    near_guessing,
    next_look,
    paired,
    seeds_needed,
    standing,
    summary,
)

NOISE = np.array([0.0, 0.01, -0.01, 0.02, -0.02])


def one_look(scores, margin=None):
    return standing(scores, looks_at([max(map(len, scores))]), margin=margin)


def test_two_equal_values_tell_no_spread():
    """The rest of `summary` is in its examples."""
    assert summary([0.7, 0.7]) == (0.7, None, None)
    assert summary([0.7] * 3) == pytest.approx((0.7, 0.7, 0.7))


def test_two_candidates_have_the_interval_of_scipys_paired_test():
    one, other = np.random.default_rng(0).standard_normal((2, 7))
    for share in (1.0, 0.3):
        expected = stats.ttest_rel(one, other).confidence_interval(1 - 0.05 * share)
        pairs = paired([one, other])
        mean, half = pairs.mean[0, 1], pairs.half(share)[0, 1]
        assert (mean - half, mean + half) == pytest.approx((expected.low, expected.high))


def test_three_candidates_have_tukeys_interval_of_paired_differences():
    scores = np.random.default_rng(1).standard_normal((3, 9))
    wide = stats.studentized_range.ppf(0.95, 3, 1.5 * 8) / 2**0.5
    each = {(i, j): np.var(scores[i] - scores[j], ddof=1) for i in range(3) for j in range(i)}
    usual = np.mean(list(each.values()))  # below three times the lower quartile
    half = paired(scores).half()
    for pair, variance in each.items():
        known = max(variance, (variance + usual) / 2)
        assert half[pair] == half[pair[::-1]] == pytest.approx(wide * (known / 9) ** 0.5)


def test_one_noisy_candidate_widens_the_others_by_little():
    calm = np.random.default_rng(2).standard_normal((4, 9))
    noisy = np.array([*calm, 100 * np.random.default_rng(3).standard_normal(9)])
    assert paired(noisy).half()[0, 1] < 3 * paired(calm).half()[0, 1]


STEADY = np.array([1.0, 1.1, 0.9, 1.0, 1.05])
CASES = {
    "below one that is not the highest": (
        [2 + 100 * NOISE[::-1], STEADY, STEADY + NOISE / 9, STEADY - 0.2 - NOISE / 9],
        (False, False, False, True),
    ),
    "a difference that every seed shares": (
        [10 * NOISE, 10 * NOISE + 0.05 + NOISE / 9],
        (True, False),
    ),
    "copies": ([STEADY] * 3, (False,) * 3),
    "equal but for rounding": ([STEADY, STEADY + 1e-9], (False, False)),
    "failed": ([np.full(5, np.nan), STEADY, STEADY + NOISE], (True, False, False)),
    "four seeds tell nothing": ([STEADY[:4], STEADY[:4] - 9 + NOISE[:4]], (False, False)),
    "stuck at chance with every seed": ([np.full(5, 0.1), 0.9 + NOISE], (True, False)),
}


@pytest.mark.parametrize(("scores", "lower"), CASES.values(), ids=CASES)
def test_who_is_lower(scores, lower):
    assert one_look(scores).lower == lower


@pytest.mark.parametrize("candidates", [2, 5])
@pytest.mark.parametrize("spread", [1.0, 1.5])
def test_equal_candidates_are_told_apart_in_at_most_5_of_100_comparisons(candidates, spread):
    rng, sizes = np.random.default_rng(1), spread ** np.arange(candidates)[:, None]
    shared = lambda: 5 * rng.standard_normal(5)
    told = [
        any(one_look(sizes * rng.standard_normal((candidates, 5)) + shared()).lower)
        for _ in range(400)
    ]
    assert np.mean(told) <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_equal_within_the_margin_is_what_two_one_sided_tests_say():
    for scale in (0.9, 1.1):  # around the margin at which the tests of scipy turn
        scores = [STEADY, STEADY + NOISE]
        low, high = (
            stats.ttest_rel(*order, alternative="greater").confidence_interval(0.975).low
            for order in (scores, scores[::-1])
        )
        margin = scale * max(-low, -high)
        assert one_look(scores, margin).settled is (scale > 1)
    assert not one_look(scores).settled  # without a margin nothing is equal


def grow(scores, most=40, margin=1.0):
    """Give every open row its seeds at each look; the number of seeds of each, and the end."""
    seeds, numbers = [5] * len(scores), [5]
    while True:
        looks = looks_at(numbers)
        found = standing([r[:n] for r, n in zip(scores, seeds)], looks, margin=margin)
        if found.settled or numbers[-1] == most:
            return seeds, found
        numbers.append(next_look(numbers[-1], most))
        seeds = [numbers[-1] if row in found.open else n for row, n in enumerate(seeds)]


def test_growing_stops_what_is_known_and_gives_the_rest_more_seeds():
    rng = np.random.default_rng(4)
    means = np.array([0, 0.1, -30, np.nan])[:, None]
    seeds, found = grow(means + rng.standard_normal((4, 40)), margin=2.0)
    assert found.settled
    assert not found.open
    assert found.lower == (False, False, True, True)
    assert seeds[0] == seeds[1] > 5 == seeds[2] == seeds[3]
    assert found.below[2][0] in (0, 1)
    assert found.below[2].difference == pytest.approx(-30, abs=2)
    assert found.below[2].seeds == 5
    assert 3 not in found.below  # it failed


def test_a_look_gets_what_those_before_have_left():
    spent = lambda numbers: [look.spent for look in looks_at(numbers)]
    # Of n / (n + 5); to look at fewer again costs nothing.
    assert spent([5, 10, 20, 10, 7]) == pytest.approx([1 / 2, 1 / 6, 2 / 15])
    assert spent([4]) == []
    assert sum(spent(range(5, 500))) < 1


def test_a_look_spends_its_part_of_the_error():
    calm, noise = np.random.default_rng(5).standard_normal((2, 10))
    for gap in np.linspace(-4, 4, 80):
        scores = calm, calm + noise + gap
        told = [stats.ttest_rel(*(x[:n] for x in scores)).pvalue for n in (5, 10)]
        lower = any(standing(scores, looks_at([5, 10]), margin=None).lower)
        assert lower == (told[0] < 0.05 / 2 or told[1] < 0.05 / 6)


@pytest.mark.parametrize(
    ("seeds", "most", "after"), [(5, 40, 10), (20, 50, 50), (5, 14, 14), (5, 15, 10)]
)
def test_the_next_look_is_at_twice_as_many_seeds_or_at_all(seeds, most, after):
    assert next_look(seeds, most) == after


def test_all_looks_together_keep_both_errors():
    rng, draws, most = np.random.default_rng(7), 300, 5 / 100 + 3 * (0.05 * 0.95 / 300) ** 0.5
    lower = [any(grow(rng.standard_normal((3, 40)))[1].lower) for _ in range(draws)]
    assert np.mean(lower) <= most
    apart = np.array([[0.0], [1.0]])  # by exactly the margin
    ends = [grow(apart + rng.standard_normal((2, 40)))[1] for _ in range(draws)]
    assert np.mean([found.settled and not any(found.lower) for found in ends]) <= most


def test_differences_are_from_the_best_with_the_seeds_that_both_have():
    scores = [STEADY, STEADY - 0.2 + NOISE, [np.nan], [*STEADY - 0.1 + NOISE, 7.0, 7.0, 7.0]]
    found = differences(scores, 0, looks_at([5]))
    assert found[0] == (0, None, None)
    assert np.isnan(found[2].mean)
    assert found[3].mean == pytest.approx(-0.1)
    sound = [0, 1, 3]
    half = paired([np.array(scores[n][:5]) for n in sound]).half(1 / 2)[1, 0]
    assert found[1] == pytest.approx((-0.2, -0.2 - half, -0.2 + half))
    assert differences([[1.0, 2.0], [2.0, 3.5]], 1, looks_at([2]))[0] == (-1.25, None, None)


@pytest.mark.parametrize(("candidates", "spread"), [(2, 0.7), thorough(3, 0.5)])
def test_the_seeds_that_are_proposed_settle_the_verdict_in_4_of_5_comparisons(candidates, spread):
    """Where candidates differ by about the margin: neither all equal, nor far apart."""
    rng, settled = np.random.default_rng(8), []
    for _ in range(120):
        scores = rng.normal(rng.normal(size=(candidates, 1)), spread, (candidates, 160))
        looks, first = looks_at([5]), scores[:, :5]
        still = list(standing(first, looks, margin=1.0).open)
        needed = seeds_needed(first[still], looks, margin=1.0) if still else None
        if needed:
            numbers = [5]
            while numbers[-1] < needed:
                numbers.append(next_look(numbers[-1], needed))
            settled.append(standing(scores, looks_at(numbers), margin=1.0).settled)
    assert len(settled) > 50
    assert 0.75 < np.mean(settled) < 0.99  # numbers double, so it may be more than 80%


def test_seeds_needed_without_noise_and_with_much():
    noise = np.resize(NOISE, 10)
    scores = lambda size: [size * noise, size * np.roll(noise, 1)]
    assert seeds_needed(scores(0.1), looks_at([10]), margin=1.0) == 20
    assert seeds_needed(scores(100), looks_at([10]), margin=1.0) is None


@pytest.mark.parametrize(
    ("scores", "noise", "expected"),
    [
        ([[0.9, 0.9, 0.12], [0.8, 0.7, 0.6]], 0.05, [1, 0]),
        ([[0.9, 0.9, 0.9], [0.11, 0.09, 0.1]], 0.05, [0, 3]),
        ([[0.12, 0.1, 0.09], [0.11, 0.09, 0.1]], 0.05, [3, 3]),  # not even the best one learned
        ([[0.5, 0.6, 0.55], [0.12, 0.2, 0.4]], 0.5, [0, 2]),  # much noise: at most half the way
    ],
)
def test_runs_that_score_like_guessing(scores, noise, expected):
    assert near_guessing(scores, 0.1, noise) == expected


def test_more_seeds_come_after_the_largest():
    assert more_seeds((6, 1, 4), 5) == (6, 1, 4, 7, 8)
    assert more_seeds((2, 0), 2) == (2, 0)


def test_the_spread_is_that_of_a_paired_difference():
    noise = np.array([1.0, 4.0, 2.0, 8.0])
    differences = np.array([2.0, 3.0, 4.0, 5.0])
    assert paired([noise + differences, noise]).spread == pytest.approx(differences.std(ddof=1))

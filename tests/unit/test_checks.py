"""Seeds, counts and positive numbers."""

import re

import numpy as np
import pytest

from braintools_qps._checks import check_positive, checked_count, checked_seeds


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [(np.int64(1), (0,)), (np.arange(2), (0, 1)), ([5, 2**32 - 1], (5, 2**32 - 1))],
)
def test_a_number_of_seeds_or_a_list_of_them(seeds, expected):
    assert checked_seeds(seeds) == expected
    assert all(type(seed) is int for seed in checked_seeds(seeds))


@pytest.mark.parametrize(
    ("seeds", "error", "message"),
    [
        (0, ValueError, "seeds must be 1 or more, got 0"),
        ([], ValueError, "a list of different integers, at most 1,000,000"),
        ([1, 1], ValueError, r"different integers, .*, got \[1, 1\]"),
        ([2**32], ValueError, r"each of the seeds must be less than 2\*\*32"),
        ([-1], ValueError, "each of the seeds must be 0 or more, got -1"),
        ([1.7], TypeError, "each of the seeds must be an integer, got 1.7 of type float"),
        (True, TypeError, "seeds must be an integer, got True of type bool"),
        (2**31, ValueError, "at most 1,000,000, got 2147483648.*pass a list"),
        (range(10**11), ValueError, r"at most 1,000,000, got range\(0, 100000000000\). For ex"),
        ([1] * 999, ValueError, r"got \[1(, 1){18},\.\.\.\. For example seeds=5"),
        (["9" * 999], TypeError, r"an integer, got '9{56}\.\.\. of type str"),
    ],
)
def test_seeds_that_are_refused(seeds, error, message):
    with pytest.raises(error, match=message):
        checked_seeds(seeds)


@pytest.mark.parametrize(
    ("value", "least", "message"),
    [
        (0, 1, "epochs must be 1 or more, got 0. For example 1"),
        (-1, 0, "epochs must be 0 or more, got -1. For example 1"),
        (3, 5, "epochs must be 5 or more, got 3. For example 5"),
        (2**32, 2, "epochs must be less than 2**32, got 4294967296. For example 2"),
    ],
)
def test_counts_have_a_range(value, least, message):
    assert checked_count("epochs", np.int32(least), least) == least
    assert checked_count("epochs", 2**32 - 1, least) == 2**32 - 1
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checked_count("epochs", value, least)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (True, TypeError), ("1", TypeError), (None, TypeError), ([1.0], TypeError),
        (0, ValueError), (-1.0, ValueError), (np.inf, ValueError), (np.float32("nan"), ValueError),
        (10**400, ValueError), (1e39, ValueError), (1e-50, ValueError),
    ],
)  # fmt: skip
def test_only_finite_numbers_above_0_are_positive(value, error):
    for fine in (1, 0.5, np.float32(1e-30), np.int64(3)):
        check_positive("margin", fine)
    check_positive("margin", None, none=True)
    with pytest.raises(error, match="^margin must be .*For example 0.1"):
        check_positive("margin", value)

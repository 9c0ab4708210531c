"""Integers: seeds and counts."""

import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._checks import checked_count, checked_seeds


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (np.int64(1), (0,)),
        (jnp.array(2), (0, 1)),
        ([5, 3], (5, 3)),
        (np.arange(2), (0, 1)),
        ([2**32 - 1], (2**32 - 1,)),
    ],
)
def test_a_number_of_seeds_or_a_list_of_them(seeds, expected):
    assert checked_seeds(seeds) == expected
    assert all(type(seed) is int for seed in checked_seeds(seeds))


@pytest.mark.parametrize(
    ("seeds", "error", "message"),
    [
        (0, ValueError, "seeds must be 1 or more, got 0"),
        ([], ValueError, "a list of different integers"),
        ([1, 1], ValueError, r"different integers, got \[1, 1\]"),
        ([2**32], ValueError, r"each of the seeds must be less than 2\*\*32"),
        ([-1], ValueError, "each of the seeds must be 0 or more, got -1"),
        ([1.7], TypeError, "each of the seeds must be an integer, got 1.7 of type float"),
        (True, TypeError, "seeds must be an integer, got True of type bool"),
        (2.0, TypeError, "seeds must be an integer, got 2.0"),
        (2**31, ValueError, "at most 1,000,000, got 2147483648.*pass a list"),
        ("3", TypeError, "an integer, got '3' of type str"),
    ],
)
def test_seeds_that_are_refused(seeds, error, message):
    with pytest.raises(error, match=message):
        checked_seeds(seeds)


def test_a_count_below_its_least_is_refused():
    assert checked_count("epochs", np.int32(3)) == 3
    with pytest.raises(ValueError, match="epochs must be 1 or more, got 0"):
        checked_count("epochs", 0)

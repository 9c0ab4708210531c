"""Runs dealt out to places and cores: every run is computed once and comes back in its place."""

import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison.runs import Shares


@pytest.mark.parametrize("at_once", [[1], [3], [64], [2, 1]])
@pytest.mark.parametrize("runs", [1, 2, 7, 12])
def test_results_do_not_depend_on_where_they_are_computed(runs, at_once):
    shares = Shares(runs, [3, 2][: len(at_once)])
    x = {"a": jnp.arange(runs, dtype=jnp.float32), "b": jnp.arange(2.0 * runs).reshape(runs, 2)}
    dealt, seen = shares.deal(x), []

    def run(place, x, y):
        seen.append(place)
        return x["a"] + y["b"].sum(-1), x["b"]

    total, same = shares.gather(shares.call(run, at_once, dealt, dealt))
    # The sum of 2n and 2n + 1, and n.
    np.testing.assert_array_equal(total, 5 * np.arange(runs) + 1)
    np.testing.assert_array_equal(same, x["b"])
    assert sorted(seen) == sorted(shares.places)


def test_shares_are_as_wide_as_their_places_whatever_the_number_of_runs():
    rows = lambda *arguments: [row.tolist() for row in Shares(*arguments).rows]
    assert rows(7, [4]) == [[0, 1, 2, 3], [4, 5, 6, 6]]
    assert rows(2, [3]) == [[0, 1, 1]]
    assert rows(8, [4, 1]) == [[0, 1, 2, 3], [4], [5, 6, 7, 7]]
    assert Shares(8, [4, 1]).places == [0, 1, 0]
    assert len(rows(64, [3])) == 22


def test_one_that_fails_ends_those_that_wait():
    seen = []

    def fail(place, number):
        seen.append(number)
        raise ValueError("of one share")

    with pytest.raises(ValueError, match="of one share"):
        Shares(100, [1]).call(fail, [1], list(range(100)))
    assert len(seen) < 100

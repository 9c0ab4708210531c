"""Runs dealt out to cores: every run is computed once and comes back in its place."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison.runs import Shares, in_threads, usual_width


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
@pytest.mark.parametrize("runs", [1, 2, 7, 12])
def test_results_do_not_depend_on_the_number_of_cores(runs, cores, monkeypatch):
    monkeypatch.setattr("braintools_qps._comparison.runs.cores", lambda: cores)
    shares = Shares(runs)
    x = {"a": jnp.arange(runs, dtype=jnp.float32), "b": jnp.arange(2.0 * runs).reshape(runs, 2)}
    dealt = shares.deal(x)
    run = lambda x, y: (x["a"] + y["b"].sum(-1), x["b"])
    total, same = shares.gather(in_threads(run, dealt, dealt))
    # The sum of 2n and 2n + 1, and n.
    np.testing.assert_array_equal(total, 5 * np.arange(runs) + 1)
    np.testing.assert_array_equal(same, x["b"])


def test_shares_have_one_width_whatever_the_number_of_runs():
    if jax.default_backend() == "cpu":
        assert [usual_width(runs) for runs in (1, 2, 3, 64)] == [1, 2, 3, 3]
    else:
        assert usual_width(64) == 64
    assert Shares(64, 3).rows.shape == (22, 3)
    assert Shares(7, 4).rows.tolist() == [[0, 1, 2, 3], [4, 5, 6, 6]]
    assert Shares(2, 3).rows.tolist() == [[0, 1, 1]]

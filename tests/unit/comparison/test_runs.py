"""Runs dealt out to cores: every run is computed once and comes back in its place."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison.runs import Shares


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
@pytest.mark.parametrize("runs", [1, 2, 7, 12])
def test_results_do_not_depend_on_the_number_of_cores(runs, cores, monkeypatch):
    monkeypatch.setattr("braintools_qps._comparison.runs._cores", lambda: cores)
    shares = Shares(runs)
    x = {"a": jnp.arange(runs, dtype=jnp.float32), "b": jnp.arange(2.0 * runs).reshape(runs, 2)}
    dealt = shares.deal(x)
    run = shares.compile(lambda x, y: (x["a"] + y["b"].sum(), x["b"]), dealt, dealt)
    total, same = shares.gather(run(dealt, dealt))
    # The sum of 2n and 2n + 1, and n.
    np.testing.assert_array_equal(total, 5 * np.arange(runs) + 1)
    np.testing.assert_array_equal(same, x["b"])
    assert len(dealt) <= min(cores, runs)


def test_each_core_gets_a_share(monkeypatch):
    monkeypatch.setattr("braintools_qps._comparison.runs._cores", lambda: 2)
    if jax.default_backend() == "cpu":
        assert Shares(64).rows.shape == (2, 32)
        assert Shares(64).at_once == 4
        assert Shares(7).rows.tolist() == [[0, 1, 2, 3], [4, 5, 6, 6]]
    else:
        assert Shares(64).rows.shape == (1, 64)

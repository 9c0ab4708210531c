"""States of runs on disk, to go on from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison.resumable import Checkpoint
from braintools_qps._comparison.trainer import Halfway
from braintools_qps._comparison.training import Curves

CURVES = Curves(*np.ones((3, 2, 4)))


def state(shape=(4, 8), **more):
    return {"a": jnp.arange(32.0).reshape(shape), "key": jax.random.key(3)} | more


def halfway():
    """Of two runs."""
    numbers = np.stack([np.asarray(jax.random.key_data(state()["key"]))] * 2)
    return Halfway({"a": np.stack([np.asarray(state()["a"])] * 2), "key": numbers}, CURVES)


@pytest.fixture
def checkpoint(tmp_path):
    made = Checkpoint(tmp_path)
    made.save("key", state, halfway)
    return made


def test_states_come_back(checkpoint):
    found = checkpoint.load("key", state)
    np.testing.assert_array_equal(found.states["a"], halfway().states["a"])
    assert (found.states["key"] == state()["key"]).all()
    np.testing.assert_array_equal(found.curves, CURVES)
    assert checkpoint.load("another", state) is None


@pytest.mark.parametrize(
    "other",
    [
        lambda: state(more=jnp.zeros(3)),
        lambda: state((8, 4)),
        lambda: state(key=jnp.zeros(2)),
        lambda: {"a": state()["a"]},
    ],
    ids=["more", "another shape", "another type", "less"],
)
def test_states_of_a_model_that_has_changed_are_as_none(checkpoint, other):
    assert checkpoint.load("key", other) is None

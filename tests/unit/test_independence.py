"""Tests do not depend on each other: tests/conftest.py restores what they set."""

import brainstate
import pytest
from braintools.surrogate import Sigmoid

from braintools_qps import list_surrogates, register_surrogate

DRAWN = []


@pytest.mark.parametrize("run", ["first", "second"])
def test_a_test_finds_nothing_that_the_one_before_has_set(run):
    assert "dt" not in brainstate.environ.all()
    assert brainstate.environ.get_precision() == 32
    assert "Mine" not in list_surrogates()
    DRAWN.append(float(brainstate.random.rand()))
    assert DRAWN[0] == DRAWN[-1]
    register_surrogate(Sigmoid, name="Mine")
    brainstate.environ.set(dt=1.0, precision=16)

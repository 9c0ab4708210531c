"""The adaptive surrogates of the benchmarks: their derivatives by hand and by differences."""

from __future__ import annotations

import sys
from pathlib import Path

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.adaptive import Asymmetric, LearntWidth, SpreadWidth  # noqa: E402

X = np.linspace(-1.75, 1.95, 37) + 0.021  # no kink within a step of it
STEP = 1e-3


def difference(function, x):
    """A central difference, element by element, of what keeps the spread of x."""
    return (function(x + STEP) - function(x - STEP)) / (2 * STEP)


def learnt(log_width):
    return LearntWidth(QPseudoSpike(alpha=8.0), brainstate.ParamState(jnp.asarray(log_width)))


@pytest.mark.parametrize(
    "surrogate", [Asymmetric(), Asymmetric(0.7, 0.6), SpreadWidth(), learnt(1)]
)
def test_the_derivative_of_the_integral_is_the_gradient(surrogate):
    x = jnp.asarray(X, jnp.float32)
    found = np.asarray(surrogate.surrogate_grad(x))
    expected = difference(surrogate.surrogate_fun, x)
    assert found == pytest.approx(np.asarray(expected), abs=2e-3)
    assert np.ptp(found) > 0.1


def test_widths_follow_the_spread_of_the_membranes():
    """The deviation of -1, 1 is 1, so that κ is 2: 1/2 within 1 of the threshold, exclusively."""
    x = jnp.array([[-1.0, 1.0], [-1.0, 1.0]])
    assert SpreadWidth().surrogate_grad(x).tolist() == [[0, 0], [0, 0]]
    near = jnp.array([-0.6, 0.0, 0.6, -3.0, 3.0])
    kappa = 2 * np.std([-0.6, 0, 0.6, -3, 3])
    assert SpreadWidth().surrogate_grad(near) == pytest.approx([1 / kappa] * 3 + [0, 0])
    assert SpreadWidth().surrogate_grad(10 * near)[0] == pytest.approx(0.1 / kappa)
    assert jnp.isfinite(SpreadWidth().surrogate_grad(jnp.zeros(3))).all()


def test_a_width_is_trained_by_the_derivative_of_the_integral():
    """By log w it is -(x/w) g'(x/w), as for a smooth function; the spike stays the step."""
    x, log_width = jnp.asarray(X, jnp.float32), 0.3
    spikes = lambda log_width: learnt(log_width)(x).sum()
    smooth = lambda log_width: float(learnt(log_width).surrogate_fun(x).sum())
    expected = (smooth(log_width + STEP) - smooth(log_width - STEP)) / (2 * STEP)
    assert jax.grad(spikes)(log_width) == pytest.approx(expected, rel=0.01)
    assert spikes(log_width) == (X >= 0).sum()

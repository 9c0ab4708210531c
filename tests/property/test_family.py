"""What holds for every member of the family, whatever x, alpha, scale and dampening are."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from braintools_qps import QPseudoSpike

alphas = st.one_of(st.sampled_from([0.5, 1.0, 2.0, 16.0, np.inf]), st.floats(1e-3, 1e3))
factors = st.floats(1e-2, 1e2)
distances = st.lists(st.floats(-1e6, 1e6, width=32), min_size=10, max_size=10)  # compiled once
surrogates = st.builds(
    QPseudoSpike, alphas, scale=st.none() | factors, dampening=st.just(1.0) | factors
)
checked = settings(deadline=None, max_examples=25)


@checked
@given(surrogates, distances)
def test_the_gradient_is_even_positive_and_highest_at_zero(surrogate, xs):
    x = jnp.float32(xs)
    gradient = np.asarray(surrogate.surrogate_grad(x))
    np.testing.assert_array_equal(gradient, surrogate.surrogate_grad(-x))
    peak = float(surrogate.surrogate_grad(jnp.float32(0)))
    np.testing.assert_allclose(peak, surrogate.dampening / (surrogate.scale or 1.0), rtol=3e-7)
    assert np.all((gradient >= 0) & (gradient <= peak * (1 + 1e-6)))


@checked
@given(surrogates, distances)
def test_the_gradient_falls_with_distance(surrogate, xs):
    x = np.sort(np.abs(np.float32(xs)))
    gradient = np.asarray(surrogate.surrogate_grad(x), np.float64)
    assert np.all(np.diff(gradient) <= 1e-5 * gradient[:-1])


@checked
@given(surrogates, distances)
def test_the_original_function_rises_and_is_odd_about_one_half(surrogate, xs):
    x = np.sort(np.float32(xs))
    right = np.asarray(surrogate.surrogate_fun(x), np.float64)
    left = np.asarray(surrogate.surrogate_fun(-x), np.float64)
    assert np.all(np.diff(right) >= -1e-6 * np.maximum(1, np.abs(right[1:])))
    np.testing.assert_allclose(right + left, 1, atol=1e-6 * max(1, np.abs(right).max()))

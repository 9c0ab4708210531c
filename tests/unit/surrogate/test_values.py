"""What comes out for every kind of x: spikes, dtypes, NaN and infinity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import FLOAT16, assert_close

from braintools_qps import QPseudoSpike, q_pseudo_spike

FLOATS = [FLOAT16, "bfloat16", "float32"]
ALPHAS = [0.01, 0.5, 1.0, 1.7, 2.0, 16.0, 100.0, float("inf")]


@pytest.mark.parametrize("dtype", FLOATS)
def test_spikes_from_zero_on_in_the_dtype_of_x(dtype):
    tiny = float(jnp.finfo(dtype).tiny)
    x = jnp.array([-1.0, -tiny, -0.0, 0.0, tiny, 1.0], dtype)
    spikes = q_pseudo_spike(x)
    assert spikes.dtype == dtype
    np.testing.assert_array_equal(np.asarray(spikes, float), [0, 0, 1, 1, 1, 1])


def test_float64_is_kept():
    with jax.enable_x64(True):
        assert q_pseudo_spike(jnp.ones(2, jnp.float64)).dtype == jnp.float64
        assert q_pseudo_spike(np.arange(3)).dtype == jnp.float64


@pytest.mark.parametrize("x", [3, True, [0, -1], np.arange(3), np.array([True, False])])
def test_integers_and_booleans_become_floats(x):
    spikes = q_pseudo_spike(x)
    assert spikes.dtype == jnp.float32
    np.testing.assert_array_equal(spikes, (np.asarray(x) >= 0).astype(float))


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_shape_is_kept(shape):
    x = jnp.zeros(shape)
    for method in (QPseudoSpike(), QPseudoSpike().surrogate_grad, QPseudoSpike().surrogate_fun):
        assert method(x).shape == shape


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("residual_dtype", [None, "bfloat16", FLOAT16, "uint8"])
def test_nan_is_passed_on_and_infinity_has_no_gradient(alpha, dtype, residual_dtype):
    x = jnp.array([jnp.nan, jnp.inf, -jnp.inf], dtype)
    surrogate = QPseudoSpike(alpha, residual_dtype=residual_dtype)
    spikes, pullback = jax.vjp(surrogate, x)
    assert_close(spikes, [np.nan, 1.0, 0.0])
    assert_close(pullback(jnp.ones_like(x))[0], [np.nan, 0.0, 0.0])


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("traced", [False, True])
def test_second_order_at_the_edges(alpha, traced):
    """At 0 the two one-sided slopes of the gradient average to 0; at infinity it is flat."""
    alpha = jnp.float32(alpha) if traced else alpha
    x = jnp.array([0.0, jnp.inf, -jnp.inf, jnp.nan])
    by_x = jax.vmap(jax.grad(jax.grad(lambda x: q_pseudo_spike(x, alpha))))(x)
    assert_close(by_x, [0.0, 0.0, 0.0, np.nan])


def test_derivative_by_alpha_at_the_edges():
    x = jnp.array([0.0, jnp.inf, -jnp.inf])
    for alpha in (0.5, 2.0, float("inf")):
        slope = jax.jacfwd(lambda alpha: QPseudoSpike(alpha).surrogate_grad(x))(alpha)
        assert_close(slope, [0.0, 0.0, 0.0])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_largest_numbers_neither_overflow_nor_vanish_into_nan(alpha, dtype):
    x = jnp.array([-1.0, 1.0], dtype) * jnp.finfo(dtype).max
    gradient = QPseudoSpike(alpha).surrogate_grad(x)
    assert np.all((np.asarray(gradient, float) >= 0) & (np.asarray(gradient, float) <= 1))
    assert not np.any(np.isnan(np.asarray(QPseudoSpike(alpha).surrogate_fun(x), float)))


@pytest.mark.parametrize("alpha", [9.5, 50.0, jnp.float32(50.0), float("inf")])
def test_what_is_too_small_for_a_float_is_zero(alpha):
    assert QPseudoSpike(alpha).surrogate_grad(1e10) == 0


def test_complex_is_refused():
    for x in (1j, np.array([1j]), jnp.array([1j])):
        with pytest.raises(TypeError, match=r"x must be real, got dtype complex64.*x\.real"):
            q_pseudo_spike(x)


@pytest.mark.parametrize("x", ["1.0", None, object(), ["spam"]])
def test_what_is_not_a_number_is_refused(x):
    with pytest.raises(TypeError, match="x must be a real number or array, got"):
        q_pseudo_spike(x)


@pytest.mark.parametrize(
    ("alpha", "name", "expected"),
    [
        (1.0, "1 / (1 + |x|)", [1.0, 2 / 3, 0.5, 0.25]),
        (2.0, "(1 + 2 |x| / 3) ** -2", [1.0, 9 / 16, 9 / 25, 1 / 9]),
        (3.0, "(1 + |x| / 2) ** -3", [1.0, 64 / 125, 8 / 27, 8 / 125]),
        (0.5, "(1 + 4 |x| / 3) ** -1/2", [1.0, 0.6**0.5, (3 / 7) ** 0.5, 0.2**0.5]),
    ],
)
def test_hand_computed_members(alpha, name, expected):
    x = jnp.array([0.0, 0.5, 1.0, 3.0])
    assert_close(QPseudoSpike(alpha).surrogate_grad(x), expected, rtol=3e-7)


def test_limits_of_the_family():
    x = jnp.linspace(-5, 5, 101)
    assert_close(QPseudoSpike(1e-6).surrogate_grad(x), jnp.ones(101), rtol=3e-6)
    assert_close(QPseudoSpike(float("inf")).surrogate_grad(x), np.exp(-2 * np.abs(np.asarray(x))))
    assert_close(QPseudoSpike(1e7).surrogate_grad(x), np.exp(-2 * np.abs(np.asarray(x))), rtol=1e-5)

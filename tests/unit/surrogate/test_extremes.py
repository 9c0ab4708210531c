"""Infinite, huge and tiny numbers. Expected values by hand algebra, or mpmath where it says so."""

import brainunit as u
import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from helpers import SLACK, assert_close

from braintools_qps import QPseudoSpike, q_pseudo_spike

LARGEST = float(np.finfo(np.float32).max)
ALPHAS = [0.01, 0.3, 0.5, 1.0, 1.7, 2.0]


@pytest.mark.parametrize("alpha", [*ALPHAS, float("inf")])
def test_an_infinite_membrane_leaves_the_derivative_by_scale_of_the_others(alpha):
    """At +-inf the surrogate is flat, so that its scale does not matter there."""
    finite, infinite = jnp.array([-1.0, 0.5]), jnp.array([-jnp.inf, -1.0, 0.5, jnp.inf])
    spike = lambda x, scale: q_pseudo_spike(x, alpha, scale=scale)
    functions = {
        "surrogate_grad": lambda x, s: QPseudoSpike(alpha, scale=s).surrogate_grad(x).sum(),
        "surrogate_fun": lambda x, s: QPseudoSpike(alpha, scale=s).surrogate_fun(x).sum(),
        "second order": lambda x, s: jax.grad(lambda x: spike(x, s).sum())(x).sum(),
    }
    for function in functions.values():
        for derivative in (jax.grad, jax.jacfwd):
            by_scale = derivative(function, argnums=1)
            assert_close(by_scale(infinite, 2.0), by_scale(finite, 2.0))


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_up_to_the_largest_float(alpha, traced):
    """(1 + 2|x|/(alpha + 1)) ** -alpha in mpmath, at alpha as a float32."""
    x = np.float32([0.06, 0.2, 0.5, 0.9, 1.0]) * np.float32(LARGEST)
    a = mp.mpf(float(np.float32(alpha)))
    exact = [float((1 + 2 * mp.mpf(float(v)) / (a + 1)) ** -a) for v in x]
    alpha = jnp.float32(alpha) if traced else alpha
    actual = np.asarray(QPseudoSpike(alpha).surrogate_grad(x), np.float64)
    normal = np.array(exact) > np.finfo(np.float32).tiny  # XLA takes what is smaller for 0
    np.testing.assert_allclose(actual[normal], np.array(exact)[normal], rtol=1e-5 * SLACK)
    assert np.all(actual[~normal] <= np.finfo(np.float32).tiny)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_original_function_up_to_the_largest_float(alpha):
    x = np.float32([0.06, 0.5, 0.9, 1.0]) * np.float32(LARGEST)
    a = mp.mpf(alpha)
    integral = lambda v: (
        mp.log(1 + v)
        if alpha == 1
        else (a + 1) / 2 / (1 - a) * ((1 + 2 * v / (a + 1)) ** (1 - a) - 1)
    )
    exact = [float(0.5 + integral(mp.mpf(float(v)))) for v in x]
    assert_close(QPseudoSpike(alpha).surrogate_fun(x), exact, rtol=1e-5)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("alpha", [0.02, 0.11, 0.3])
def test_the_original_function_of_a_fat_tail(alpha, traced):
    """mpmath; its error is that of an exponent of alpha times ln|x|, not of ln|x|, which is 88."""
    x = np.float32(np.geomspace(1, 3e38, 200))
    a = mp.mpf(float(np.float32(alpha)))
    integral = lambda v: (a + 1) / 2 / (1 - a) * ((1 + 2 * v / (a + 1)) ** (1 - a) - 1)
    exact = [float(0.5 + integral(mp.mpf(float(v)))) for v in x]
    alpha = jnp.float32(alpha) if traced else float(a)
    rtol = np.finfo(np.float32).eps * (2 + 100 * float(a))
    assert_close(QPseudoSpike(alpha).surrogate_fun(x), exact, rtol=rtol)


@pytest.mark.parametrize("derivative", [jax.jacfwd, jax.jacrev])
@pytest.mark.parametrize("alpha", [0.003, 0.1, 0.3, 0.49, 0.7, 1.7])
def test_derivative_of_the_original_function_by_alpha_up_to_the_largest_float(alpha, derivative):
    """mpmath's own differentiation at alpha as a float32; infinity counts as the largest float.

    At alpha 0.003 most of it is beyond -3.4e38.
    """
    x = np.float32([3e-3, 0.06, 0.9, 1.0]) * np.float32(LARGEST)
    integral = lambda a, v: (a + 1) / 2 / (1 - a) * ((1 + 2 * v / (a + 1)) ** (1 - a) - 1)
    with mp.workdps(60):
        a = mp.mpf(float(np.float32(alpha)))
        exact = [float(mp.diff(lambda a, v=v: integral(a, mp.mpf(float(v))), a)) for v in x]
    exact = [-np.inf if value < -LARGEST else value for value in exact]
    by_alpha = lambda v: derivative(lambda a: QPseudoSpike(a).surrogate_fun(v))(jnp.float32(alpha))
    actual = jax.vmap(by_alpha)(jnp.append(x, jnp.inf))  # one by one, as 0 times infinity is NaN
    assert_close(actual, [*exact, exact[-1]], rtol=2e-5)


@pytest.mark.parametrize("alpha", [0.3, 10.0, 648.0, 1e4, 1e6])
def test_derivative_of_the_gradient_by_a_large_alpha(alpha):
    """mpmath's own differentiation; nothing is lost that grows with alpha."""
    x = np.float32([1e-3, 0.1, 1.0, 3.0])
    with mp.workdps(40):
        gradient = lambda a, v: (1 + 2 * mp.mpf(float(v)) / (a + 1)) ** -a
        exact = [float(mp.diff(lambda a, v=v: gradient(a, v), alpha)) for v in x]
    actual = jax.jacfwd(lambda a: QPseudoSpike(a).surrogate_grad(x))(alpha)
    assert_close(actual, exact, rtol=2e-6)


@pytest.mark.parametrize("alpha", [3.5, 10.0, 648.0, 1e4, 1e6])
def test_derivative_of_the_original_function_by_a_large_alpha(alpha):
    """Its error stays below the rounding of the integral, far out too."""
    x = np.float32([1e-3, 0.1, 1.0, 3.0, 100.0, 1e10, 1e20, 1e38])
    with mp.workdps(40):
        integral = lambda a, v: (
            (a + 1) / 2 / (1 - a) * ((1 + 2 * mp.mpf(float(v)) / (a + 1)) ** (1 - a) - 1)
        )
        exact = [float(mp.diff(lambda a, v=v: integral(a, v), alpha)) for v in x]
        size = [float(integral(mp.mpf(alpha), v)) for v in x]
    actual = jax.jacfwd(lambda a: QPseudoSpike(a).surrogate_fun(x))(alpha)
    error = np.abs(np.asarray(actual, np.float64) - exact)
    assert np.all(error <= np.finfo(np.float32).eps * np.array(size) * SLACK)


@pytest.mark.parametrize("value", [1e-39, np.float32([1.0, 1e-39]), 1e-39 * u.mV])
def test_a_scale_that_a_processor_takes_for_zero(value):
    with pytest.raises(ValueError, match="scale must be at least 1.2e-38.*got 1e-39. Measure x"):
        QPseudoSpike(scale=value)


@pytest.mark.parametrize(
    ("surrogate", "x"),
    [
        (QPseudoSpike(scale=1e39), 1.0),
        (QPseudoSpike(scale=1e38), 1.0),
        (QPseudoSpike(scale=1e-30, dampening=1e10), 1.0),
        (QPseudoSpike(scale=1e-36 * u.mV), 1.0 * u.kvolt),
    ],
)
def test_numbers_beyond_the_dtype_of_x(surrogate, x):
    with pytest.raises(ValueError, match=r"scale must lie between 1.2e-38 and 8.5e\+37"):
        surrogate.surrogate_grad(x)


def test_they_are_within_that_of_double_precision():
    with jax.enable_x64(True):
        gradient = QPseudoSpike(scale=1e39).surrogate_grad(jnp.float64(1e39))
        assert_close(gradient, np.float64(9 / 25 / 1e39))


@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_an_integer_beyond_all_floats(name):
    with pytest.raises(ValueError, match=f"{name} must be within the range of a float.*1.8e308"):
        QPseudoSpike(**{name: 10**400})


@pytest.mark.float16
def test_units_far_apart_in_half_precision():
    """The scale in the unit of x is 1e-6 kV, which float16 has not."""
    scale = jnp.array([1e3, 2e3], jnp.float16) * u.uvolt
    gradient = QPseudoSpike(2.0, scale=scale).surrogate_grad(jnp.zeros(2) * u.kvolt)
    assert_close(gradient * u.kvolt, jnp.array([1e6, 5e5]))


@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_a_numpy_array_is_copied(name):
    values = np.array([1.0, 2.0])
    surrogate = QPseudoSpike(**{name: values})
    twin = QPseudoSpike(**{name: values})
    before = surrogate.surrogate_grad(1.0)
    assert surrogate == twin
    assert hash(surrogate) == hash(twin)
    values[:] = 9.0
    np.testing.assert_array_equal(surrogate.surrogate_grad(1.0), before)
    with pytest.raises(ValueError, match="read-only"):
        getattr(surrogate, name)[0] = 5.0
    assert surrogate.replace() == surrogate
    assert surrogate != QPseudoSpike(**{name: values})


def test_a_view_of_a_numpy_array_is_copied():
    """It cannot be written to, but what it shows can."""
    values = np.array([1.0, 2.0])
    view = values[:]
    view.flags.writeable = False
    surrogate = QPseudoSpike(view)
    values[:] = 9.0
    np.testing.assert_array_equal(surrogate.alpha, [1.0, 2.0])


def test_numpy_arrays_of_other_shapes_and_dtypes_differ():
    """Though their bytes are the same."""
    values = np.array([1, 2])
    others = values[None], values.view(np.float64)
    assert len({QPseudoSpike(array) for array in (values, *others)}) == 3


def test_a_numpy_array_in_millivolts_is_copied():
    values = np.array([1.0, 2.0])
    surrogate = QPseudoSpike(scale=values * u.mV)
    values[:] = 9.0
    assert_close(surrogate.surrogate_grad(jnp.zeros(2) * u.mV) * u.mV, jnp.array([1.0, 0.5]))

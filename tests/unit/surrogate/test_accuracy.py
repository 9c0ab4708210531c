"""The family against mpmath at 50 digits (tests/data/make_reference.py), in every dtype."""

import jax
import jax.numpy as jnp
import ml_dtypes
import mpmath as mp
import numpy as np
import pytest
from helpers import FLOAT16, SLACK, assert_close, reference, thorough, thorough_but

from braintools_qps import QPseudoSpike
from braintools_qps._surrogate import kernels
from braintools_qps._surrogate.kernels import Static

ALPHAS = reference()["alpha"].tolist()
# One of each formula: general, half and whole alphas, near the removable singularity, the limit.
FORMULAS = [0.01, 0.5, 1.0, 1.001, 1.7, 2.0, 7.5, 32.0, np.inf]
every_alpha = pytest.mark.parametrize("alpha", thorough_but(FORMULAS, ALPHAS))
NORMAL = 1e-30  # what lies below soon leaves float32's normal range


def row(name, alpha):
    return reference()[name][ALPHAS.index(alpha)]


def worst(actual, expected, where=True):
    """The largest relative error over the points in ``where``, as if on a CPU."""
    expected = np.asarray(expected, np.float64)
    error = np.abs(np.asarray(actual, np.float64) - expected)
    return float(np.max(np.where(where, error / np.where(where, expected, 1), 0))) / SLACK


def sides(function, x):
    """Values at x and -x."""
    return function(jnp.asarray(x)), function(jnp.asarray(-x))


@every_alpha
def test_gradient_in_float32(alpha):
    x, expected = reference()["x"], row("gradient", alpha)
    for actual in sides(QPseudoSpike(alpha).surrogate_grad, x):
        assert worst(actual, expected, expected > NORMAL) < 8e-6
        assert worst(actual, expected, (expected > NORMAL) & (x <= 10)) < 2.5e-6
        if (2 * alpha).is_integer() and alpha <= 8:
            assert worst(actual, expected) < 1e-6


@every_alpha
def test_original_function_in_float32(alpha):
    """Less the 1/2, beside which a small integral has no digits left."""
    x, expected = reference()["x"], row("integral", alpha)
    right, left = sides(lambda x: jnp.sign(x) * kernels._integral(jnp.abs(x), Static(alpha)), x)
    assert worst(right, expected) < 1e-6
    assert worst(-left, expected) < 1e-6
    assert_close(QPseudoSpike(alpha).surrogate_fun(x), 0.5 + expected, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 2e-6), ("float64", 4e-15)])
@pytest.mark.parametrize("alpha", [0.5, thorough(1.0), thorough(2.0), thorough(6.5), 8.0])
def test_whole_and_half_alphas_known_while_compiling_at_any_scale(alpha, dtype, bound):
    """As docs/sharp_bits.md promises; mpmath."""
    a, far = mp.mpf(alpha), np.append(np.geomspace(1e-10, 1e3, 60), [1e4, 1e9])
    for scale in (15.0, 0.37):
        x = (far * scale).astype(dtype)
        with mp.workdps(40):
            base = [1 + 2 * mp.mpf(float(v)) / (mp.mpf(scale) * (a + 1)) for v in x]
            power = lambda b: mp.log(b) if a == 1 else (b ** (1 - a) - 1) / (1 - a)
            expected = np.array([float(b**-a) for b in base])
            integral = np.array([float(mp.mpf(1) / 2 + (a + 1) / 2 * power(b)) for b in base])
        with jax.enable_x64(dtype == "float64"):
            surrogate = QPseudoSpike(alpha, scale=scale)
            gradient = jax.jit(surrogate.surrogate_grad)(x) * scale
            original = jax.jit(surrogate.surrogate_fun)(x)
        assert worst(gradient, expected, expected > NORMAL) < bound
        assert worst(original, integral) < bound


def test_traced_alpha_in_float32():
    """An alpha that is not known while tracing takes another kernel; its value is a float32."""
    x = reference()["x"]
    gradient = jax.jit(lambda alpha: QPseudoSpike(alpha).surrogate_grad(x))
    for alpha in ALPHAS:
        rounding = abs(float(np.float32(alpha)) - alpha) if np.isfinite(alpha) else 0.0
        by_alpha = np.nan_to_num(row("gradient_by_alpha", alpha))
        expected = row("gradient", alpha) + by_alpha * rounding
        assert worst(gradient(alpha), expected, expected > NORMAL) < 8e-6, alpha


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(("alpha", "bound"), [(33.3, 8e-6), (200.3, 2e-5), (1e5, 2e-5)])
def test_the_tail_of_a_large_alpha(alpha, bound, traced):
    """mpmath, down to 1e-30: five roundings of 1 + u and its logarithm count 69 times there."""
    a = float(np.float32(alpha))
    x = np.float32(np.linspace(0, (a + 1) / 2 * np.expm1(69 / a), 500))
    expected = [float((1 + 2 * mp.mpf(float(v)) / (mp.mpf(a) + 1)) ** -a) for v in x]
    gradient = lambda alpha: QPseudoSpike(alpha).surrogate_grad(x)
    actual = jax.jit(gradient)(a) if traced else jax.jit(lambda: gradient(a))()
    assert worst(actual, expected) < bound


@pytest.mark.parametrize("alpha", thorough_but([0.01, 0.5, 1.001, 2.0, np.inf], FORMULAS))
def test_float64(alpha):
    with jax.enable_x64(True):
        surrogate = QPseudoSpike(alpha)
        x, expected = reference()["x"].astype(np.float64), row("gradient", alpha)
        for actual in sides(surrogate.surrogate_grad, x):
            assert actual.dtype == jnp.float64
            assert worst(actual, expected, expected > 1e-300) < 1e-13
        right, left = sides(surrogate.surrogate_fun, x)
        assert_close(right, 0.5 + row("integral", alpha), rtol=1e-13)
        assert_close(left, 0.5 - row("integral", alpha), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", ["bfloat16", FLOAT16])
@pytest.mark.parametrize("alpha", [*map(thorough, (0.01, 0.5, 1.001, 2.0)), 1.7, np.inf])
def test_half_precision(alpha, dtype):
    """The error is within two units in the last place of the rounded true value."""
    exact = reference()["is_bfloat16"] & (reference()["x"] >= 2e-4)
    x = jnp.asarray(reference()["x"][exact].astype(dtype))
    surrogate = QPseudoSpike(alpha)
    gradient = row("gradient", alpha)[exact]
    assert units_in_the_last_place(surrogate.surrogate_grad(x), gradient, dtype) <= 2
    original = 0.5 + row("integral", alpha)[exact]
    assert units_in_the_last_place(surrogate.surrogate_fun(x), original, dtype) <= 2


def units_in_the_last_place(actual, expected, dtype):
    assert actual.dtype == dtype
    info = ml_dtypes.finfo(dtype)
    rounded = expected.astype(dtype).astype(np.float64)
    spacing = np.maximum(np.abs(rounded), float(info.tiny)) * float(info.eps)
    # XLA flushes what is subnormal in float32, and float16 ends at 65504.
    compared = np.isfinite(rounded) & (expected > 1e-37)
    return np.max(np.abs(np.asarray(actual, np.float64) - rounded)[compared] / spacing[compared])

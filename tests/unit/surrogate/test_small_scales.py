"""Derivatives over all scales that a float has. Expected values by hand algebra in mpmath.

What is below the smallest normal number counts as 0, so cases keep to ratios, gradients of height 1
and slopes above it.
"""

import brainstate
import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from braintools.surrogate import PiecewiseQuadratic, Sigmoid
from helpers import SLACK, assert_close

from braintools_qps import QPseudoSpike, Scaled, q_pseudo_spike

SCALES = np.float32([1.2e-38, 1e-30, 1e-20, 1e-19, 1e-18, 1.0, 1e18, 1e30, 8e37])
RATIOS = np.float32([0.0, 1e-10, 0.3, 1.0, 7.0, 1e3, 1e10])
ALPHAS = [0.1, 1.0, 1.7, 2.0, 8.0, float("inf")]
DAMPENING = np.float32(0.7)
TINY, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def exact(x, alpha, scale):
    """The gradient of height 1, the derivatives by scale, and how large their terms are."""
    z, s, d = (
        mp.mpf(float(x)) / mp.mpf(float(scale)),
        mp.mpf(float(scale)),
        mp.mpf(float(DAMPENING)),
    )
    if alpha == float("inf"):
        shape, decay = mp.exp(-2 * z), mp.mpf(2)
    else:
        a = mp.mpf(float(np.float32(alpha)))
        shape, decay = (1 + 2 * z / (a + 1)) ** -a, a / ((a + 1) / 2 + z)
    terms = d / s**2 * shape
    by_scale = terms * (decay * z - 1), -d / s * z * shape
    return shape, shape * decay, *by_scale, terms * (1 + decay * z)


def cases(alpha):
    """x and scale, with the derivatives by scale of the gradient and of the original function."""
    for scale in SCALES:
        for ratio in RATIOS:
            if TINY <= float(ratio) * float(scale) <= LARGEST or ratio == 0:
                x = ratio * scale
                shape, slope, *found = exact(x, alpha, scale)
                if min(shape, slope) > TINY:
                    yield x, scale, *(float(min(max(value, -1e300), 1e300)) for value in found)


@pytest.mark.parametrize("transform", [jax.grad, jax.jacfwd])
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_by_scale(alpha, traced, transform):
    x, scale, by_gradient, by_original, terms = map(np.array, zip(*cases(alpha)))
    alpha = jnp.float32(alpha) if traced else alpha
    surrogate = lambda s: QPseudoSpike(alpha, scale=s, dampening=DAMPENING)
    functions = {
        "gradient": (lambda s, x: surrogate(s).surrogate_grad(x), by_gradient, terms),
        "second order": (lambda s, x: jax.grad(surrogate(s))(x), by_gradient, terms),
        "original": (lambda s, x: surrogate(s).surrogate_fun(x), by_original, abs(by_original)),
    }
    for function, expected, size in functions.values():
        actual = jax.jit(jax.vmap(transform(function)))(jnp.float32(scale), jnp.float32(x))
        actual = np.asarray(actual, np.float64)
        outside = abs(expected) > LARGEST
        assert np.all(actual[outside] == np.sign(expected[outside]) * np.inf)
        error = abs(actual - expected)[~outside]
        assert np.all(error <= 1e-5 * SLACK * size[~outside] + 2 * TINY)


@pytest.mark.parametrize(
    "surrogate", [*map(QPseudoSpike, ALPHAS), Scaled(Sigmoid()), Scaled(PiecewiseQuadratic())]
)
def test_nothing_is_ever_nan(surrogate):
    """Whatever overflows or vanishes on the way."""
    x = np.float32([0, TINY, 1e-30, 1e-10, 1.0, 1e10, 1e30, LARGEST, np.inf])
    both = jnp.concatenate([-jnp.array(x), jnp.array(x)])
    for of in ("surrogate_grad", "surrogate_fun", "__call__"):
        function = lambda x, s, of=of: getattr(surrogate.replace(scale=s), of)(x)
        first = jax.grad(function, argnums=(0, 1))
        second = jax.grad(lambda x, s, first=first: first(x, s)[0], argnums=(0, 1))
        for derivative in (first, second) if of == "__call__" else (first,):
            over_x = jax.vmap(derivative, in_axes=(0, None))
            for found in jax.jit(jax.vmap(over_x, in_axes=(None, 0)))(both, jnp.array(SCALES)):
                assert not np.isnan(found).any()


def test_the_smallest_scale_and_the_largest_are_taken():
    for scale in (TINY, 1 / TINY):
        gradient = QPseudoSpike(2.0, scale=scale, dampening=2.0).surrogate_grad(0.0)
        assert_close(gradient, jnp.float32(2 / scale))


@pytest.mark.parametrize("scale", np.float32([8e-39, 1e-45, 0.0]))
def test_a_scale_that_is_traced_counts_as_a_normal_number(scale):
    """What is smaller a processor takes for 0; where it can be seen, it is refused."""
    x = np.float32([0.0, TINY, 4 * TINY, 1e-30])
    shapes, _, _, by_scale, _ = map(np.array, zip(*(exact(value, 2.0, TINY) for value in x)))
    expected = np.float64(shapes * (DAMPENING / TINY))
    state = brainstate.State(jnp.float32(1.0))
    spike = QPseudoSpike(2.0, scale=state, dampening=DAMPENING)

    def slopes(scale, residual_dtype=None):
        surrogate = spike.replace(scale=scale, residual_dtype=residual_dtype)
        return jax.grad(lambda x: surrogate(x).sum())(x)

    assert_close(jax.jit(slopes)(scale), expected)
    assert_close(jax.jit(slopes)(jnp.full(4, scale)), expected)
    eight_bits = jax.jit(lambda scale: slopes(scale, "uint8"))(scale)
    assert_close(eight_bits, expected, rtol=2**-5, atol=expected[0] / 512)
    original = lambda scale: spike.replace(scale=scale).surrogate_fun(x)
    assert_close(jax.jit(jax.jacrev(original))(scale), np.float64(by_scale))
    state.value = jnp.asarray(scale)
    assert_close(brainstate.transform.jit(spike.surrogate_grad)(x), expected)
    with pytest.raises(ValueError, match="scale must be"):
        spike.surrogate_grad(x)


@pytest.mark.parametrize("alpha", [0.1, 1.7, float("inf")])
def test_the_original_function_close_to_the_threshold(alpha):
    """Where it is 1/2 + x, its derivative by dampening is x."""
    x = np.float32([1e-30, 1e-20, 1e-10])
    by_dampening = jax.jacfwd(lambda d: QPseudoSpike(alpha, dampening=d).surrogate_fun(x))(1.0)
    assert_close(by_dampening, x, rtol=1e-6)


@pytest.mark.parametrize("dtype", [None, "uint8"])
def test_second_order_with_compact_residuals(dtype):
    """At 0 the gradient is dampening / scale, and its derivative by scale -dampening / scale^2."""
    at_zero = lambda s: jax.grad(
        lambda x: q_pseudo_spike(x, 2.0, scale=s, dampening=1e-6, residual_dtype=dtype)
    )(0.0)
    assert_close(jax.grad(at_zero)(jnp.float32(1e-20)), -1e34, rtol=1e-6)

"""The ranges of docs/sharp_bits.md: exact inside, an error or NaN outside.

Expected values by mpmath.
"""

from functools import cache

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid
from helpers import SLACK, assert_close, thorough

from braintools_qps import QPseudoSpike, Scaled, q_pseudo_spike

INF = float("inf")
ALPHAS = [1e-3, 0.5, 1.7, 2.0, 1e6, INF]
FACTORS = np.float32([1.1e-7, 1e-3, 1.0, 1e7])
RATIOS = np.float32([0.0, 1e-15, 1e-6, 0.3, 1.0, 7.0, 1e3, 1e9])
TINY, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
SCALED = lambda **parameters: Scaled(Sigmoid(), **parameters)


def exact(x, alpha, scale, dampening):
    """The gradient, its derivatives by x and by scale, how large the terms of both are, and
    whether all that is on the way is a normal number."""
    z, s, d = (mp.mpf(float(v)) for v in (x, scale, dampening))
    z /= s
    if alpha == INF:
        shape, decay = mp.exp(-2 * z), mp.mpf(2)
    else:
        a = mp.mpf(float(np.float32(alpha)))
        shape, decay = (1 + 2 * z / (a + 1)) ** -a, a / ((a + 1) / 2 + z)
    slope = -d / s**2 * shape * decay * (z > 0)
    by_scale = d / s**2 * shape * (decay * z - 1)
    sizes = d / s**2 * shape * decay, d / s**2 * shape * (1 + decay * z)
    # Below the smallest normal number a processor takes the curve or its slope for 0.
    is_normal = d / s**2 < LARGEST and shape * decay > TINY
    return [float(value) for value in (d / s * shape, slope, by_scale, *sizes, is_normal)]


@pytest.mark.parametrize(
    ("alpha", "traced"),
    [
        (1.7, False),
        (1.0, True),
        *map(thorough, (1e-3, 0.5, 2.0, 1e6, INF, 1e6), (False,) * 5 + (True,)),
    ],
)
def test_the_gradient_and_its_derivatives_over_all_scales_and_dampenings(alpha, traced):
    cases = [(r * s, s, d) for r in RATIOS for s in FACTORS for d in FACTORS]
    x, scale, dampening = map(np.float32, zip(*cases))
    expected = np.array([exact(x, alpha, s, d) for x, s, d in cases])
    alpha = jnp.float32(alpha) if traced else alpha
    spike = lambda x, s, d: q_pseudo_spike(x, alpha, scale=s, dampening=d)
    gradient = lambda x, s, d: QPseudoSpike(alpha, scale=s, dampening=d).surrogate_grad(x)
    for function, column, size in (
        (gradient, 0, 0),
        (jax.grad(spike), 0, 0),
        (jax.grad(gradient), 1, 3),
        (jax.grad(jax.grad(spike)), 1, 3),
        (jax.grad(gradient, argnums=1), 2, 4),
        (jax.jacfwd(jax.grad(spike), argnums=1), 2, 4),
    ):
        actual = np.asarray(jax.jit(jax.vmap(function))(x, scale, dampening), np.float64)
        assert not np.isnan(actual).any()
        normal = expected[:, -1] == 1
        error = np.abs(actual - expected[:, column])[normal]
        rtol = 2e-5 if alpha == 1e6 else 8e-6
        underflow = 2 * TINY * (1 + x / scale)[normal]
        assert np.all(error <= rtol * SLACK * np.abs(expected[:, size])[normal] + underflow)


def family(x, alpha, scale, dampening):
    """The gradient by its formula, in mpmath's numbers."""
    return dampening / scale * (1 + 2 * abs(x / scale) / (alpha + 1)) ** -alpha


NUMBERS_AT = [  # x, alpha, scale, dampening
    (-1.04e9, 2.0, 1.78, 1.0),
    (1e-7, 2154.0, 2.9e-7, 2.3e6),
    (3e-6, 100.3, 1e-5, 1.0),
    (3e1, 0.4, 2e-7, 1e-6),
    (0.3, 1.7, 1e-3, 40.0),
    (3e6, 1.7, 9e6, 40.0),
    (0.1, 648.0, 1.0, 1.0),
    (3.0, 1e6, 1.0, 1.0),
]


@cache
def first_and_second(derivative):
    """First derivatives by all four parameters, and the second one by x."""
    gradient = lambda x, a, s, d: QPseudoSpike(a, scale=s, dampening=d).surrogate_grad(x)
    first = jax.jit(derivative(gradient, argnums=(0, 1, 2, 3)))
    return first, jax.jit(derivative(derivative(gradient)))


@pytest.mark.parametrize(
    ("dtype", "rtol", "derivative"),
    [
        ("float32", 2e-5 * SLACK, jax.grad),
        ("float64", 2e-12, jax.jacfwd),
        thorough("float32", 2e-5 * SLACK, jax.jacfwd),
        thorough("float64", 2e-12, jax.grad),
    ],
)
@pytest.mark.parametrize("numbers", NUMBERS_AT)
def test_derivatives_by_every_parameter(numbers, dtype, rtol, derivative):
    with jax.enable_x64(dtype == "float64"):
        numbers = np.asarray(numbers, dtype)
        first, second = (program(*numbers) for program in first_and_second(derivative))
    orders = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (2, 0, 0, 0)]
    with mp.workdps(60):
        exact = [mp.mpf(float(number)) for number in numbers]
        steps = [abs(number) * mp.mpf(10) ** -15 for number in (*exact, exact[0])]
        expected = [
            float(mp.diff(family, exact, order, h=step)) for order, step in zip(orders, steps)
        ]
    with np.errstate(over="ignore"):
        expected = np.asarray(expected, dtype)
    # With respect to alpha, terms cancel as alpha grows.
    rtol = rtol * np.array([1, max(1, numbers[1] / 200), 1, 1, 1])
    error = np.abs(np.array([*first, second]) - expected)
    assert np.all(error <= rtol * np.abs(expected) + TINY), error / expected


integral_at = lambda alpha, x: QPseudoSpike(alpha).surrogate_fun(x)
BY_ALPHA = jax.jit(jax.jacfwd(integral_at)), jax.jit(jax.jacrev(integral_at))


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("alpha", [1e-3, *map(thorough, (0.11, 0.49)), 0.99999, 1.0, 1.7])
def test_the_original_function_and_its_derivative_by_alpha_up_to_the_farthest(alpha, traced):
    x = np.float32(np.geomspace(1e-3, 1e9, 13))
    a = mp.mpf(float(np.float32(alpha)))

    def integral(a, v):
        v = mp.mpf(float(v))
        return (a + 1) / 2 * ((1 + 2 * v / (a + 1)) ** (1 - a) - 1) / (1 - a)

    with mp.workdps(40):
        near = a if a != 1 else a + mp.mpf(10) ** -18
        values = np.array([float(integral(near, v)) for v in x])
        by_alpha = np.array([float(mp.diff(lambda a, v=v: integral(a, v), near)) for v in x])
    alpha = jnp.float32(alpha) if traced else float(a)
    assert_close(QPseudoSpike(alpha).surrogate_fun(x), 0.5 + values, rtol=8e-6)
    for derivative in BY_ALPHA:
        error = np.abs(np.asarray(derivative(np.float32(alpha), x), np.float64) - by_alpha)
        assert np.all(error <= SLACK * (2e-5 * np.abs(by_alpha) + 1e-6 * values))


@pytest.mark.thorough
@pytest.mark.parametrize("alpha", [1e-3, 2.0, INF])
def test_at_infinity_parameters_do_not_matter(alpha):
    x = jnp.array([-jnp.inf, jnp.inf])
    for function in (
        lambda s: QPseudoSpike(alpha, scale=s).surrogate_grad(x),
        lambda s: QPseudoSpike(alpha, scale=s).surrogate_fun(x),
        lambda s: jax.vmap(jax.grad(lambda x: q_pseudo_spike(x, alpha, scale=s)))(x),
    ):
        for derivative in (jax.jacrev, jax.jacfwd):
            assert_close(jax.jit(derivative(function))(2.0), [0.0, 0.0])
    by_alpha = jax.jacfwd(lambda a: QPseudoSpike(a).surrogate_grad(x))(alpha)
    assert_close(by_alpha, [0.0, 0.0])


@pytest.mark.parametrize("alpha", ALPHAS)
def test_beyond_the_farthest_the_gradient_stays_within_0_and_1(alpha):
    x = jnp.asarray([1e16, 1e30, LARGEST, -LARGEST])
    for surrogate in (QPseudoSpike(alpha), QPseudoSpike(jnp.float32(alpha), scale=jnp.ones(()))):
        gradient = np.asarray(surrogate.surrogate_grad(x))
        assert np.all((gradient >= 0) & (gradient <= 1))
        assert np.isfinite(surrogate.surrogate_fun(x)).all()


NUMBERS = {
    "a number": lambda v: v,
    "an integer": lambda v: int(v) if 1 < v < INF else v,
    "an array": lambda v: np.float32([1.0, v]),
    "a JAX array": lambda v: jnp.float32([1.0, v]),
    "a State": lambda v: brainstate.State(jnp.float32(v)),
}


@pytest.mark.parametrize("kind", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize(
    ("name", "fix"),
    [("scale", "Measure x and scale in another unit"), ("dampening", "Multiply the loss by a con")],
)
def test_a_number_outside_is_refused_with_the_fix(name, fix, kind):
    for value in (9.9e-8, 1.1e7, INF):
        for make in (QPseudoSpike, SCALED):
            rule = f"{name} must be between 1e-7 and 1e7, got .*{fix}"
            with pytest.raises(ValueError, match=rule):
                make(**{name: kind(value)})


@pytest.mark.parametrize("value", [1e-7, 1e7])
@pytest.mark.parametrize("name", ["scale", "dampening"])
def test_the_ends_of_the_range_are_taken(name, value):
    height = 1 / value if name == "scale" else value
    assert_close(QPseudoSpike(**{name: value}).surrogate_grad(0.0), jnp.float32(height))


@pytest.mark.parametrize(
    ("surrogate", "x"),
    [
        (QPseudoSpike(scale=1e-3 * u.uvolt), 1.0 * u.kvolt),
        (QPseudoSpike(scale=1e3 * u.kvolt), 1.0 * u.uvolt),
        (Scaled(QPseudoSpike(scale=1e5), scale=1e5), 1.0),
        (Scaled(Sigmoid(), scale=1e-3 * u.uvolt), 1.0 * u.kvolt),
    ],
)
def test_the_scale_is_checked_in_the_unit_of_x_and_as_a_product(surrogate, x):
    with pytest.raises(ValueError, match=r"scale must be between 1e-7 and 1e7.*another unit"):
        surrogate.surrogate_grad(x)


@pytest.mark.parametrize(
    ("make", "name", "residual_dtype"),
    [
        (QPseudoSpike, "alpha", None),
        (QPseudoSpike, "scale", None),
        (QPseudoSpike, "dampening", "uint8"),
        (SCALED, "scale", None),
        thorough(SCALED, "dampening", "uint8"),
    ],
)
def test_a_traced_parameter_that_is_not_above_zero_gives_nan(make, name, residual_dtype):
    x = jnp.array([-0.3, 0.0, 0.3, 100.0])
    build = lambda value: make(**{name: value}, residual_dtype=residual_dtype)

    @jax.jit
    def results(value):
        surrogate = build(value)
        curves = lambda value: [build(value).surrogate_grad(x), build(value).surrogate_fun(x)]
        first = jax.vjp(surrogate, x)[1](jnp.ones(4))[0]
        second = jax.vmap(jax.grad(jax.grad(surrogate)))(x)
        # A derivative of 0 would let whoever tunes it go on from a value that is NaN.
        by_parameter = jax.jacfwd(curves)(value)
        return surrogate(x), [*curves(value), first, second, *by_parameter]

    for wrong in (0.0, -0.5, -1.0, -3.0, np.nan):
        spikes, others = results(wrong)
        np.testing.assert_array_equal(spikes, [0, 1, 1, 1])
        assert all(np.isnan(other).all() for other in others)


@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_a_wrong_parameter_of_one_neuron_spoils_no_other(name):
    surrogate = lambda value: QPseudoSpike(**{name: value})
    slopes = jax.jit(lambda value: jax.grad(lambda x: surrogate(value)(x).sum())(jnp.ones(3)))
    found = slopes(jnp.array([2.0, -0.5, 2.0]))
    np.testing.assert_array_equal(np.isnan(found), [False, True, False])
    assert_close(found[0], surrogate(2.0).surrogate_grad(1.0))


@pytest.mark.float16
def test_units_far_apart_in_half_precision():
    """The scale in the unit of x is 1e-6 kV, which float16 has not."""
    scale = jnp.array([1e3, 2e3], jnp.float16) * u.uvolt
    gradient = QPseudoSpike(2.0, scale=scale).surrogate_grad(jnp.zeros(2) * u.kvolt)
    assert_close(gradient * u.kvolt, jnp.array([1e6, 5e5]))

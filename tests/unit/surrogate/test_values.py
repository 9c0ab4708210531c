"""Values and derivatives against mpmath at 60 digits, over the ranges of docs/sharp_bits.md."""

from functools import cache
from itertools import product

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from helpers import SLACK, thorough

from braintools_qps import QPseudoSpike

INF = float("inf")
TINY = float(np.finfo(np.float32).tiny)
# One of each formula: general, half and whole alphas, near the removable singularity, the limit.
FORMULAS = [0.01, 0.5, 1.0, 1.001, 1.7, 2.0, 7.5, 33.3, 1e5, INF]
OTHERS = [1e-3, 0.1, 0.9, 0.99999, 1.00001, 1.5, 2.5, 5.5, 6.5, 8.0, 16.0, 32.0, 200.3, 1e6]


def gradient(x, alpha, scale=1, dampening=1):
    """The surrogate gradient by its formula, in mpmath's numbers."""
    z = abs(x / scale)
    tail = mp.exp(-2 * z) if alpha == INF else (1 + 2 * z / (alpha + 1)) ** -alpha
    return dampening / scale * tail


def integral(x, alpha, scale=1, dampening=1):
    """The integral of the gradient from 0 to x, which is above 0."""
    if alpha == INF:
        return dampening * (1 - mp.exp(-2 * x / scale)) / 2
    base = 1 + 2 * x / scale / (alpha + 1)
    power = mp.log(base) if alpha == 1 else (base ** (1 - alpha) - 1) / (1 - alpha)
    return dampening * (alpha + 1) / 2 * power


def exact(function, *columns):
    """The function of each row of numbers, rounded once, to float64."""
    rows = zip(*np.broadcast_arrays(*columns))
    with mp.workdps(60):
        return np.array([float(function(*(mp.mpf(float(v)) for v in row))) for row in rows])


def promised_error(dtype, way, alpha, x):
    """The relative error where the gradient is above 1e-30."""
    if dtype in ("bfloat16", "float16"):
        return 2.5 * float(jnp.finfo(dtype).eps)
    if (2 * alpha).is_integer() and alpha <= 8 and way != "traced":
        return {"float32": 2e-6 if way == "scaled" else 1e-6, "float64": 4e-15}[dtype]
    if dtype == "float64":
        return 1e-13
    return np.where(x > 10, 2e-5 if alpha > 100 else 8e-6, 2.5e-6)


WAYS = [  # the dtype of x, how alpha is given, the alphas to try always and before a release
    ("float32", "known", FORMULAS, OTHERS),
    ("float32", "traced", FORMULAS + OTHERS, []),
    ("float32", "scaled", [0.5, 8.0], FORMULAS),
    ("float64", "known", [0.01, 0.5, 1.001, 2.0, INF], FORMULAS),
    ("float64", "scaled", [0.5, 8.0], FORMULAS),
    ("bfloat16", "known", [1.7, INF], FORMULAS),
    ("float16", "known", [1.7, INF], FORMULAS),
]
CASES = [
    pytest.param(
        *(dtype, way, alpha),
        marks=[pytest.mark.float16] * (dtype == "float16")
        + [pytest.mark.thorough] * (alpha not in often),
    )
    for dtype, way, often, seldom in WAYS
    for alpha in dict.fromkeys(often + seldom)
]


@cache
def both_curves(alpha, scale):
    """A program of x and, where no alpha is given, of a traced one."""

    @jax.jit
    def both(x, traced):
        surrogate = QPseudoSpike(traced if alpha is None else alpha, scale=scale)
        return surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)

    return both


@pytest.mark.parametrize(("dtype", "way", "alpha"), CASES)
def test_values(dtype, way, alpha):
    near, far = (2e-4, 1e4) if dtype in ("bfloat16", "float16") else (1e-6, 1e9)
    end = mp.inf if alpha == INF else (alpha + 1) / 2 * mp.expm1(69 / mp.mpf(alpha))  # at 1e-30
    x = np.append(np.geomspace(near, far, 200), np.linspace(near, float(min(far, end)), 100))
    scale = 15.0 if way == "scaled" else 1.0
    with jax.enable_x64(dtype == "float64"):
        x = jnp.asarray(x * scale, dtype)
        number = np.float32(alpha) if way == "traced" else alpha
        program = both_curves(None if way == "traced" else alpha, scale)
        curves = [np.asarray(y) for signed in (x, -x) for y in program(signed, number)]
    assert {curve.dtype for curve in curves} == {x.dtype}
    slope, area = (exact(function, x, number, scale) for function in (gradient, integral))
    # What may come out as 0: powers overflow in float32, and float16 has few small numbers.
    lost = {"float64": 1e-300, "float16": 1.5e-7}.get(dtype, 1e-33)
    z = np.asarray(x, np.float64) / scale
    rtol = promised_error(dtype, way, alpha, z)
    of_area = np.where((z <= 1e4) & (dtype == "float32"), 1e-6, rtol)
    expected = [
        (slope, rtol * slope), (0.5 + area, of_area * (0.5 + area)),
        (slope, rtol * slope), (0.5 - area, of_area * (0.5 + area)),
    ]  # fmt: skip
    for actual, (value, bound) in zip(curves, expected):
        assert np.all(np.abs(np.float64(actual) - value) <= bound * SLACK + lost)


ALPHAS = [1e-3, 0.4, 0.99999, 1.0, 1.7, 2.0, 100.3, 648.0, 1e6]
RATIOS = [0.0, 1e-15, 1e-6, 0.3, 1.0, 7.0, 1e3, 1e9]  # x / scale
FACTORS = [(1.0, 1.0), (1e-3, 40.0), (1.1e-7, 1e7), (1e7, 1.1e-7)]  # scale and dampening


@cache
def derivatives_of(known, derivative):
    """A program of x, alpha, scale and dampening at many points; a known alpha takes its place."""

    def at_a_point(*point):
        at = lambda x, a, s, d: QPseudoSpike(a if known is None else known, scale=s, dampening=d)
        curve = lambda *point: at(*point).surrogate_grad(point[0])
        slope = jax.grad(lambda *point: at(*point)(point[0]))  # to second order, as the curve
        original = lambda *point: at(*point).surrogate_fun(point[0])
        first = [
            derivative(function, (0, 1, 2, 3))(*point) for function in (curve, slope, original)
        ]
        second = [derivative(derivative(function))(*point) for function in (curve, slope)]
        return [jnp.stack(numbers) for numbers in first], second

    return jax.jit(jax.vmap(at_a_point))


@cache
def exact_derivatives(dtype, known):
    """The points, and there the derivatives of gradient, integral and d/dx of the gradient."""
    alphas = ALPHAS if known is None else [known]
    points = [(ratio * s, a, s, d) for a, ratio, (s, d) in product(alphas, RATIOS, FACTORS)]
    points = np.array(points, dtype).T
    step, orders = mp.mpf(10) ** -35, np.eye(4, dtype=int)
    by = lambda function, order: exact(
        lambda *point: mp.diff(function, point, tuple(map(int, order)), h=step), *points
    )
    first = [by(function, order) for function in (gradient, integral) for order in orders]
    return points, np.array(first), by(gradient, (2, 0, 0, 0))


@pytest.mark.parametrize(
    ("dtype", "known", "derivative"),
    [
        ("float32", None, jax.jacrev),
        ("float64", None, jax.jacfwd),
        ("float32", 1.7, jax.jacfwd),
        *(thorough("float32", alpha, jax.jacfwd) for alpha in (1e-3, 0.5, 1.0, 2.0, 1e6)),
        thorough("float64", None, jax.jacrev),
        thorough("float32", None, jax.jacfwd),
    ],
)
def test_derivatives_with_respect_to_everything(dtype, known, derivative):
    (x, alpha, scale, dampening), first, second = exact_derivatives(dtype, known)
    with jax.enable_x64(dtype == "float64"):
        program = derivatives_of(known, derivative)
        (curve, slope, original), seconds = jax.device_get(program(x, alpha, scale, dampening))
        at_infinity, _ = jax.device_get(program(np.full_like(x, INF), alpha, scale, dampening))
    assert not np.any(at_infinity[:2])
    x, alpha, scale, dampening = np.float64([x, alpha, scale, dampening])
    z, height = x / scale, dampening / scale
    u = 2 * z / (alpha + 1)
    value, area = first[4], np.abs(first[7]) * dampening
    # Rounding is relative to the terms of a sum, which may cancel.
    terms = np.abs(first)
    terms[1] = value * (np.log1p(u) + alpha * u / (alpha + 1) / (1 + u))
    terms[2] = (terms[0] * x + value) / scale
    terms[5] += area / 20
    terms[7] += 0.5
    # What is below the smallest normal number may count as 0, before it is multiplied.
    factors = [height / scale, height, height / scale, 1 / scale]
    factors += [height, dampening, height, np.ones_like(x)]
    lost = 4 * TINY * (1 + z) * np.maximum(factors, 1)
    rtol = np.full_like(first, 2e-5 if dtype == "float32" else 2e-12)
    if dtype == "float32":  # with respect to alpha, and where it is large, terms cancel
        rtol[np.ix_([0, 2, 3, 4, 6, 7], alpha < 100)] = 8e-6
    rtol *= SLACK
    told = [0, 1, 2, 3] if known is None else [0, 2, 3]
    for actual, part in ((curve, slice(4)), (slope, slice(4)), (original, slice(4, 8))):
        error = np.abs(np.float64(actual).T - first[part])
        assert np.all((error <= rtol[part] * terms[part] + lost[part])[told])
    for actual in seconds:
        error = np.abs(np.float64(actual) - second)[x > 0]
        assert np.all(error <= (rtol[0] * second + lost[0] * np.maximum(1 / scale, 1))[x > 0])

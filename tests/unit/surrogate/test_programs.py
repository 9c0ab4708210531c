"""What XLA makes of the surrogate, and what reverse mode keeps with ``residual_dtype``."""

import functools
import re

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import MultiGaussianGrad, Sigmoid, Surrogate
from helpers import FLOAT16, assert_close, thorough

from braintools_qps import QPseudoSpike, Scaled

X = jnp.linspace(-3.0, 3.0, 1000)


def compiled_text(function):
    """The optimised program, without the names that it was traced under."""
    text = jax.jit(function).lower(X, X).compile().as_text()
    text = re.sub(r", metadata=\{[^}]*\}", "", text)
    return text[text.index("\n\n%") :] if "\n\n%" in text else text


def product(spike):
    return lambda x, ct: jax.vjp(spike, x)[1](ct)[0]


@pytest.mark.parametrize("alpha", [0.5, 1.7, 2.0, float("inf")])
def test_a_quantity_costs_nothing(alpha):
    plain = QPseudoSpike(alpha, scale=15.0)
    with_units = QPseudoSpike(alpha, scale=15.0 * u.mV)
    millivolts = lambda x, ct: product(with_units)(x * u.mV, ct).mantissa
    assert compiled_text(millivolts) == compiled_text(product(plain))
    assert compiled_text(millivolts) != compiled_text(product(plain.replace(scale=14.0)))


@pytest.mark.parametrize(
    "alpha",
    [0.5, 1.7, 2.0, 8.0, float("inf"), np.linspace(0.5, 8.0, 1000)],
    ids=["0.5", "1.7", "2", "8", "inf", "one per neuron"],
)
def test_elementwise_work_is_one_fusion_and_calls_no_library(alpha):
    """One pass over memory. (Compact residuals are stored between two, which is their purpose.)"""
    surrogate = QPseudoSpike(alpha)
    original = lambda x, ct: surrogate.surrogate_fun(x)
    for function in (product(surrogate), original, lambda x, ct: surrogate(x)):
        text = compiled_text(function)
        assert len(re.findall(r" fusion\(", text)) == 1
        assert not re.findall(r"power\(| (?:while|custom-call|call)\(", text)


EAGER = {
    "forward": lambda surrogate: surrogate(X),
    "surrogate_grad": lambda surrogate: surrogate.surrogate_grad(X),
    "surrogate_fun": lambda surrogate: surrogate.surrogate_fun(X),
    "grad": lambda surrogate: jax.grad(lambda x: surrogate(x).sum())(X),
    "vmap of grad": lambda surrogate: jax.vmap(jax.grad(surrogate))(X),
}


@pytest.mark.parametrize("call", EAGER.values(), ids=EAGER)
def test_outside_of_jit_one_program_serves_all_numbers(call, caplog):
    call(QPseudoSpike(1.9, scale=3.0, dampening=0.2))
    with jax.log_compiles():
        for alpha in (2.123, 0.3, 40.0):
            call(QPseudoSpike(alpha, scale=1 + alpha, dampening=alpha / 2))
        assert not [record for record in caplog.records if "Compiling" in record.getMessage()]
        jax.jit(lambda x: x + alpha)(X)  # what is compiled is seen
    assert [record for record in caplog.records if "Compiling" in record.getMessage()]


@pytest.mark.parametrize("alpha", [0.5, 1.7, 2.0, float("inf")])
@pytest.mark.parametrize("name", ["__call__", "surrogate_grad", "surrogate_fun"])
def test_jit_changes_no_bit(alpha, name):
    """Outside of it, 1/2, 2 and inf have programs of their own, and one of traced numbers serves
    other alphas."""
    numbers = {"alpha": alpha, "scale": 3.0, "dampening": 0.2}
    curve = lambda x, traced: getattr(QPseudoSpike(**numbers | traced), name)(x)
    if name == "__call__":
        curve = jax.vmap(jax.grad(curve), (0, None))
    traced = numbers if alpha == 1.7 else {}
    np.testing.assert_array_equal(jax.jit(curve)(X, traced), curve(X, {}))


# Compact residuals, and what they do to gradients


STEPS, BATCH, NEURONS = 200, 64, 256
# XLA cannot stack bfloat16 in a scan: float16 takes its place, where there is one.
WIDENED = jax.default_backend() == "cpu" and jax.__version_info__ < (0, 11, 2)
SELDOM = pytest.param("float16", marks=[*FLOAT16.marks, pytest.mark.thorough])
COMPACT = [thorough("bfloat16"), SELDOM, "uint8"]
# What rounding may do to a derivative, relative to the largest.
ROUNDING = {"bfloat16": 2**-8, "float16": 2**-11, "uint8": 2**-6}


def slopes(spike, x):
    return jax.jit(jax.grad(lambda x: spike(x).sum()))(x)


def linear_lif(spike, v, currents):
    """Spikes of neurons whose reset is cut off, so that only the surrogate stores anything."""

    def step(v, current):
        v = 0.9 * v + current
        spikes = spike(v - 1.0)
        return v - jax.lax.stop_gradient(spikes), spikes

    return jax.lax.scan(step, v, currents)[1]


@functools.cache
def gradient_memory(spike):
    """Bytes that the gradient of a linear LIF scan needs beside its input and output."""
    loss = lambda v, currents: linear_lif(spike, v, currents).sum()
    shapes = (BATCH, NEURONS), (STEPS, BATCH, NEURONS)
    arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.jit(jax.grad(loss)).lower(*arrays).compile().memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize(
    ("surrogate", "share"),
    [
        (QPseudoSpike(2.0), 1.0),
        pytest.param(QPseudoSpike(2.0, residual_dtype="bfloat16"), 0.52,
                     marks=pytest.mark.float16 if WIDENED else ()),
        (QPseudoSpike(1.7, residual_dtype="uint8"), 0.27),
        thorough(Scaled(Sigmoid(), residual_dtype="uint8"), 0.27),
    ],
    ids=repr,
)  # fmt: skip
def test_memory_of_a_linear_lif_scan(surrogate, share):
    """Surrogates of braintools all take the same."""
    assert gradient_memory(surrogate) <= share * gradient_memory(Sigmoid())


@pytest.mark.parametrize("residual_dtype", COMPACT)
def test_gradient_of_weights_through_time(residual_dtype):
    """Rounding errors of single steps average out: the sum is closer than any of its terms."""
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.random((STEPS, 16, 50)) < 0.05, jnp.float32)
    weights = jnp.asarray(rng.normal(size=(50, 32)), jnp.float32)
    readout = jnp.asarray(rng.normal(size=(16, 32)), jnp.float32)
    loss = lambda weights, spike: jnp.sum(
        linear_lif(spike, jnp.zeros((16, 32)), inputs @ weights) * readout
    )
    gradient = jax.jit(jax.grad(loss), static_argnums=1)
    exact = gradient(weights, QPseudoSpike(1.0))
    compact = gradient(weights, QPseudoSpike(1.0, residual_dtype=residual_dtype))
    error = jnp.linalg.norm(compact - exact) / jnp.linalg.norm(exact)
    assert 0 < error < ROUNDING[residual_dtype] / 2


def test_dampening_and_width_do_not_cost_precision():
    """The code holds the derivative before they scale it."""
    for scale, dampening in ((1e-6, 1e4), (1e-7, 1e-6)):
        slope = lambda s, d=dampening: jax.grad(
            QPseudoSpike(2.0, scale=s, dampening=d, residual_dtype="uint8")
        )(0.0)
        value, by_scale = jax.value_and_grad(slope)(jnp.float32(scale))
        assert_close(value, dampening / scale)
        assert_close(by_scale, -dampening / scale**2)


def test_derivatives_above_one_and_below_zero():
    spike = Scaled(MultiGaussianGrad(), scale=0.2, residual_dtype="uint8")
    x = jnp.linspace(-0.4, 0.4, 201)
    expected, actual = np.asarray(spike.surrogate_grad(x)), np.asarray(slopes(spike, x))
    assert expected.min() < 0 < 1 < expected.max()
    error = np.abs(actual - expected).max() / expected.max()
    assert 0 < error <= 2 * ROUNDING["uint8"]
    np.testing.assert_array_equal(actual[expected == 0], 0)


def test_the_code_is_exact_at_the_peak_and_does_not_depend_on_neighbours():
    alpha = jnp.array([1.0, 9.0])
    spike = Scaled(Sigmoid(alpha), residual_dtype="uint8")
    x = jnp.array([[1.3, 0.2], [0.0, 0.0]])
    np.testing.assert_array_equal(slopes(spike, x)[:1], slopes(spike, x[:1]))
    assert_close(slopes(spike, jnp.zeros(2)), alpha / 4)


def three_peaks(x):
    """Three that the search misses, in a curve whose peak is 1."""
    near = [jnp.abs(x - at) < 0.01 for at in (0.7, -0.7, 2.2)]
    return jnp.select(near, [1.9, -1.9, 5.0], jnp.exp(-jnp.abs(x)))


@pytest.mark.parametrize(
    ("gradient", "at", "expected"),
    [
        (lambda x: jnp.where((x > 0.005) & (x < 0.02), 1.0, 0.01), [0.01], [1.0]),
        (lambda x: jnp.where(x > 50, 1.0, 0.01), [90.0], [1.0]),
        (lambda x: 1 / jnp.abs(x), [0.01], [100.0]),
        (lambda x: jnp.zeros_like(x), [1.0], [0.0]),
        (three_peaks, [0.7, -0.7, 2.2], [1.9, -1.9, 2.0]),  # room up to twice the peak
    ],
)
def test_where_a_peak_is_found(gradient, at, expected):
    class Custom(Surrogate):
        def surrogate_grad(self, x):
            return gradient(x)

    spike = Scaled(Custom(), residual_dtype="uint8")
    np.testing.assert_allclose(slopes(spike, jnp.array(at)), expected, rtol=2**-5)

"""What reverse mode keeps with ``residual_dtype``, and what that does to gradients."""

import functools

import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import FLOAT16, assert_close

from braintools_qps import QPseudoSpike, q_pseudo_spike

STEPS, BATCH, NEURONS = 200, 64, 256
# XLA cannot stack bfloat16 in a scan: float16 takes its place, where there is one.
WIDENED = jax.default_backend() == "cpu" and jax.__version_info__ < (0, 11, 2)
COMPACT = ["bfloat16", FLOAT16, "uint8"]
# What rounding may do to a derivative, relative to the largest.
ROUNDING = {None: 2e-6, "bfloat16": 2**-8, "float16": 2**-11, "uint8": 2**-6}
BUILT_IN = [getattr(braintools.surrogate, n) for n in ("ReluGrad", "Sigmoid", "QPseudoSpike")]


def linear_lif(spike, v, currents):
    """Spikes of neurons whose reset is cut off, so that only the surrogate stores anything."""

    def step(v, current):
        v = 0.9 * v + current
        spikes = spike(v - 1.0)
        return v - jax.lax.stop_gradient(spikes), spikes

    return jax.lax.scan(step, v, currents)[1]


def gradient_memory(spike):
    """Bytes that the gradient of a linear LIF scan needs beside its input and output."""
    loss = lambda v, currents: linear_lif(spike, v, currents).sum()
    v = jax.ShapeDtypeStruct((BATCH, NEURONS), jnp.float32)
    currents = jax.ShapeDtypeStruct((STEPS, BATCH, NEURONS), jnp.float32)
    compiled = jax.jit(jax.grad(loss)).lower(v, currents).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.fixture(scope="module")
def least_of_braintools():
    return min(gradient_memory(surrogate()) for surrogate in BUILT_IN)


@pytest.mark.parametrize(
    ("alpha", "residual_dtype", "share"),
    [
        (1.7, None, 1.0),
        (2.0, None, 1.0),
        pytest.param(2.0, "bfloat16", 0.52, marks=pytest.mark.float16 if WIDENED else ()),
        pytest.param(2.0, "float16", 0.52, marks=pytest.mark.float16),
        (1.7, "uint8", 0.27),
    ],
)
def test_memory_of_a_linear_lif_scan(least_of_braintools, residual_dtype, share, alpha):
    surrogate = QPseudoSpike(alpha, residual_dtype=residual_dtype)
    assert gradient_memory(surrogate) <= share * least_of_braintools


@functools.cache
def weight_gradient(surrogate):
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.random((STEPS, 16, 50)) < 0.05, jnp.float32)
    weights = jnp.asarray(rng.normal(size=(50, 32)), jnp.float32)
    readout = jnp.asarray(rng.normal(size=(16, 32)), jnp.float32)
    silence = jnp.zeros((16, 32))
    loss = lambda w: jnp.sum(linear_lif(surrogate, silence, inputs @ w) * readout)
    return jax.jit(jax.grad(loss))(weights)


@pytest.mark.parametrize("residual_dtype", COMPACT)
def test_gradient_of_weights_through_time(residual_dtype):
    """Rounding errors of single steps average out: the sum is closer than any of its terms."""
    exact = weight_gradient(QPseudoSpike(1.0))
    compact = weight_gradient(QPseudoSpike(1.0, residual_dtype=residual_dtype))
    error = jnp.linalg.norm(compact - exact) / jnp.linalg.norm(exact)
    assert 0 < error < ROUNDING[residual_dtype] / 2


X = jnp.linspace(-10, 10, 401)


@pytest.mark.thorough
@pytest.mark.parametrize("residual_dtype", COMPACT)
def test_the_tail_survives(residual_dtype):
    spike = QPseudoSpike(4.0, residual_dtype=residual_dtype)
    _, pullback = jax.vjp(spike, X)
    relative = 0.04 if residual_dtype == "uint8" else ROUNDING[residual_dtype]
    assert_close(*pullback(jnp.ones_like(X)), spike.surrogate_grad(X), rtol=relative)


@pytest.mark.thorough
@pytest.mark.parametrize("residual_dtype", ["bfloat16", "uint8"])
def test_forward_mode_is_reverse_mode(residual_dtype):
    spike = QPseudoSpike(2.0, residual_dtype=residual_dtype)
    direction = jnp.sin(X)
    spikes, forward = jax.jvp(spike, (X,), (direction,))
    (reverse,) = jax.vjp(spike, X)[1](direction)
    assert_close(spikes, (X >= 0).astype(X.dtype))
    assert_close(forward, reverse)
    assert_close(jnp.diag(jax.jacfwd(spike)(X)) * direction, reverse)


@pytest.mark.thorough
@pytest.mark.parametrize("residual_dtype", ["bfloat16", "uint8"])
def test_vmap_over_x_and_alpha(residual_dtype):
    one = lambda x, alpha: jax.grad(q_pseudo_spike)(x, alpha, residual_dtype=residual_dtype)
    alphas = jnp.array([0.5, 2.0, 8.0])
    batched = jax.vmap(jax.vmap(one, (0, None)), (None, 0))(X, alphas)
    for row, alpha in zip(batched, alphas):
        assert_close(
            row, QPseudoSpike(alpha).surrogate_grad(X), rtol=0, atol=ROUNDING[residual_dtype]
        )


@pytest.mark.parametrize("residual_dtype", COMPACT)
def test_units_are_kept(residual_dtype):
    """At the threshold the code is exact: a derivative of 1 / scale."""
    spike = QPseudoSpike(2.0, scale=15 * u.mV, residual_dtype=residual_dtype)
    assert_close(u.autograd.grad(spike)(0.0 * u.mV), 1 / (15.0 * u.mV))
    slope = u.autograd.grad(spike)(0.015 * u.volt)
    assert_close(slope, 9 / 25 / (0.015 * u.volt), rtol=ROUNDING[residual_dtype] / 0.36)


@pytest.mark.thorough
def test_second_order():
    """d/dx (1 + 2x/3)^-2 = -4/3 (1 + 2x/3)^-3, through a scan as well."""
    spike = QPseudoSpike(2.0, residual_dtype="uint8")
    slope = jnp.float32(-4 / 3 / 1.5**3)
    for derivative in (
        jax.grad(jax.grad(lambda x: spike(x))),
        jax.jacfwd(jax.grad(spike)),
        jax.grad(lambda x: jax.jvp(spike, (x,), (jnp.ones_like(x),))[1]),
        jax.jit(jax.grad(jax.checkpoint(jax.grad(spike)))),
    ):
        assert_close(derivative(0.75), slope, rtol=2 * ROUNDING["uint8"])
    in_time = lambda v: linear_lif(spike, v, jnp.zeros((3,))).sum()
    exact = lambda v: linear_lif(QPseudoSpike(2.0), v, jnp.zeros((3,))).sum()
    curvature = jax.grad(jax.grad(exact))(0.5)
    assert_close(jax.grad(jax.grad(in_time))(0.5), curvature, rtol=4 * ROUNDING["uint8"])


@pytest.mark.parametrize("dtype", ["bfloat16", FLOAT16])
@pytest.mark.parametrize("residual_dtype", COMPACT)
def test_half_precision_membranes(residual_dtype, dtype):
    x = X.astype(dtype)
    gradient = jax.vmap(jax.grad(QPseudoSpike(2.0, residual_dtype=residual_dtype)))(x)
    assert gradient.dtype == dtype
    tolerance = ROUNDING[residual_dtype] + float(jnp.finfo(dtype).eps)
    assert_close(gradient, QPseudoSpike(2.0).surrogate_grad(x), rtol=0, atol=tolerance)


def test_dampening_and_width_do_not_cost_precision():
    """The code holds the derivative before they scale it."""
    spike = QPseudoSpike(2.0, scale=1e-6, dampening=1e4, residual_dtype="uint8")
    assert_close(jax.grad(spike)(0.0), jnp.float32(1e10))

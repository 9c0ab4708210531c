"""Derivatives by alpha, scale and dampening through training steps and loops over time."""

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, thorough

from braintools_qps import QPseudoSpike

STEPS, INPUTS, NEURONS = 20, 6, 4


def make_data():
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.random((STEPS, INPUTS)) < 0.3, float)
    weights = jnp.asarray(rng.normal(0.3, 0.6, (INPUTS, NEURONS)))
    readout = jnp.asarray(rng.normal(size=(STEPS, NEURONS)))
    return inputs, weights, readout


def projection(weights, inputs, readout, spike):
    """A weighted sum of the spikes of LIF neurons over time."""

    def step(v, row):
        v = 0.8 * v + row @ weights
        spikes = spike(v - 1.0)
        return v - jax.lax.stop_gradient(spikes), spikes

    return jnp.sum(jax.lax.scan(step, jnp.zeros(NEURONS), inputs)[1] * readout)


def validation_loss(alpha, data):
    """Of a membrane that does not spike, after two steps of gradient descent on spikes.

    Only so can finite differences be the judge: where the loss looks at a spike, autodiff follows
    the surrogate and a difference sees a step. The training loss is linear in the spikes for the
    same reason.
    """
    inputs, weights, readout = data
    spike = QPseudoSpike(alpha, scale=1.3, dampening=0.8)
    for _ in range(2):
        weights = weights - 0.01 * jax.grad(projection)(weights, inputs, readout, spike)
    return jnp.sum(jnp.tanh(inputs @ weights) ** 2)


@pytest.mark.thorough
def test_meta_gradient_of_a_state_against_finite_differences():
    with jax.enable_x64(True):
        data, alpha, step = make_data(), brainstate.State(jnp.asarray(2.5)), 1e-5
        gradient = brainstate.transform.grad(lambda: validation_loss(alpha, data), alpha)()
        loss = jax.jit(lambda value: validation_loss(value, data))
        difference = (loss(2.5 + step) - loss(2.5 - step)) / (2 * step)
        assert abs(difference) > 1e-4
        assert_close(gradient, difference, rtol=1e-6)


@pytest.mark.parametrize("alpha", [1.7, thorough(2.0), thorough(40.3)])
@pytest.mark.parametrize("name", ["alpha", thorough("scale"), thorough("dampening"), "weights"])
def test_second_derivatives_through_a_scan_in_float32(alpha, name):
    """JAX 0.10 forgets derivative rules there, and differentiates what computes the gradient."""

    def slope(value, data):
        inputs, weights, readout = data
        spike = QPseudoSpike(jnp.asarray(alpha), scale=1.3, dampening=0.8)
        if name == "weights":
            weights = value * weights
        else:
            spike = spike.replace(**{name: value})
        return jnp.sum(jax.grad(projection)(weights, inputs, readout, spike) * weights)

    value = {"alpha": alpha, "scale": 1.3, "dampening": 0.8, "weights": 1.01}[name]
    single = [array.astype(jnp.float32) for array in make_data()]
    actual = jax.jit(jax.grad(slope))(value, single)
    with jax.enable_x64(True):
        data, step = make_data(), 1e-6
        double = jax.jit(slope)
        expected = (double(value + step, data) - double(value - step, data)) / (2 * step)
        assert abs(expected) > 1e-3
    assert_close(actual, expected, rtol=2e-3)

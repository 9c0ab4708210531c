"""Scaled alone: composition, kinks and arrays of another library."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import S2NN, GaussianGrad, LeakyRelu, Sigmoid, SoftSign
from helpers import assert_close

from braintools_qps import QPseudoSpike, Scaled

X = jnp.array([-3.0, -0.5, 0.0, 0.5, 2.0])


def same(spike, other, x=X):
    assert_close(spike.surrogate_grad(x), other.surrogate_grad(x), rtol=3e-7)
    assert_close(spike.surrogate_fun(x), other.surrogate_fun(x), rtol=1e-6)


def test_what_is_scaled_twice_has_the_product_of_scales_and_dampenings():
    nested = Scaled(QPseudoSpike(1.7, scale=2.0, dampening=0.5), scale=3.0, dampening=0.3)
    same(nested, QPseudoSpike(1.7, scale=6.0, dampening=0.15))
    nested = Scaled(Scaled(Sigmoid(), scale=2.0, dampening=0.5), scale=3.0)
    same(nested, Scaled(Sigmoid(), scale=6.0, dampening=0.5))
    state = brainstate.State(jnp.array([2.0] * 5))
    nested = Scaled(QPseudoSpike(3.0, scale=state), scale=jnp.full(5, 3.0))
    same(nested, QPseudoSpike(3.0, scale=jnp.full(5, 6.0)))
    wider = Scaled(QPseudoSpike(scale=10 * u.mV), scale=2.0)
    same(wider, QPseudoSpike(scale=20 * u.mV), X * u.mV)
    with pytest.raises(u.UnitMismatchError, match="x and scale must have the same dim"):
        Scaled(QPseudoSpike(scale=u.mV), scale=2 * u.mV).surrogate_grad(X * u.mV)


def test_the_inner_residuals_are_replaced():
    exact = Scaled(QPseudoSpike(residual_dtype="uint8"), dampening=0.5)
    derivative = jax.vjp(exact, X)[1](jnp.ones(5))[0]
    np.testing.assert_array_equal(derivative, exact.surrogate_grad(X))


def test_the_original_function_is_the_surrogates_and_has_the_derivative_at_kinks_too():
    for surrogate in (SoftSign(), LeakyRelu(), S2NN()):
        assert jnp.array_equal(Scaled(surrogate).surrogate_fun(X), surrogate.surrogate_fun(X))
        spike = Scaled(surrogate, scale=2.0, dampening=0.3)
        np.testing.assert_array_equal(
            jax.vmap(jax.grad(spike.surrogate_fun))(X), spike.surrogate_grad(X)
        )
    lower, x = Scaled(Sigmoid(4.0), scale=2.0, dampening=0.3), np.asarray(X)
    assert_close(lower.surrogate_fun(X), 0.5 + 0.3 * (1 / (1 + np.exp(-2 * x)) - 0.5), rtol=1e-6)
    with pytest.raises(NotImplementedError):
        Scaled(GaussianGrad()).surrogate_fun(X)


@pytest.mark.float16
def test_half_precision_does_not_overflow():
    spike = Scaled(Sigmoid(4.0), scale=1e-3)
    assert spike.surrogate_grad(jnp.float16(60_000.0)) == 0
    assert spike.surrogate_grad(jnp.float16(0.0)) == 1000


def test_an_array_in_the_surrogate_broadcasts():
    alpha = np.array([1.0, 2.0, 4.0, 2.0, 1.0])
    spike = Scaled(Sigmoid(jnp.asarray(alpha)), scale=2.0)
    assert_close(jax.grad(lambda x: spike(x).sum())(jnp.zeros(())), alpha.sum() / 8)
    with pytest.raises(ValueError, match=r"broadcast against x.*'surrogate': \(5,\).*\(4,\)"):
        spike(X[:4])

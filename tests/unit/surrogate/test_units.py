"""The unit table of the design, row by row."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import QPseudoSpike, Scaled, q_pseudo_spike

# Scaled as it is made of QPseudoSpike, which the table holds for, too.
CLASSES = [QPseudoSpike, lambda **kw: Scaled(QPseudoSpike(), **kw)]
either = pytest.mark.parametrize("make", CLASSES, ids=["QPseudoSpike", "Scaled"])

V = jnp.array([-15.0, -1.5, 0.0, 3.0]) * u.mV
SPIKES = [0.0, 0.0, 1.0, 1.0]
# alpha = 2 and scale = 15 mV, by hand: (1 + 2 |V| / 45 mV) ** -2 / 15 mV
GRADIENT = np.array([9 / 25, 225 / 256, 1.0, 225 / 289]) / 15


def spike_gradient(surrogate, v):
    return u.autograd.grad(lambda v: surrogate(v).sum())(v)


def all_methods(surrogate, x):
    return [
        lambda: surrogate(x),
        lambda: surrogate.surrogate_grad(x),
        lambda: surrogate.surrogate_fun(x),
        lambda: jax.vjp(surrogate, x)[1](jnp.ones(x.shape)),
    ]


def test_a_quantity_without_dimension_is_converted():
    x = u.Quantity(jnp.array([-1000.0, 0.0, 500.0]), unit=u.mV / u.volt)
    surrogate = QPseudoSpike()
    assert_close(surrogate(x), [0.0, 1.0, 1.0])
    assert_close(surrogate.surrogate_grad(x), [9 / 25, 1.0, 9 / 16])
    assert_close(surrogate.surrogate_fun(x)[1], 0.5)


def test_a_voltage_spikes_without_scale():
    assert_close(q_pseudo_spike(V), SPIKES)
    assert not isinstance(q_pseudo_spike(V), u.Quantity)


@either
def test_a_voltage_without_scale_has_no_derivative(make):
    fix = r"with respect to x in mV needs a scale.*for example scale=V_th - V_reset"
    _, *derivatives = all_methods(make(), V)
    for derivative in [*derivatives, lambda: spike_gradient(make(), V)]:
        with pytest.raises(u.UnitMismatchError, match=fix):
            derivative()


def test_a_zero_tangent_needs_no_scale():
    """Differentiating by something else, through jit and scan too."""

    def loss(w, v):
        step = lambda carry, _: (carry + w * q_pseudo_spike(v).sum(), None)
        return jax.lax.scan(step, 0.0, None, length=3)[0]

    assert jax.jit(jax.grad(loss))(1.0, V) == 6.0
    assert jax.grad(lambda w: w * q_pseudo_spike(jax.lax.stop_gradient(V)).sum())(1.0) == 2.0


@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd])
def test_parameters_have_no_derivative_and_need_no_scale(derivative):
    """Here it is the parameters that vary, and x's tangent that is zero."""
    spikes = lambda alpha, dampening: q_pseudo_spike(V, alpha, dampening=dampening).sum()
    assert_close(jnp.array(derivative(spikes, argnums=(0, 1))(2.0, 0.5)), [0.0, 0.0])


@either
@pytest.mark.parametrize("scale", [15 * u.mV, 15_000 * u.uvolt])
def test_units_of_x_and_scale_do_not_change_the_physics(make, scale):
    surrogate = make(scale=scale)
    for unit in (u.mV, u.volt):
        x = V.in_unit(unit)
        assert_close(surrogate(x), SPIKES)
        assert surrogate.surrogate_fun(x)[2] == 0.5
        assert_close(surrogate.surrogate_grad(x) * u.mV, GRADIENT)
        assert_close(spike_gradient(surrogate, x) * u.mV, GRADIENT)
        assert_close(surrogate.surrogate_fun(x), surrogate.surrogate_fun(V))
        assert spike_gradient(surrogate, x).unit.has_same_dim(unit.reverse())


def test_jax_grad_is_in_the_unit_of_x():
    """JAX knows no units: its cotangent has the structure of x, with per-unit numbers inside."""
    surrogate = QPseudoSpike(scale=15 * u.mV)
    cotangent = jax.grad(lambda v: surrogate(v).sum())(V)
    assert_close(cotangent.mantissa, GRADIENT)


@either
@pytest.mark.parametrize(
    ("x", "scale", "message"),
    [
        (V, 2.0, r"got x in mV and a scale without unit\. Pass scale=1\.0 \* u\.mV"),
        (V, jnp.ones(4), "got x in mV and a scale without unit"),
        (V, u.ms, "got x in mV and a scale in ms"),
        (jnp.ones(2), 2 * u.mV, r"got x without unit and a scale in mV\..*reset"),
    ],
)
def test_a_scale_of_another_dimension(make, x, scale, message):
    for method in all_methods(make(scale=scale), x):
        with pytest.raises(u.UnitMismatchError, match="must have the same dimension, " + message):
            method()


def test_a_unit_as_scale_counts_one_of_it():
    assert QPseudoSpike(scale=u.mV) == QPseudoSpike(scale=1.0 * u.mV)
    assert_close(QPseudoSpike(scale=u.mV).surrogate_grad(0.5 * u.mV) * u.mV, jnp.float32(9 / 16))


def test_a_scale_per_neuron():
    surrogate = QPseudoSpike(scale=jnp.array([10.0, 20.0]) * u.mV)
    gradient = surrogate.surrogate_grad(jnp.array([[10.0, 20.0], [0.0, 0.0]]) * u.mV) * u.mV
    assert_close(gradient, [[9 / 250, 9 / 500], [0.1, 0.05]])


def test_units_of_a_second_derivative():
    surrogate = QPseudoSpike(scale=15 * u.mV)
    curvature = u.autograd.grad(lambda v: surrogate.surrogate_grad(v))(3.0 * u.mV)
    # d/dV of (1 + 2 V / 45 mV) ** -2 / 15 mV
    assert_close(curvature * u.mV * u.mV, jnp.float32(-4 / 45 * (51 / 45) ** -3 / 15))


@pytest.mark.float16
def test_units_far_apart_in_half_precision():
    """The scale in the unit of x is 1e-6 kV, which float16 has not."""
    scale = jnp.array([1e3, 2e3], jnp.float16) * u.uvolt
    gradient = QPseudoSpike(2.0, scale=scale).surrogate_grad(jnp.zeros(2) * u.kvolt)
    assert_close(gradient * u.kvolt, jnp.array([1e6, 5e5]))

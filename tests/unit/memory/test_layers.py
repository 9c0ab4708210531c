"""SpikeLinear and SpikeConv are brainstate's layers in everything but what they store."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, thorough, thorough_but

from braintools_qps import SpikeConv1d, SpikeConv2d, SpikeLinear

nn, init = brainstate.nn, brainstate.nn.init
LINEAR = nn.Linear, SpikeLinear, (5, 3)
LINE, IMAGE = (nn.Conv1d, SpikeConv1d, ((9, 4), 8, 3)), (nn.Conv2d, SpikeConv2d, ((5, 6, 4), 8, 3))
OPTIONS = {
    "linear, no bias, a mask": (
        LINEAR, {"b_init": None, "w_mask": np.arange(15).reshape(5, 3) % 2},
    ),
    "linear, units, a name and another kind of state": (
        LINEAR,
        {"w_init": init.Normal(0.0, 1.0, unit=u.mS), "b_init": init.Constant(0.1 * u.mS),
         "name": "readout", "param_type": brainstate.ShortTermState},
    ),
    "strides, padding, groups, a bias": (
        IMAGE, {"stride": 2, "padding": 1, "groups": 2, "b_init": init.Constant(0.3)},
    ),
    "dilated, channels first": (
        IMAGE, {"rhs_dilation": 2, "padding": "VALID", "channel_first": True},
    ),
    "a mask": (LINE, {"w_mask": np.arange(96).reshape(3, 4, 8) % 2}),
    "several dimensions": ((nn.Linear, SpikeLinear, ((2, 5), (2, 3))), {}),
}  # fmt: skip
OFTEN = "linear, no bias, a mask", "strides, padding, groups, a bias"
kinds = pytest.mark.parametrize("kinds", [LINEAR, thorough(LINE), IMAGE])


def draw(*shape):
    return jnp.asarray(np.random.default_rng(0).random(shape) < 0.4, jnp.float32)


def pair(kinds, **options):
    """Brainstate's layer and ours, made from the same random numbers."""
    *layers, sizes = kinds
    for kind in layers:
        brainstate.random.seed(1)
        yield kind(*sizes, **options)


@pytest.mark.parametrize("name", thorough_but(OFTEN, OPTIONS))
def test_parameters_values_and_gradients_are_those_of_brainstate(name):
    kinds, options = OPTIONS[name]
    theirs, ours = pair(kinds, **options)
    spikes = draw(2, *theirs.in_size)
    assert isinstance(ours, type(theirs))
    for name in ("in_size", "out_size", "name"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.states().keys() == theirs.states().keys()
    assert type(ours.weight) is type(theirs.weight)
    jax.tree.map(assert_close, ours.weight.value, theirs.weight.value)
    assert_close(ours(spikes), theirs(spikes))

    def gradients(layer):
        loss = lambda spikes: jnp.sum(jnp.cos(u.get_mantissa(layer(spikes))))
        by_both = brainstate.transform.grad(loss, layer.weight, argnums=0)
        return jax.tree.leaves(brainstate.transform.jit(by_both)(spikes))

    for one, other in zip(gradients(ours), gradients(theirs), strict=True):
        assert_close(one, other, atol=1e-5)


def test_a_convolution_takes_an_empty_batch_and_none():
    conv, spiking = pair(IMAGE)
    gradient = brainstate.transform.grad(lambda x: jnp.sum(spiking(x)), spiking.weight)
    assert not gradient(draw(0, 5, 6, 4))["weight"].any()
    assert_close(spiking(draw(5, 6, 4)), conv(draw(5, 6, 4)))


@kinds
def test_scaled_spikes_with_units_give_currents_with_units(kinds):
    theirs, _ = pair(kinds)
    _, kind, sizes = kinds
    weights = theirs.weight.value["weight"] * u.mS
    ours = kind(*sizes, w_init=weights, b_init=None, scale=2.0 * u.mV)
    spikes = draw(2, *theirs.in_size)
    assert_close(ours(2 * spikes * u.mV), theirs(2 * spikes) * (u.mV * u.mS))


@kinds
def test_a_graded_input_is_refused_or_makes_the_gradient_nan(kinds):
    _, spiking = pair(kinds)
    graded = 0.5 * draw(1, *spiking.in_size)
    with pytest.raises(ValueError, match=r"spikes must be 0 or 1, got 0.5"):
        spiking(graded)
    gradient = brainstate.transform.grad(lambda x: jnp.sum(spiking(x)), spiking.weight)
    assert jnp.isnan(brainstate.transform.jit(gradient)(graded)["weight"]).all()

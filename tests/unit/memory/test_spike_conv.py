"""SpikeConv1d and 2d are brainstate's convolutions in everything but what they remember."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import SpikeConv1d, SpikeConv2d

nn, init = brainstate.nn, brainstate.nn.init
LINE, IMAGE = (nn.Conv1d, SpikeConv1d, (9, 4)), (nn.Conv2d, SpikeConv2d, (5, 6, 4))
OPTIONS = {
    "a line": (LINE, {}),
    "an image": (IMAGE, {}),
    "a bias": (IMAGE, {"b_init": init.Constant(0.3)}),
    "strides and padding": (IMAGE, {"stride": 2, "padding": 1}),
    "dilated": (IMAGE, {"rhs_dilation": 2, "padding": "VALID"}),
    "groups": (IMAGE, {"groups": 2}),
    "a mask": (LINE, {"w_mask": np.arange(96).reshape(3, 4, 8) % 2}),
    "channels first": (IMAGE, {"channel_first": True}),
    "another kind of state": (LINE, {"param_type": brainstate.ShortTermState}),
}


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).random(shape) < 0.4, jnp.float32)


def pair(kinds, **options):
    """Both layers, made from the same random numbers."""
    *layers, size = kinds
    for kind in layers:
        brainstate.random.seed(1)
        yield kind(size, out_channels=8, kernel_size=3, **options)


@pytest.mark.parametrize(("kinds", "options"), OPTIONS.values(), ids=OPTIONS)
def test_parameters_values_and_gradients(kinds, options):
    conv, spiking = pair(kinds, **options)
    spikes = draw(2, *conv.in_size)
    assert spiking.out_size == conv.out_size
    assert type(spiking.weight) is type(conv.weight)
    jax.tree.map(assert_close, spiking.weight.value, conv.weight.value)
    np.testing.assert_array_equal(spiking(spikes), conv(spikes))

    def gradients(layer):
        loss = lambda spikes: jnp.sum(jnp.cos(layer(spikes)))
        by_both = brainstate.transform.grad(loss, layer.weight, argnums=0)
        return jax.tree.leaves(brainstate.transform.jit(by_both)(spikes))

    for one, other in zip(gradients(spiking), gradients(conv), strict=True):
        assert_close(one, other, atol=1e-5)


def test_an_empty_batch():
    _, spiking = pair(IMAGE)
    gradient = brainstate.transform.grad(lambda x: jnp.sum(spiking(x)), spiking.weight)
    assert not gradient(draw(0, 5, 6, 4))["weight"].any()


def test_without_a_batch():
    conv, spiking = pair(IMAGE)
    np.testing.assert_array_equal(spiking(draw(5, 6, 4)), conv(draw(5, 6, 4)))


@pytest.mark.parametrize("there", [True, False])
def test_states_load_into_the_other(there):
    source, target = list(pair(IMAGE))[:: 1 if there else -1]
    source.weight.value = jax.tree.map(lambda leaf: leaf + 1, source.weight.value)
    for path, state in source.states().items():
        target.states()[path].value = state.value
    assert_close(target(draw(1, 5, 6, 4)), source(draw(1, 5, 6, 4)))


def test_scaled_spikes_and_units():
    conv, _ = pair(LINE)
    weights = conv.weight.value["weight"] * u.mS
    spiking = SpikeConv1d((9, 4), 8, 3, w_init=weights, scale=2.0 * u.mV)
    spikes = draw(2, 9, 4)
    assert_close(spiking(2 * spikes * u.mV), conv(2 * spikes) * (u.mV * u.mS))


def test_what_is_no_spike():
    """Refused where it can be seen, NaN in the gradient of the weights where it cannot."""
    _, spiking = pair(IMAGE)
    graded = draw(1, 5, 6, 4).at[0, 2, 3, 1].set(0.5)
    with pytest.raises(ValueError, match=r"spikes must be 0 or 1, got 0.5"):
        spiking(graded)
    gradient = brainstate.transform.grad(lambda x: jnp.sum(spiking(x)), spiking.weight)
    slopes = brainstate.transform.jit(gradient)(graded)
    assert jnp.isnan(slopes["weight"][..., 1, :]).all()


def test_memory_of_a_scan():
    """A bit in place of 32, and a byte for 32 of them."""

    def stored(layer, steps=400):
        spikes = jnp.zeros((2, *layer.in_size))

        def loss(threshold):
            fired = lambda i: (spikes + i > threshold).astype(jnp.float32)
            step = lambda i: jnp.sum(jnp.sin(layer(fired(i))))
            return jnp.sum(brainstate.transform.for_loop(step, jnp.arange(steps)))

        gradient = brainstate.transform.jit(brainstate.transform.grad(loss, layer.weight))
        return gradient.compile(3.0).memory_analysis().temp_size_in_bytes

    plain, packed = (stored(layer) for layer in pair((nn.Conv2d, SpikeConv2d, (8, 8, 4))))
    kept = 400 * 2 * 8 * 8 * 4
    assert plain - packed > 0.93 * 4 * kept

"""SpikeLinear is brainstate.nn.Linear in everything but what it remembers."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import SpikeLinear

SPIKES = jnp.asarray(np.random.default_rng(0).random((4, 5)) < 0.5, jnp.float32)
init = brainstate.nn.init
OPTIONS = {
    "as it comes": {},
    "no bias": {"b_init": None},
    "initialisers": {"w_init": init.Normal(0.0, 2.0), "b_init": init.Constant(0.3)},
    "an array as mask": {"w_mask": np.arange(15).reshape(5, 3) % 2},
    "a function as mask": {"w_mask": lambda shape: np.ones(shape)},
    "units": {"w_init": init.Normal(0.0, 1.0, unit=u.mS), "b_init": init.Constant(0.1 * u.mS)},
    "another kind of state": {"param_type": brainstate.ShortTermState},
    "a name": {"name": "readout"},
}


def pair(**options):
    """Both layers, made from the same random numbers."""
    for kind in (brainstate.nn.Linear, SpikeLinear):
        brainstate.random.seed(1)
        yield kind(5, 3, **options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_parameters_values_and_gradients(options):
    linear, spiking = pair(**options)
    assert isinstance(spiking, brainstate.nn.Linear)
    assert type(spiking.weight) is type(linear.weight)
    assert (spiking.in_size, spiking.out_size) == (linear.in_size, linear.out_size)
    assert spiking.name == linear.name
    jax.tree.map(assert_close, spiking.weight.value, linear.weight.value)
    assert_close(spiking(SPIKES), linear(SPIKES))

    def gradient(layer):
        loss = lambda: jnp.sum(jnp.cos(u.get_mantissa(layer(SPIKES))))
        return brainstate.transform.grad(loss, layer.weight)()

    one, other = gradient(spiking), gradient(linear)
    assert one.keys() == other.keys()
    for name in one:
        assert_close(one[name], other[name], atol=1e-6)


@pytest.mark.parametrize("there", [True, False])
def test_states_load_into_the_other(there):
    source, target = list(pair())[:: 1 if there else -1]
    source.weight.value = jax.tree.map(lambda leaf: leaf + 1, source.weight.value)
    states = {path: state.value for path, state in source.states().items()}
    for path, state in target.states().items():
        state.value = states.pop(path)
    assert not states
    assert_close(target(SPIKES), source(SPIKES))


def test_sizes_of_several_dimensions():
    linear, spiking = brainstate.nn.Linear((2, 5), (2, 3)), SpikeLinear((2, 5), (2, 3))
    spiking.weight.value = linear.weight.value
    spikes = jnp.stack([SPIKES, 1 - SPIKES], axis=1)
    assert_close(spiking(spikes), linear(spikes))


def test_behind_a_dropout():
    layer, dropout = SpikeLinear(5, 3, scale=1 / 0.7), brainstate.nn.Dropout(0.7)

    def loss():
        brainstate.random.seed(3)
        with brainstate.environ.context(fit=True):
            kept = dropout(SPIKES)
        return jnp.sum(layer(kept)), kept

    gradients, kept = brainstate.transform.grad(loss, layer.weight, has_aux=True)()
    assert_close(gradients["weight"], jnp.tile(kept.sum(0)[:, None], 3))


def test_what_is_no_spike_is_refused():
    with pytest.raises(ValueError, match=r"spikes must be 0 or 1, got 0.25"):
        SpikeLinear(5, 3)(0.25 * SPIKES)

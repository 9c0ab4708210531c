"""The flag with which newer releases of JAX have another primitive for `jax.checkpoint`."""

import brainstate
import jax
import jax.numpy as jnp
import pytest

from braintools_qps import QPseudoSpike, gradient_flow, normalize_rates, save_memory
from braintools_qps._jaxpr import calling_primitives, naming_primitive

pytestmark = pytest.mark.thorough
INPUTS = jax.random.uniform(jax.random.key(0), (20, 3, 4))


@pytest.fixture(autouse=True)
def _flag():
    for value in (True, False):
        jax.config.update("jax_remat3", value)
        jax.clear_caches()
        for names in (calling_primitives, naming_primitive):
            names.cache_clear()
        if value:
            yield


class Network(brainstate.nn.Module):
    """Neurons within a checkpoint, and a readout."""

    def __init__(self):
        super().__init__()
        self.weights = brainstate.ParamState(0.3 * jnp.ones((4, 8)))
        self.output = brainstate.nn.Linear(8, 2, lambda shape: 0.3 * jnp.ones(shape))
        self.spk_fun = QPseudoSpike(8.0)
        self.V = brainstate.HiddenState(jnp.zeros((3, 8)))

    def update(self, x):
        def advance(V, x, weights):
            V = 0.9 * V + x @ weights
            return V, self.spk_fun(V - 1)

        self.V.value, spikes = jax.checkpoint(advance)(self.V.value, x, self.weights.value)
        return self.output(spikes)


def test_a_checkpoint_within_a_step_is_opened():
    assert gradient_flow(Network(), INPUTS)["model"].populations[0].activity.firing_rate > 0
    assert normalize_rates(Network(), INPUTS, 0.5).populations[0].factor is not None


def test_derivatives_are_stored_in_few_bits():
    x = jnp.linspace(-1, 1, 101)
    coded = jax.grad(lambda x: QPseudoSpike(8.0, residual_dtype="uint8")(x).sum())
    for gradient in (coded, jax.jit(coded), jax.vmap(coded), jax.jit(jax.checkpoint(coded))):
        assert jnp.abs(gradient(x) - QPseudoSpike(8.0).surrogate_grad(x)).max() < 2**-6


def test_memory_is_saved():
    def gradient(network):
        def loss():
            network.V.value = jnp.zeros((3, 8))
            return jnp.sum(brainstate.transform.for_loop(network.update, INPUTS) ** 2)

        by_weights = brainstate.transform.grad(loss, network.states(brainstate.ParamState))
        return jax.tree.leaves(brainstate.transform.jit(by_weights)())

    network = Network()
    plain = gradient(network)
    assert "output" in save_memory(network, INPUTS).changed
    for one, other in zip(plain, gradient(network), strict=True):
        assert jnp.allclose(one, other, rtol=0.02)

"""save_memory in layers of braintrace, in plain products, and where spikes stand beside floats."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintrace import nn
from helpers import thorough_but

from benchmarks.published import MODELS
from braintools_qps import save_memory

N, STEPS, BATCH = 64, 100, 8
SPIKES = 4 * N * STEPS * BATCH  # bytes in 32 bits
INPUTS = 2 * jax.random.normal(jax.random.key(0), (STEPS, BATCH, N))


@jax.custom_jvp
def spike(x):
    """No Surrogate: save_memory leaves its derivative in 32 bits."""
    return (x >= 0).astype(x.dtype)


spike.defjvp(lambda primals, dots: (spike(*primals), dots[0] / (1 + jnp.abs(primals[0])) ** 2))


class Plain(brainstate.nn.Module):
    """A product with weights that no layer holds."""

    def __init__(self, product, shape):
        super().__init__()
        self.product = product
        self.weights = brainstate.ParamState(jax.random.normal(jax.random.key(2), shape))

    def update(self, x):
        return self.product(x, self.weights.value)


class Squared(nn.Linear):
    def update(self, x):
        return super().update(x) ** 2


class Images(nn.Conv2d):
    def update(self, x):
        return super().update(x.reshape(-1, 4, 4, N // 16))


class Network(brainstate.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.spk_fun, self.layer = spike, layer()

    def init_state(self, batch_size=None, **kwargs):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, N)))

    def update(self, x):
        self.V.value = 0.9 * self.V.value + x
        return self.layer(self.spk_fun(self.V.value - 1))


LAYERS = {
    "Linear": lambda: nn.Linear(N, 4),
    "Conv2d": lambda: Images((4, 4, N // 16), 4, 3),
    "SignedWLinear": lambda: nn.SignedWLinear(N, 4),
    "LeakyRateReadout": lambda: nn.LeakyRateReadout(N, 4),
    "a subclass": lambda: Squared(N, 4),
    "a plain product": lambda: Plain(jnp.matmul, (N, 4)),
    "weights first": lambda: Plain(lambda x, w: (w @ x.T).T, (4, N)),
    "scaled spikes": lambda: Plain(lambda x, w: (0.3 * x) @ w, (N, 4)),
    "within a checkpoint": lambda: Plain(jax.checkpoint(jnp.matmul), (N, 4)),
    "beside floats": lambda: Plain(
        lambda x, w: jnp.concatenate([jnp.sin(x[:, :3] + w[0, 0]), x], -1) @ w, (N + 3, 4)
    ),
}


OFTEN = "a subclass", "beside floats"


@pytest.mark.parametrize("name", thorough_but(OFTEN, LAYERS))
def test_gradients_are_the_same_to_the_bit_and_spikes_take_one(name):
    def run(saved):
        with brainstate.environ.context(dt=1 * u.ms, fit=True):
            brainstate.random.seed(0)
            network = Network(LAYERS[name])
            if saved:
                save_memory(network, INPUTS)

            def loss():
                brainstate.nn.init_all_states(network, BATCH)
                return jnp.sum(jnp.sin(brainstate.transform.for_loop(network, INPUTS)))

            weights = network.states(brainstate.ParamState)
            gradient = brainstate.transform.jit(brainstate.transform.grad(loss, weights))
            memory = gradient.compile().memory_analysis().temp_size_in_bytes
            return jax.tree.leaves(gradient()), memory

    (plain, before), (saved, after) = run(False), run(True)
    for one, other in zip(plain, saved, strict=True):
        assert np.any(one)
        np.testing.assert_array_equal(one, other)
    if name != "within a checkpoint":  # which stores the spikes itself
        assert before - after > 0.8 * SPIKES


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of calls by brainstate
def test_sparse_products_of_brainevent_are_named_with_the_memory_of_their_spikes():
    with brainstate.environ.context(dt=1 * u.ms):
        report = save_memory(MODELS["the same, sparse connections"](), jnp.zeros((9, 32, 64)))
    # 102 excitatory and 26 inhibitory neurons, batch of 32, 4 bytes
    for name, size in (("excite.comm", 0.0131), ("inhibit.comm", 0.00333)):
        assert report.left[name].endswith(f" stores its spikes in 32 bits, {size} MB a step")
    assert report.changed["readout"] == "LeakyRateReadout, spikes in one bit"

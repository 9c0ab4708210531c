"""The flag with which newer releases of JAX have another primitive for `jax.checkpoint`."""

import os
import subprocess
import sys

import pytest

FLOW = """
import jax, jax.numpy as jnp, brainstate
from braintools_qps import QPseudoSpike, gradient_flow, normalize_rates

class Layer(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = brainstate.ParamState(jnp.eye(4))
        self.spk_fun = QPseudoSpike(8.0, dampening=0.3)
        self.V = brainstate.HiddenState(jnp.zeros((3, 4)))

    def update(self, x):
        def advance(V, x, w):
            V = 0.9 * V + x @ w
            return V, self.spk_fun(V - 1)

        self.V.value, spikes = jax.checkpoint(advance)(self.V.value, x, self.weights.value)
        return spikes

inputs = jax.random.uniform(jax.random.key(0), (20, 3, 4))
print(gradient_flow(Layer(), inputs)["model"].populations[0].activity.firing_rate > 0)
print(normalize_rates(Layer(), inputs, 0.5).populations[0].factor is not None)
"""

FEW_BITS = """
import jax, jax.numpy as jnp, brainstate
from braintools_qps import QPseudoSpike, save_memory

x = jnp.linspace(-1, 1, 101)
exact = QPseudoSpike(8.0).surrogate_grad(x)
coded = lambda x: QPseudoSpike(8.0, residual_dtype="uint8")(x).sum()
close = lambda gradient: jnp.abs(gradient - exact).max() < 2**-6
print(close(jax.grad(coded)(x)), close(jax.jit(jax.grad(coded))(x)))
print(close(jax.vmap(jax.grad(coded))(x[:, None])[:, 0]), close(jax.grad(jax.checkpoint(coded))(x)))

class Network(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        ones = lambda shape: 0.3 * jnp.ones(shape)
        self.hidden = brainstate.nn.Linear(4, 8, ones)
        self.output = brainstate.nn.Linear(8, 2, ones)
        self.spk_fun = QPseudoSpike(8.0)
        self.V = brainstate.HiddenState(jnp.zeros((3, 8)))

    def update(self, x):
        self.V.value = 0.9 * self.V.value + self.hidden(x)
        return self.output(self.spk_fun(self.V.value - 1))

inputs = jax.random.uniform(jax.random.key(0), (20, 3, 4))

def gradient(network):
    def loss():
        network.V.value = jnp.zeros((3, 8))
        return jnp.sum(brainstate.transform.for_loop(network.update, inputs) ** 2)
    by_weights = brainstate.transform.grad(loss, network.states(brainstate.ParamState))
    return brainstate.transform.jit(by_weights)()

network = Network()
plain = gradient(network)
print("output" in save_memory(network, inputs).changed)
same = jax.tree.map(lambda a, b: bool(jnp.allclose(a, b, rtol=0.02)), plain, gradient(network))
print(all(jax.tree.leaves(same)))
"""


def printed(program, flag):
    environment = os.environ | {"JAX_REMAT3": flag}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


@pytest.mark.thorough
@pytest.mark.parametrize("flag", ["0", "1"])
def test_a_checkpoint_within_a_step_is_opened(flag):
    assert printed(FLOW, flag) == ["True"] * 2


@pytest.mark.thorough
@pytest.mark.parametrize("flag", ["0", "1"])
def test_derivatives_are_stored_in_few_bits(flag):
    assert printed(FEW_BITS, flag) == ["True"] * 6

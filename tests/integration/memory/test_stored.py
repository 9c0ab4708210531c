"""What a scan stores of spikes that meet weights: little more than a bit each."""

import brainstate
import jax
import jax.numpy as jnp
import pytest

from braintools_qps import QPseudoSpike, save_memory, spike_matmul

Linear = brainstate.nn.Linear


def temporaries(compiled):
    return compiled.memory_analysis().temp_size_in_bytes


def test_a_product_stores_little_more_than_a_bit_for_a_spike():
    """1.25 bits in place of 32, for any number of neurons."""

    def stored(product, n=250, steps=600):
        weights, spikes = jnp.zeros((n, 4)), jnp.zeros((8, n))

        def loss(weights, threshold):
            def step(i, _):
                fired = (spikes + i > threshold).astype(jnp.float32)
                return i + 1, jnp.sum(jnp.sin(product(fired, weights)))

            return jnp.sum(jax.lax.scan(step, 0, None, length=steps)[1])

        return temporaries(jax.jit(jax.grad(loss)).lower(weights, 3.0).compile())

    assert stored(spike_matmul) < 0.06 * stored(jnp.dot)


class Looping(brainstate.nn.Module):
    """A recurrent network that compiles its loop over time itself."""

    def __init__(self):
        super().__init__()
        self.input, self.recurrent = Linear(3, 4), Linear(4, 4)
        self.spk_fun = QPseudoSpike()
        self.V, self.spikes = (brainstate.HiddenState(jnp.zeros((5, 4))) for _ in "ab")
        self.run = brainstate.transform.jit(self.loop)

    def loop(self, xs):
        def step(x):
            current = self.input(x) + self.recurrent(self.spikes.value)
            self.V.value = 0.9 * self.V.value + current
            self.spikes.value = self.spk_fun(self.V.value - 1)
            return self.spikes.value

        return brainstate.transform.for_loop(step, xs)

    def update(self, xs):
        return self.run(xs)


@pytest.mark.thorough
def test_a_model_that_compiles_its_own_loop():
    """The plain program is not used that it may have compiled before, nor the one with marks."""

    def stored(called, saved):
        network, xs = Looping(), jnp.ones((200, 5, 3))
        if called:
            network(xs)
        if saved:
            assert set(save_memory(network, xs[None]).changed) == {"Looping", "recurrent"}
        loss = lambda xs: network(xs).sum()
        gradient = brainstate.transform.grad(loss, network.recurrent.weight)
        return temporaries(brainstate.transform.jit(gradient).compile(xs))

    assert stored(False, True) == stored(True, True) < stored(False, False)

"""Small stacks of layers for the tests of the diagnosis."""

import brainstate
import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike

STEPS, BATCH, N = 10, 8, 8
LOW = QPseudoSpike(2.0, dampening=0.2)


class Reset(brainstate.nn.Module):
    """Its states begin at 0."""

    def init_state(self):
        for state in self.states(brainstate.HiddenState).values():
            state.value = jnp.zeros_like(state.value)


class Layer(Reset):
    """Leaky membranes behind weights that are all the same."""

    def __init__(self, weight, spike=LOW, leak=0.9):
        super().__init__()
        self.weights = brainstate.ParamState(weight * jnp.eye(N))
        self.spk_fun, self.leak = spike, leak
        self.V = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        fired = self.spk_fun(self.V.value - 1)
        self.V.value = self.leak * (self.V.value - jax.lax.stop_gradient(fired))
        self.V.value += x @ self.weights.value
        return self.spk_fun(self.V.value - 1)


class Changed(Layer):
    """A layer without a reset, whose membranes change in another way."""

    def __init__(self, change, weight=1.0, spike=LOW, dtype=jnp.float32):
        super().__init__(weight, spike)
        self.V.value, self.change = self.V.value.astype(dtype), change

    def update(self, x):
        self.V.value = self.change(self.V.value, x, self.weights.value)
        return self.spk_fun(self.V.value - 1)


class Stack(brainstate.nn.Module):
    """Layers, one behind the other, and a readout."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)
        self.out = brainstate.ParamState(jax.random.normal(jax.random.key(1), (N, 2)))

    def update(self, x):
        for layer in self.layers:
            x = layer(x)
        return x @ self.out.value


def inputs(steps=STEPS):
    return jax.random.uniform(jax.random.key(0), (steps, BATCH, N))


class Triangle(Surrogate):
    """snnTorch's triangular: 1 below the threshold, -1 above."""

    def surrogate_fun(self, x):
        return -jnp.abs(x)

    def surrogate_grad(self, x):
        return jnp.where(x < 0, 1.0, -1.0).astype(x.dtype)

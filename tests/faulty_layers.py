"""Layers and networks with a fault that is known by construction, to test the diagnosis."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from braintools.surrogate import Sigmoid, Surrogate
from small_stacks import BATCH, Layer, N, Stack

stop = jax.lax.stop_gradient
keys = jax.random.split(jax.random.key(0), 3)


class Delayed(brainstate.nn.Module):
    def __init__(self, steps):
        super().__init__()
        with brainstate.environ.context(dt=1 * u.ms):
            self.line = brainstate.nn.Delay(jnp.zeros(N), time=steps * u.ms)
        self.steps = steps

    def update(self, x):
        self.line(x)
        return self.line.retrieve_at_step(self.steps)


class Recurrent(Layer):
    """Strong recurrent weights: with a fat tail, the gradient doubles with each step back."""

    def __init__(self, spike):
        super().__init__(1.0, spike)
        self.back = brainstate.ParamState(2.5 * jax.random.normal(keys[1], (N, N)))

    def update(self, x):
        before = self.spk_fun(self.V.value - 1)
        self.V.value = 0.5 * self.V.value - before + x @ self.weights.value
        self.V.value += before @ self.back.value
        return self.spk_fun(self.V.value - 1)


class Aside(Layer):
    """It fires, and its spikes are left out."""

    def update(self, x):
        super().update(x)
        return x


class Kept(Layer):
    """Its membranes go on from one batch to the next."""

    def init_state(self):
        pass


class Rooted(Layer):
    """The derivative of its gain is infinite."""

    def __init__(self, weight):
        super().__init__(weight)
        self.gain = brainstate.ParamState(jnp.zeros(N))

    def update(self, x):
        return super().update(x * (1 + jnp.sqrt(self.gain.value)))


class Plain(Layer):
    """Its weights are of no type that is trained."""

    def __init__(self, weight=1.0):
        super().__init__(weight)
        self.weights = brainstate.ShortTermState(self.weights.value)


class Averaged(Stack):
    """The output reads the mean of all spikes."""

    def update(self, x):
        return super().update(x).mean(axis=-1, keepdims=True) * self.scale.value


class Constant(Layer):
    """It fires, and sends ones."""

    def update(self, x):
        return jnp.ones_like(super().update(x))


class NaN(Surrogate):
    """A surrogate whose derivative is NaN below the threshold, its forward pass fine."""

    def surrogate_fun(self, x):
        return 0.0 * x

    def surrogate_grad(self, x):
        return jnp.where(x < 0, jnp.nan, 0.1)


def mixed(weight):
    """A layer with weights of both signs."""
    layer = Layer(1.0)
    layer.weights.value = weight * jax.random.normal(keys[2], (N, N))
    return layer


def fading(V, x, w):
    """A forward pass without memory; the gradient of its membranes halves with each step."""
    return 0.5 * (V - stop(V)) + x + 0.3


def runaway(V, x, w):
    """By hand: 1, 5, 21, 85, 341 and then infinity, at the sixth step."""
    return jnp.where(jnp.max(V) > 100, jnp.inf, V * 4 + 1)


def deaf(V, x, w):
    """It fires at every fourth step or so, whatever comes in."""
    return 0.9 * V * (V < 1) + 0.3 + 1e-4 * x @ w


class Readout(Layer):
    """Neurons as a readout: the output is their V."""

    def update(self, x):
        super().update(x)
        return self.V.value


class Ternary(Surrogate):
    """It sends -1, 0 and 1."""

    def __call__(self, x):
        return Sigmoid()(x) - Sigmoid()(-x - 2.0)

    def surrogate_fun(self, x):
        return Sigmoid().surrogate_fun(x)

    def surrogate_grad(self, x):
        return Sigmoid().surrogate_grad(x)


def averaged(outputs):
    network = Averaged(Layer(1.0))
    network.scale = brainstate.ParamState(jnp.arange(1.0, outputs + 1))
    return network


def narrowed():
    """Two layers with one neuron between them, and an output for each sample."""
    network = Stack(mixed(1.0), Layer(1.0), Layer(1.0))
    one = network.layers[1]
    network.layers[0].weights.value *= 0.3
    one.weights.value, one.V.value = 0.2 * jnp.ones((N, 1)), jnp.zeros((BATCH, 1))
    network.layers[2].weights.value = jnp.ones((1, N))
    network.out.value = jax.random.normal(keys[2], (N, BATCH))
    return network

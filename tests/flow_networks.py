"""Small recurrent networks for the tests of gradient_flow, as modules and written out by hand.

By hand, the time loop is unrolled and a perturbation added to every membrane where it is stored.
"""

from functools import cache, partial

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from helpers import linear

from braintools_qps import QPseudoSpike, gradient_flow

N, STEPS, BATCH = 6, 12, 3
ALPHA, SCALE, LEAK = 1.5, 0.7, 0.8

SURROGATE = QPseudoSpike(ALPHA, scale=SCALE)
gradient_flow = partial(gradient_flow, trial=False)  # what is measured


class Layer(brainstate.nn.Module):
    """Recurrent leaky membranes whose spikes come from a local variable, as in brainpy.state."""

    def __init__(self, weights, spike, unit=1.0, shape=(BATCH, N), names=("V", "spk_fun")):
        super().__init__()
        self.weights = brainstate.ParamState(weights)
        self.unit, self.names = unit, names
        setattr(self, names[0], brainstate.HiddenState(jnp.zeros(shape) * unit))
        setattr(self, names[1], spike)

    def leaks(self, V):
        return LEAK * V

    def product(self, spikes):
        return spikes @ self.weights.value

    def update(self, x):
        membrane, spike = (getattr(self, name) for name in self.names)
        spikes = spike(membrane.value - 1.0 * self.unit)
        drive = (self.product(spikes) + x) * self.unit
        V = self.leaks(membrane.value - spikes * self.unit) + drive
        membrane.value = V
        return spike(V - 1.0 * self.unit)


class Memoryless(brainstate.nn.Module):
    """Spikes where a current reaches a threshold, whatever came before."""

    def __init__(self, shape, threshold=1.0, spike=SURROGATE):
        super().__init__()
        self.spk_fun, self.threshold = spike, threshold
        self.V = brainstate.HiddenState(jnp.zeros(shape))

    def init_state(self):
        self.V.value = jnp.zeros_like(self.V.value)

    def update(self, current):
        self.V.value = current
        return self.spk_fun(current - self.threshold)


def Neurons(threshold=1.0):
    return Memoryless((BATCH, N), threshold)


class RunsAway(Memoryless):
    """Its membranes are infinite where a current is above 3."""

    def __init__(self, threshold=1.0):
        super().__init__((BATCH, N), threshold)

    def update(self, current):
        return super().update(jnp.where(current > 3, jnp.inf, current))


class Diagonal(brainstate.nn.Module):
    """Each neuron sees its own input, as a current."""

    def __init__(self, weight=1.0, bias=0.0, unit=1.0):
        super().__init__()
        self.weight = brainstate.ParamState({"w": weight * jnp.eye(N) * unit, "b": bias * unit})
        self.unit = unit

    def update(self, x):
        current = (x @ self.weight.value["w"] + self.weight.value["b"]) / self.unit
        return current.astype(x.dtype)


class Loop(brainstate.nn.Module):
    """Two populations that feed each other."""

    def __init__(self, seed=1, back=1.0, bias=0.0):
        super().__init__()
        brainstate.random.seed(seed)
        self.first, self.second, self.bias = Neurons(), Neurons(), bias
        self.into, self.on, self.back = (linear(N, N) for _ in range(3))
        self.back.weight.value = {"weight": back * self.back.weight.value["weight"]}

    def update(self, x):
        behind = self.second.spk_fun(self.second.V.value - 1)
        spikes = self.first(self.into(x) + self.back(behind) + self.bias)
        return self.second(self.on(spikes) + self.bias)


class ResetLayer(Layer):
    """The same, but spikes are sent on, and the membrane reset, before it is stored."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.spikes = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        V = LEAK * self.V.value + (self.spikes.value @ self.weights.value + x) * self.unit
        self.spikes.value = self.spk_fun(V - 1.0 * self.unit)
        self.V.value = V - self.spikes.value * self.unit
        return self.spikes.value


def weights_and_inputs(seed=0):
    first, second = jax.random.split(jax.random.key(seed))
    weights = jax.random.normal(first, (N, N)) / np.sqrt(N)
    return weights, jax.random.normal(second, (STEPS, BATCH, N)) + 0.4


def only(flows):
    (flow,) = flows.values()
    return flow


def spike_by_hand(x):
    """A step whose derivative is written as a straight line through each point."""
    slope = jax.lax.stop_gradient((1 + 2 * jnp.abs(x / SCALE) / (ALPHA + 1)) ** -ALPHA / SCALE)
    return jnp.where(x >= 0, 1.0, 0.0) + slope * (x - jax.lax.stop_gradient(x))


def run_by_hand(weights, inputs, shifts):
    V, outputs = jnp.zeros((BATCH, N)), []
    for x, shift in zip(inputs, shifts):
        spikes = spike_by_hand(V - 1)
        V = LEAK * (V - spikes) + spikes @ weights + x + shift
        outputs.append(spike_by_hand(V - 1))
    return jnp.stack(outputs)


def run_with_reset_by_hand(weights, inputs, shifts):
    V, spikes, outputs = jnp.zeros((BATCH, N)), jnp.zeros((BATCH, N)), []
    for x, shift in zip(inputs, shifts):
        V = LEAK * V + spikes @ weights + x
        spikes = spike_by_hand(V - 1)
        V = V - spikes + shift
        outputs.append(spikes)
    return jnp.stack(outputs)


@cache
def moments_by_hand(run, loss):
    weights, inputs = weights_and_inputs()
    by_shift = jax.jit(jax.grad(lambda shifts: loss(run(weights, inputs, shifts))))
    adjoints = by_shift(jnp.zeros((STEPS, BATCH, N)))
    return np.mean(np.square(adjoints), axis=(1, 2))[::-1]


def last_step(outputs):
    return jnp.sum(outputs[-1] * jnp.cos(jnp.arange(BATCH * N)).reshape(BATCH, N))


def all_steps(outputs):
    return jnp.sum(outputs * jnp.sin(jnp.arange(outputs.size)).reshape(outputs.shape))

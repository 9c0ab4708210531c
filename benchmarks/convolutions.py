"""Convolutions: a spiking network with all time steps at once, and with one step at a time.

Two convolutions, each followed by `brainpy.state.LIF` neurons; 20 steps, batch of 64. With one step
at a time, the whole network is in the loop over time. With all steps at once, time and batch are
one axis for each convolution, and only the neurons are in a loop. As products, the whole network is
in the loop, and a convolution is a product with nine shifted images. Weights, outputs and gradients
are the same. *to bound* is relative to all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from braintools_qps import QPseudoSpike

from .descent import BATCH, CLASSES, descent
from .harness import Case, Ready, Settings, compiled, jitted

STEPS, CHANNELS = 20, 16
AT_ONCE, BY_STEP = "all steps at once", "one step at a time"
PRODUCTS = "one step at a time, as products"


class Network(brainstate.nn.Module):
    """Two convolutions, each followed by LIF neurons, and a readout in every step."""

    def __init__(self, size: int):
        super().__init__()
        self.conv1 = brainstate.nn.Conv2d((size, size, 1), CHANNELS, 3)
        self.lif1 = self._neurons(self.conv1.out_size)
        self.conv2 = brainstate.nn.Conv2d(self.conv1.out_size, CHANNELS, 3, stride=2)
        self.lif2 = self._neurons(self.conv2.out_size)
        self.readout = brainstate.nn.Linear((size // 2) ** 2 * CHANNELS, CLASSES)

    def _neurons(self, size: Any) -> brainstate.nn.Module:
        return brainpy.state.LIF(size, tau=10 * u.ms, spk_fun=QPseudoSpike())

    def update(self, x: jax.Array) -> jax.Array:
        """One step: (batch, height, width, channels) to (batch, classes)."""
        x = self.lif1(20 * self.conv1(x) * u.mA)
        x = self.lif2(20 * self.conv2(x) * u.mA)
        return self.readout(x.reshape(len(x), -1))

    def all_steps(self, x: jax.Array) -> jax.Array:
        """All steps, along the first axis of inputs and outputs."""
        for conv, lif in ((self.conv1, self.lif1), (self.conv2, self.lif2)):
            currents = conv(x.reshape(-1, *x.shape[2:]))
            currents = 20 * currents.reshape(*x.shape[:2], *currents.shape[1:]) * u.mA
            x = brainstate.transform.for_loop(lif, currents)
        return self.readout(x.reshape(*x.shape[:2], -1))

    def by_step(self, x: jax.Array) -> jax.Array:
        """The same, with the whole network in the loop."""
        return brainstate.transform.for_loop(self.update, x)

    def as_products(self, x: jax.Array) -> jax.Array:
        """The same again, each convolution being a product."""

        def step(x: jax.Array) -> jax.Array:
            x = self.lif1(20 * _product(self.conv1, x) * u.mA)
            x = self.lif2(20 * _product(self.conv2, x) * u.mA)
            return self.readout(x.reshape(len(x), -1))

        return brainstate.transform.for_loop(step, x)


def cases(settings: Settings) -> Iterator[Case]:
    """A convolution, its gradients and the network's training step, as images grow."""
    for size in (8,) if settings.quick else (8, 16, 28):
        work = f"{size} x {size} pixels, {STEPS} steps"
        x = jax.random.uniform(jax.random.key(0), (STEPS, BATCH, size, size, CHANNELS))
        weights = jax.random.normal(jax.random.key(1), (3, 3, CHANNELS, CHANNELS))
        alone = {AT_ONCE: _convolved_at_once, BY_STEP: _convolved_by_step}
        contestants = {name: jitted(run, x, weights) for name, run in alone.items()}
        yield Case("A convolution alone", work, contestants, AT_ONCE, seconds=10)
        contestants = {name: jitted(_gradient(run), x, weights) for name, run in alone.items()}
        yield Case("Its gradients alone", work, contestants, AT_ONCE, seconds=10)
        methods = {AT_ONCE: "all_steps", BY_STEP: "by_step", PRODUCTS: "as_products"}
        contestants = {name: _training(size, method) for name, method in methods.items()}
        yield Case("A training step", work, contestants, AT_ONCE, seconds=30)


def _gradient(convolved: Callable[[jax.Array, jax.Array], jax.Array]) -> Callable:
    return jax.grad(lambda x, weights: jnp.sum(jnp.square(convolved(x, weights))), argnums=(0, 1))


def _convolved_at_once(x: jax.Array, weights: jax.Array) -> jax.Array:
    return _convolve(x.reshape(-1, *x.shape[2:]), weights).reshape(x.shape)


def _convolved_by_step(x: jax.Array, weights: jax.Array) -> jax.Array:
    return jax.lax.map(lambda x: _convolve(x, weights), x)


def _convolve(x: jax.Array, weights: jax.Array) -> jax.Array:
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, weights, (1, 1), "SAME", dimension_numbers=layout)


def _product(conv: brainstate.nn.Module, x: jax.Array) -> jax.Array:
    """A convolution with a kernel of 3 by 3, as a product with nine shifted images."""
    height, width = x.shape[1:3]
    kernel, stride = conv.weight.value["weight"], conv.stride[0]
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    # With a stride of 2, "SAME" leaves the border on the left and above out.
    neighbours = jnp.concatenate(shifted, axis=-1)[:, stride - 1 :: stride, stride - 1 :: stride]
    return neighbours @ kernel.reshape(-1, kernel.shape[-1])


def _training(size: int, method: str) -> Callable[[], Ready]:
    def prepare() -> Ready:
        with brainstate.environ.context(dt=1.0 * u.ms):
            brainstate.random.seed(0)
            network = Network(size)
            x = jax.random.uniform(jax.random.key(0), (STEPS, BATCH, size, size, 1))
            labels = jnp.arange(BATCH) % CLASSES
            logits = lambda x: getattr(network, method)(x).mean(axis=0)
            compile, arguments = descent(network, logits, (x, labels))
            return compiled(compile, *arguments)

    return prepare

"""Networks of the second blind half of the casebook, as tables/second_blind.toml tells them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import optax
from brainstate.nn import Module
from braintools.init import Uniform

from .networks import CLASSES, PIXELS, SIDE, Design
from .parts import (
    Beta,
    Cells,
    Current,
    Parametric,
    Wired,
    convolution,
    flat,
    image,
    linear,
    row,
    spiking,
)


def beside(x: Any) -> Any:
    """A digit beside another one, and a cue that tells which of them counts."""
    left, other = (jnp.arange(x.shape[1]) % 2 == 0)[:, None], jnp.roll(x, 1, axis=1)
    cue = jnp.broadcast_to(jnp.concatenate([left, ~left], axis=-1), (*x.shape[:2], 2))
    return jnp.concatenate([jnp.where(left, x, other), jnp.where(left, other, x), cue], axis=-1)


def scanned(x: Any, *, stuck: bool = False) -> Any:
    """A column of the image in each of 8 steps; ``stuck`` shows the first one in all of them."""
    columns = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 2, 0)
    return jnp.broadcast_to(columns[0], columns.shape) if stuck else columns


def recalled(x: Any) -> Any:
    """Images for 6 steps, then nothing, then a signal for the recall in the last 4."""
    t = jnp.arange(len(x))[:, None, None]
    signal = jnp.broadcast_to(t >= len(x) - 4, (*x.shape[:2], 1))
    return jnp.concatenate([x * (t < 6), signal], axis=-1)


def summing(d: Design, *, divided: bool = False) -> Module:
    """Neurons that sum weak spikes over a time constant, or are ``divided`` by it in each step."""
    kept = 1 / d.tau if divided else jnp.exp(-1 / d.tau)
    n, cells = d.width, lambda: Beta(d.width, d.surrogate, kept)
    return row(linear(PIXELS, n, 0.3), cells(), linear(n, n, 0.5), cells(), linear(n, CLASSES))


def fans(d: Design, *, power: float = 0.5) -> Module:
    """Layers whose weights get smaller with the number of inputs, by a power of it."""
    layer = lambda a, b: (linear(a, b, 4 * a ** (0.5 - power), u.mA), cells(b))
    cells = lambda n: spiking("LIF", n, d, tau=4 * u.ms, spk_reset="hard")
    sizes = [PIXELS, *[d.width] * d.layers]
    return row(*chain(*(layer(a, b) for a, b in pairwise(sizes))), linear(d.width, CLASSES))


def feedforward(d: Design) -> Module:
    """Excitatory neurons, which inhibitory ones with the same inputs hold back."""

    def step(net: Any, x: Any) -> Any:
        hush = d.spikes(net.inh(net.hear(x) * u.mA))
        return net.out(net.exc((net.fc(x) - d.inhibition * hush) * u.mA))

    n, few = d.width, d.width // 4
    hear = brainstate.nn.Linear(PIXELS, few, w_init=Uniform(0.0, 1.0))
    inh, exc = spiking("LIFRef", few, d, tau_ref=2 * u.ms), spiking("ALIF", n, d)
    return Wired(step, hear=hear, inh=inh, fc=linear(PIXELS, n, 8.0), exc=exc, out=linear(n, 10))


def recurrent(d: Design, *, positive: bool = False, inputs: int = PIXELS,
              classes: int = CLASSES) -> Module:  # fmt: skip
    """Neurons that hear themselves, by weights around 0 or from 0 to 1."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells(net.fc(x) + net.z.value @ net.back.value)
        return net.out(net.z.value)

    n, random = d.width, brainstate.random
    back = brainstate.ParamState(random.rand(n, n) if positive else random.randn(n, n) / n**0.5)
    parts = {"fc": linear(inputs, n, 2.0), "back": back, "cells": Beta(n, d.surrogate, 0.9)}
    return Wired(step, (("z", n),), **parts, out=linear(n, classes))


def cued(d: Design, *, axis: int = -2) -> Module:
    """Two digits, weighted by neurons that hear a cue."""

    def step(net: Any, x: Any) -> Any:
        digits = x[..., : 2 * PIXELS].reshape(*x.shape[:-1], 2, PIXELS)
        net.score.value = 0.8 * net.score.value + net.weigh(net.gate(net.cue(x[..., -2:])))
        shares = jax.nn.softmax(net.score.value[..., None], axis=axis)
        return net.out((shares * net.cells(net.fc(digits))).sum(axis=-2))

    n = d.width
    parts = {"fc": linear(PIXELS, n, 2.0), "cells": Beta((2, n), d.surrogate)}
    parts |= {"cue": linear(2, 16, 2.0), "gate": Parametric(16, d.surrogate)}
    return Wired(step, (("score", 2),), **parts, weigh=linear(16, 2), out=linear(n, CLASSES))


def earliest(d: Design, *, compared: bool = False) -> Module:
    """The class is that of the neuron which fires first; steps before may count by comparison."""

    def step(net: Any, x: Any) -> Any:
        spikes = net.last(net.fc2(net.lif(net.fc1(x))))
        net.fired.value = net.fired.value + (1 - net.fired.value) * spikes
        time, fired = net.time.value, net.fired.value
        net.time.value = jnp.where(fired > 0, time, time + 1) if compared else time + 1 - fired
        return -net.time.value

    parts = {"fc1": linear(PIXELS, d.width, 3.0), "lif": Beta(d.width, d.surrogate)}
    parts |= {"fc2": linear(d.width, CLASSES, d.gain), "last": Beta(CLASSES, d.surrogate, 1.0)}
    return Wired(step, (("fired", CLASSES), ("time", CLASSES)), **parts)


def convolved(d: Design) -> Module:
    """Two convolutions, with a pool between them, and neurons that see all of the image."""
    c = d.width
    conv1, conv2 = convolution((SIDE, SIDE, 1), c, 1.0), convolution((4, 4, c), 2 * c, 1.5)
    lif1, lif2 = Beta((SIDE, SIDE, c), d.surrogate, 0.8), Beta((4, 4, 2 * c), d.surrogate, 0.8)
    pool = brainstate.nn.MaxPool2d(2, 2)
    see, all_of_it = linear(32 * c, 16, 2.0), Beta(16, d.surrogate, 0.8)
    return row(image, conv1, lif1, pool, conv2, lif2, flat, see, all_of_it, linear(16, CLASSES))


def prototypes(d: Design) -> Module:
    """The nearest of ten learnt points to a trace of spikes."""

    def step(net: Any, x: Any) -> Any:
        net.trace.value = 0.9 * net.trace.value + 0.3 * net.cells(net.fc(x))
        away = net.trace.value[..., None, :] - net.points.value
        return -d.output((away**2).sum(axis=-1))

    n = d.width
    points = brainstate.ParamState(jnp.zeros((CLASSES, n)))
    parts = {"fc": linear(PIXELS, n, 6.0), "cells": Current(n, d.surrogate), "points": points}
    return Wired(step, (("trace", n),), **parts)


def scanning(d: Design) -> Module:
    """Recurrent neurons, which see an image column by column."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells((net.fc(x) + net.back(net.z.value)) * u.mA)
        return net.out(net.z.value)

    n = d.width
    cells = spiking("LIF", n, d, tau=20 * u.ms)
    parts = {"fc": linear(SIDE, n, 30.0), "back": linear(n, n, 4.0), "cells": cells}
    out = brainpy.state.LeakyRateReadout(n, CLASSES, tau=20 * u.ms)
    return Wired(step, (("z", n),), **parts, out=out)


def dropping(d: Design) -> Module:
    layer = lambda a: (linear(a, d.width, 2.0), Beta(d.width, d.surrogate), drop())
    drop = lambda: brainstate.nn.Dropout(d.keep)
    sizes = [PIXELS, *[d.width] * (d.layers - 1)]
    return row(*chain(*(layer(a) for a in sizes)), linear(d.width, CLASSES))


def storing(d: Design) -> Module:
    """Neurons whose thresholds remember for ``tau``."""
    n = d.width
    cells = spiking("ALIF", n, d, tau=2 * u.ms, tau_a=d.tau * u.ms, beta=0.3 * u.mV)
    return row(linear(PIXELS + 1, n, 8.0, u.mA), cells, linear(n, CLASSES))


def scaled(d: Design) -> Module:
    """Currents in picoamperes, divided by the root of their mean square."""

    def norm(x: Any) -> Any:
        x = (300 * x).astype(d.dtype)
        return (x / jnp.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-3)).astype(jnp.float32)

    n = d.width
    fcs = [linear(a, n) for a in (PIXELS, n, n)]
    layers = ((fc, norm, Beta(n, d.surrogate, 0.7)) for fc in fcs)
    return row(*chain(*layers), linear(n, CLASSES))


class Dendrites(Beta):
    """Neurons with a dendrite, which passes on to the soma what is above its rest."""

    states = ("mem", "dendrite")

    def update(self, x: Any) -> Any:
        self.dendrite.value = 0.9 * self.dendrite.value + 0.3 * x
        return super().update(0.5 * jnp.tanh(self.dendrite.value) + 0.1 * x)


class Resonators(Cells):
    """Neurons whose membranes swing, each at a frequency of its own."""

    states = ("real", "imaginary")

    def __init__(self, size: int, spk_fun: Callable):
        super().__init__()
        self.size, self.spk_fun = size, spk_fun
        angle = 2 * jnp.pi * jnp.linspace(0.01, 0.13, size)
        self.cos, self.sin = 0.95 * jnp.cos(angle), 0.95 * jnp.sin(angle)

    def update(self, x: Any) -> Any:
        real, imaginary = self.real.value, self.imaginary.value
        self.real.value = self.cos * real - self.sin * imaginary + x
        self.imaginary.value = self.sin * real + self.cos * imaginary
        return self.spk_fun(self.imaginary.value - 1)


def masked(inputs: int, outputs: int, share: float = 0.15) -> Any:
    """Weights of which most are 0 and stay so."""
    mask = brainstate.random.rand(inputs, outputs) < share
    return linear(inputs, outputs, 2 / share**0.5, w_mask=mask.astype(jnp.float32))


def binary(inputs: int, outputs: int) -> Module:
    """Weights of one of two sizes, with the gradient of those that they are the signs of."""

    def step(net: Any, x: Any) -> Any:
        w = net.weights.value
        return x @ (w + jax.lax.stop_gradient(2 * jnp.sign(w) / inputs**0.5 - w))

    weights = brainstate.random.normal(size=(inputs, outputs)) / inputs**0.5
    return Wired(step, weights=brainstate.ParamState(weights))


def mostly_masked(d: Design) -> Module:
    cells = lambda n: Beta(n, d.surrogate, 0.95)
    return row(masked(PIXELS, 256), cells(256), masked(256, 64), cells(64), linear(64, CLASSES))


def binary_layers(d: Design) -> Module:
    layer = lambda inputs: (binary(inputs, 128), Beta(128, d.surrogate))
    return row(*layer(PIXELS), *layer(128), linear(128, CLASSES))


def dendrites(d: Design) -> Module:
    return row(linear(30, d.width, 2.0), Dendrites(d.width, d.surrogate), linear(d.width, 2))


def resonators(d: Design) -> Module:
    return row(linear(2, d.width, 1.0), Resonators(d.width, d.surrogate), linear(d.width, 5))


def facilitated(d: Design) -> Module:
    """Synapses that get stronger and tire."""
    return row(
        linear(PIXELS, 64, 8.0, u.mA), spiking("LIF", 64, d),
        brainpy.state.STP(64, U=0.2, tau_f=100 * u.ms, tau_d=20 * u.ms),
        linear(64, 64, 12.0, u.mA), spiking("ALIF", 64, d), linear(64, CLASSES),
    )  # fmt: skip


def experts(d: Design) -> Module:
    """Four groups of neurons, weighted by their spikes in a softmax."""
    n = d.width

    def step(net: Any, x: Any) -> Any:
        z = net.cells(net.fc(x)).reshape(*x.shape[:-1], 4, n)
        shares = jax.nn.softmax(net.gate(net.open(x)), axis=-1)
        return net.out((shares[..., None] * z).sum(axis=-2))

    parts = {"fc": linear(13, 4 * n, 2.0), "cells": Beta(4 * n, d.surrogate)}
    parts |= {"open": linear(13, 4, 2.0), "gate": Beta(4, d.surrogate)}
    return Wired(step, **parts, out=linear(n, 3))


def dense(d: Design) -> Module:
    """Each layer sees the image and the spikes of all layers before."""
    n = d.width

    def step(net: Any, x: Any) -> Any:
        for fc, lif in zip(net.fcs, net.lifs):
            x = jnp.concatenate([x, lif(fc(x))], axis=-1)
        return net.out(x[..., PIXELS:])

    fcs = [linear(PIXELS + i * n, n, 2.0) for i in range(d.layers)]
    return Wired(step, fcs=fcs, lifs=[Beta(n, d.surrogate, 0.6) for _ in fcs],
                 out=linear(d.layers * n, CLASSES))  # fmt: skip


def noisy(d: Design) -> Module:
    """Currents with noise, into neurons that rest for a while after each spike."""
    noise = lambda x: (x + brainstate.random.normal(size=x.shape)) * u.mA
    cells = spiking("LIFRef", d.width, d, tau=10 * u.ms, tau_ref=4 * u.ms)
    return row(linear(30, d.width, 1.0), noise, cells, linear(d.width, 2))


def ascent(rate: float) -> Any:
    return optax.chain(optax.scale_by_adam(), optax.scale(rate))


def root_above_zero(x: Any) -> Any:
    return jnp.sqrt(x + 1e-6)


def triangle(x: Any) -> Any:
    return 0.3 * jnp.maximum(1 - abs(x), 0)


def unbounded_triangle(x: Any) -> Any:
    return 0.3 * (1 - abs(x))


def twice_shifted(x: Any) -> Any:
    """A Gaussian around the threshold, which is subtracted again."""
    return jnp.exp(-0.5 * ((x - 1) / 0.15) ** 2)

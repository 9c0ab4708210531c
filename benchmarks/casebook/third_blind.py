"""Networks of the third blind half of the casebook, as tables/third_blind.toml tells them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from brainstate.nn import Module
from braintools.init import Constant

from .networks import CLASSES, PIXELS, SIDE, Design, same
from .parts import (
    Beta,
    FirstSpike,
    Wired,
    amperes,
    convolution,
    cortical,
    flat,
    image,
    linear,
    row,
    spiking,
)


def phases(x: Any) -> Any:
    """A spike of each pixel in every cycle of 8 steps, the earlier the brighter; none if dark."""
    at, now = jnp.round(7 * (1 - x[0])), jnp.arange(len(x))[:, None, None] % 8
    return ((now == at) & (x[0] > 0.1)).astype(jnp.float32)


def deltas(x: Any, *, step: float = 0.2) -> Any:
    """A scan of images from left to right: spikes where a row gets brighter or darker by a step."""
    at = jnp.linspace(0, SIDE - 1, len(x))
    left, part = jnp.floor(at).astype(int), at % 1
    columns = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 2, 0)
    right = columns[jnp.minimum(left + 1, SIDE - 1)]
    shown = columns[left] + part[:, None, None] * (right - columns[left])

    def follow(kept: Any, now: Any) -> tuple[Any, Any]:
        up, down = (1.0 * (sign * (now - kept) > step) for sign in (1, -1))
        return kept + step * (up - down), jnp.concatenate([up, down], axis=-1)

    return jax.lax.scan(follow, jnp.zeros_like(shown[0]), shown)[1]


def standardised(x: Any, *, axis: int = 1) -> Any:
    """Pixels of mean 0 and variance 1, over an axis of steps, images, pixels."""
    return (x - x.mean(axis, keepdims=True)) / (x.std(axis, keepdims=True) + 1e-2)


def counting(d: Design) -> Module:
    """Two layers of neurons; the class is that of the output neuron which fires most."""
    layer = lambda a, b: (linear(a, b, 2.0), Beta(b, d.surrogate))
    return row(*layer(196, d.width), *layer(d.width, CLASSES), d.output)


def synapses(d: Design) -> Module:
    """Neurons behind synapses, and a leaky readout."""
    n, options = d.width, {"tau": 4 * u.ms, "g_initializer": Constant(0.0 * u.mA)}
    synapse = lambda: brainpy.state.Expon(n, **options)
    layer = lambda a: (linear(a, n, 2.0, u.mA), synapse(), spiking("LIF", n, d))
    return row(*layer(PIXELS), *layer(n), brainpy.state.LeakyRateReadout(n, CLASSES))


def normed(d: Design) -> Module:
    """Currents that are divided by the root of their mean square before they get to a layer."""
    norm = lambda: brainstate.nn.RMSNorm((d.width,)) if d.norm else same
    sizes = [PIXELS, *[d.width] * d.layers]
    layers = ((linear(a, b, 0.1), norm(), Beta(b, d.surrogate, 0.6)) for a, b in pairwise(sizes))
    return row(*chain(*layers), linear(d.width, CLASSES))


def separable(d: Design) -> Module:
    """A convolution for each channel, then one of 1 by 1 pixel between them."""
    c, conv, norm = d.width, brainstate.nn.Conv2d, brainstate.nn.BatchNorm2d
    cells = lambda *shape: Beta(shape, d.surrogate, 0.7)
    return row(
        image, convolution((SIDE, SIDE, 1), c, 3.0), norm((SIDE, SIDE, c)), cells(SIDE, SIDE, c),
        brainstate.nn.AvgPool2d(2, 2), conv((4, 4, c), c, 3, groups=c),
        conv((4, 4, c), 2 * c, 1), norm((4, 4, 2 * c)), cells(4, 4, 2 * c),
        flat, linear(32 * c, CLASSES),
    )  # fmt: skip


def delta(d: Design) -> Module:
    """Neurons that hear themselves, and where an image gets brighter or darker."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells(net.fc(x) + net.back(net.z.value))
        return net.out(net.z.value)

    n = d.width
    parts = {"fc": linear(2 * SIDE, n, 2.0), "back": linear(n, n, 0.5), "out": linear(n, CLASSES)}
    return Wired(step, (("z", n),), cells=Beta(n, d.surrogate, 0.9), **parts)


def chemistry(d: Design) -> Module:
    """Adaptive neurons with dropout before each layer."""
    n, drop = d.width, lambda: brainstate.nn.Dropout(d.keep)
    layer = lambda a: (drop(), linear(a, n, 6.0, u.mA), spiking("ALIF", n, d, beta=0.2 * u.mV))
    return row(*layer(13), *layer(n), drop(), linear(n, 3))


def skips(d: Design) -> Module:
    """Layers with batch norm and, over each two of them, a skip connection."""

    def step(net: Any, x: Any) -> Any:
        x = net.fc(x)
        for i in range(0, d.layers, 2):
            y = net.lifs[i](net.norms[i](net.fcs[i](x)))
            x = x + net.lifs[i + 1](net.norms[i + 1](net.fcs[i + 1](y)))
        return net.out(x)

    n, every = d.width, range(d.layers)
    parts = {"fcs": [linear(n, n) for _ in every], "fc": linear(PIXELS, n)}
    parts |= {"norms": [brainstate.nn.BatchNorm0d((n,)) for _ in every]}
    lifs = [Beta(n, d.surrogate, 0.5) for _ in every]
    return Wired(step, **parts, lifs=lifs, out=linear(n, CLASSES))


class Timed(Beta):
    """Neurons whose time constants, in steps, are learnt, one each."""

    def __init__(self, taus: Any, spk_fun: Callable):
        super().__init__(len(taus), spk_fun)
        self.tau = brainstate.ParamState(taus)

    def update(self, x: Any) -> Any:
        spikes, kept = jax.lax.stop_gradient(self.fire()), jnp.exp(-1 / self.tau.value)
        self.mem.value = kept * self.mem.value + (1 - kept) * x - spikes
        return self.fire()


def slow(d: Design, *, shortest: int = 5) -> Module:
    n, taus = d.width, jnp.linspace(shortest, 100, d.width)
    layer = lambda a, scale: (linear(a, n, scale), Timed(taus, d.surrogate))
    return row(*layer(PIXELS, 8.0), *layer(n, 20.0), linear(n, CLASSES))


def fast_cortical(d: Design) -> Module:
    """Fast neurons of brainpy.state, with potentials as in the cortex."""
    n, fast = d.width, {"tau": 1.2 * u.ms, "spk_reset": "hard"}
    cells = lambda: (amperes, cortical("LIF", n, d, **fast))
    fc1, fc2 = linear(PIXELS, n, 35.0), linear(n, n, 50.0)
    return row(fc1, *cells(), fc2, *cells(), linear(n, CLASSES))


class Rates(Beta):
    """Leaky units without spikes."""

    def update(self, x: Any) -> Any:
        self.mem.value = self.beta * self.mem.value + (1 - self.beta) * x
        return jnp.tanh(self.mem.value)


def hybrid(d: Design, *, alike: bool = False) -> Module:
    """Units without spikes between layers with spikes."""
    n = d.width

    constant = lambda a, b, scale: brainstate.nn.Linear(a, b, w_init=Constant(scale / a))
    fc, spikes = constant if alike else linear, lambda: Beta(n, d.surrogate, 0.8)
    return row(fc(PIXELS, n, 2.0), spikes(), fc(n, n, 2.0), Rates(n, d.surrogate, 0.7),
               fc(n, n, 1.0), spikes(), fc(n, CLASSES, 1.0))  # fmt: skip


class Shunting(Beta):
    """Neurons with conductances, which pull to 5 and to -1; ``beta`` is that of the leak."""

    def update(self, x: Any) -> Any:
        excites, inhibits = x
        drive, conductance = 5 * excites - inhibits, self.beta + excites + inhibits
        mem = self.mem.value * (1 - jax.lax.stop_gradient(self.fire()))
        self.mem.value = (mem + drive) / (1 + conductance)
        return self.fire()


def shunting(d: Design, *, leak: float = 0.1) -> Module:
    def step(net: Any, x: Any) -> Any:
        return net.out(net.cells([0.1 * jax.nn.relu(fc(x)) for fc in (net.exc, net.inh)]))

    cells, fc = Shunting(d.width, d.surrogate, leak), lambda: linear(PIXELS, d.width, 3.0)
    return Wired(step, exc=fc(), inh=fc(), cells=cells, out=linear(d.width, CLASSES))


class Thresholds(Beta):
    """Neurons whose thresholds are learnt, as their logarithms; ``link`` turns these into them."""

    def __init__(self, size: int, spk_fun: Callable, link: Callable):
        super().__init__(size, spk_fun)
        self.raw, self.link = brainstate.ParamState(jnp.linspace(-3.0, -1.5, size)), link

    def fire(self) -> Any:
        return self.spk_fun(self.mem.value - self.link(self.raw.value))

    def update(self, x: Any) -> Any:
        reset = jax.lax.stop_gradient(self.fire() * self.link(self.raw.value))
        self.mem.value = self.beta * self.mem.value + x - reset
        return self.fire()


def thresholds(d: Design, *, logarithms: bool = True) -> Module:
    n, link = d.width, jnp.exp if logarithms else same
    layer = lambda a: (linear(a, n, 0.15), Thresholds(n, d.surrogate, link))
    return row(*layer(PIXELS), *layer(n), linear(n, CLASSES))


class Chip(Beta):
    """Neurons as on a chip: numbers of a type, two decays, a threshold of 64000, a hard reset."""

    def __init__(self, size: int, spk_fun: Callable, unit: float, dtype: str):
        super().__init__(size, spk_fun)
        self.threshold, self.unit, self.dtype = 64e3, unit, dtype

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.mem.value = self.mem.value.astype(self.dtype)
        self.current = brainstate.HiddenState(self.mem.value)

    def fire(self) -> Any:
        return self.spk_fun((self.mem.value - self.threshold) / self.unit)

    def update(self, x: Any) -> Any:
        mem = self.mem.value * (1 - jax.lax.stop_gradient(self.fire()))
        self.current.value = 2048 / 4096 * self.current.value + x.astype(self.dtype)
        self.mem.value = 3700 / 4096 * mem + self.current.value
        return self.fire()


def chip(d: Design, *, unit: float = 64000.0) -> Module:
    n = d.width
    layer = lambda a: (linear(a, n, 2.0), lambda x: 64000 * x, Chip(n, d.surrogate, unit, d.dtype))
    return row(*layer(PIXELS), *layer(n), linear(n, CLASSES))


def low_rank(d: Design, *, scaled: bool = True) -> Module:
    """Eight latent variables, which the spikes drive, come back to the neurons and are read."""

    def step(net: Any, x: Any) -> Any:
        spikes = net.cells(net.fc(x) + net.back(jnp.tanh(net.latent.value)))
        net.latent.value = net.latent.value @ net.flow.value + net.into(spikes)
        return net.out(net.latent.value)

    n, rank = d.width, 8
    draw = brainstate.random.randn(rank, rank)
    flow = brainstate.ParamState(0.9 * jnp.linalg.qr(draw)[0] if scaled else draw)
    parts = {"flow": flow, "fc": linear(PIXELS, n), "back": linear(rank, n, 0.5)}
    parts |= {"into": linear(n, rank, 0.5), "cells": Beta(n, d.surrogate)}
    return Wired(step, (("latent", rank),), **parts, out=linear(rank, CLASSES))


def early_votes(d: Design) -> Module:
    """Neurons vote for a class with their first spikes, of which early ones count more."""

    def step(net: Any, x: Any) -> Any:
        net.left.value = net.left.value + 1 / d.steps
        return (1.5 - net.left.value) * net.out(net.layers(x))

    n, sizes = d.width, [PIXELS, *[d.width] * d.layers]
    layers = row(
        *chain(*((linear(a, b, 3.0), FirstSpike(b, d.surrogate)) for a, b in pairwise(sizes)))
    )
    return Wired(step, (("left", 1),), layers=layers, out=linear(n, CLASSES, 8.0))


class Gated(Beta):
    """A gate for each neuron says how much of its membrane is renewed in a step."""

    states = ("mem", "z")

    def __init__(self, inputs: int, size: int, spk_fun: Callable, bias: float):
        super().__init__(size, spk_fun)
        self.fc, self.gate = linear(inputs, size, 10.0), linear(inputs + size, size, 1.0)
        self.bias = brainstate.ParamState(jnp.full(size, bias))

    def update(self, x: Any) -> Any:
        heard = jnp.concatenate([x, self.z.value], axis=-1)
        share = jax.nn.sigmoid(self.gate(heard) + self.bias.value)
        self.mem.value = (1 - share) * self.mem.value + share * self.fc(x)
        self.z.value = self.fire()
        return self.z.value


def gated(d: Design, *, bias: float = -3.0) -> Module:
    return row(Gated(SIDE, d.width, d.surrogate, bias), linear(d.width, CLASSES))


def liquid(d: Design, *, share: float = 0.3, background: float = 0.2) -> Module:
    """A fixed random network on a cube; its inputs, and the neurons that hear it, are trained."""
    n, few = d.width, d.width // 4
    place = brainstate.random.uniform(size=(n + few, 3))
    away = ((place[:, None] - place) ** 2).sum(axis=-1)
    w = (brainstate.random.uniform(size=away.shape) < jnp.exp(-away / 0.1)) * 0.1
    w = w.at[n:].multiply(-3.0)

    def step(net: Any, x: Any) -> Any:
        back = net.z.value @ w
        e, i = net.exc(net.fc(x) + back[..., :n]), net.inh(back[..., n:])
        net.z.value = jnp.concatenate([e, i], axis=-1)
        return net.out(net.reader(net.hear(e) + background))

    mask = (brainstate.random.uniform(size=(n, few)) < share).astype(jnp.float32)
    hear = linear(n, few, 3.0, w_mask=mask)
    parts = {name: Beta(k, d.surrogate) for name, k in (("exc", n), ("inh", few), ("reader", few))}
    parts |= {"fc": linear(PIXELS, n, 1.0), "hear": hear, "out": linear(few, CLASSES)}
    return Wired(step, (("z", n + few),), **parts)


def compass(d: Design, *, unit: int = 1) -> Module:
    """Neurons with preferred directions, which hear a retina with delays of 4 and 8 ``unit``."""
    n, angles = d.width, jnp.linspace(0, 6.28, d.width)
    ways = jnp.asarray([[1.0, 0], [-1, 0], [0, 1], [0, -1]])

    def step(net: Any, x: Any) -> Any:
        line = net.line.value
        net.line.value = jnp.concatenate([net.retina(2 * x)[..., None, :], line[..., :-1, :]], -2)
        heard = jnp.concatenate([line[..., 4 * unit - 1, :], line[..., 8 * unit - 1, :]], axis=-1)
        spikes = net.cells(net.fc(heard))
        return d.output(spikes @ jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=-1)) @ ways.T

    parts = {"retina": Beta(2 * PIXELS, d.surrogate, 0.5), "fc": linear(4 * PIXELS, n, 3.0)}
    kept = (("line", (8 * unit, 2 * PIXELS)),)
    return Wired(step, kept, **parts, cells=Beta(n, d.surrogate, 0.5))


def angle(vector: Any) -> Any:
    """The unit vector of the same direction, by its angle."""
    at = jnp.arctan2(vector[..., 1], vector[..., 0])
    return 5 * jnp.stack([jnp.cos(at), jnp.sin(at)], axis=-1)


def tied(d: Design) -> Module:
    """Neurons hear what their spikes, with the same weights, do not yet explain of an image."""

    def step(net: Any, x: Any) -> Any:
        z = net.cells(3 * (x - net.trace.value @ net.weights.value.T) @ net.weights.value)
        net.trace.value = 0.8 * net.trace.value + 0.1 * z
        return net.out(z)

    weights = brainstate.ParamState(2 * brainstate.random.randn(PIXELS, d.width) / SIDE)
    parts = {"weights": weights, "cells": Beta(d.width, d.surrogate)}
    return Wired(step, (("trace", d.width),), **parts, out=linear(d.width, CLASSES))


def tokens(d: Design) -> Module:
    """Attention of the quarters of an image to each other, by products of spikes."""
    n = d.width

    def step(net: Any, x: Any) -> Any:
        x = x.reshape(*x.shape[:-1], 2, 4, 2, 4).swapaxes(-3, -2)
        x = net.embedded(net.embed(x.reshape(*x.shape[:-4], 4, 16)) + net.place.value)
        q, k, v = (lif(fc(x)) for fc, lif in zip(net.fcs, net.lifs))
        x = x + net.attended(net.mix(0.25 * q @ k.swapaxes(-1, -2) @ v))
        x = x + net.second(net.fc2(net.first(net.fc1(x))))
        return net.out(x.reshape(*x.shape[:-2], -1))

    cells, fc = lambda: Beta((4, n), d.surrogate, 0.6), lambda: linear(n, n, 2.0)
    parts: dict[str, Any] = {name: cells() for name in ("embedded", "attended", "first", "second")}
    parts |= {name: fc() for name in ("mix", "fc1", "fc2")} | {"embed": linear(16, n, 2.0)}
    parts |= {"fcs": [fc() for _ in range(3)], "lifs": [cells() for _ in range(3)]}
    place = brainstate.ParamState(0.5 * brainstate.random.randn(4, n))
    return Wired(step, **parts, place=place, out=linear(4 * n, CLASSES))


def winner(spikes: Any) -> Any:
    return jax.nn.one_hot(spikes.argmax(axis=-1), CLASSES)

"""Networks of the sealed half that look at images: convolutions, halves, rows, attention.

Each takes a `Design`; its ``options`` are what the network may be made with.
"""

from __future__ import annotations

from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp

from ..networks import CLASSES, SIDE, Design
from .neurons import (
    Beta,
    Current,
    Hard,
    convolution,
    given,
    linear,
)

Module = brainstate.nn.Module


class Sew(Module):
    """A convolution, then residual blocks that join spikes with those that they came from."""

    def __init__(self, d: Design):
        super().__init__()
        self.o, shape = given(d, join="add", scale=3.0), (SIDE, SIDE, d.width)
        unit = lambda into: (convolution(into, d.width, self.o.scale), Beta(shape, d.surrogate))
        self.conv, self.lif = unit((SIDE, SIDE, 1))
        self.blocks = [SewBlock(unit, shape) for _ in range(d.layers)]
        self.head = linear(4 * d.width, CLASSES)
        self.pool = brainstate.nn.AvgPool2d(4, 4)

    def update(self, x: Any) -> Any:
        x = self.lif(self.conv(x.reshape(*x.shape[:-1], SIDE, SIDE, 1)))
        for block in self.blocks:
            x = x + block(x) if self.o.join == "add" else x * block(x)
        x = self.pool(x)
        return self.head(x.reshape(*x.shape[:-3], -1))


class SewBlock(Module):
    def __init__(self, unit: Any, shape: tuple[int, ...]):
        super().__init__()
        (self.conv1, self.lif1), (self.conv2, self.lif2) = unit(shape), unit(shape)

    def update(self, x: Any) -> Any:
        return self.lif2(self.conv2(self.lif1(self.conv1(x))))


class Voting(Module):
    """A convolution with batch norm and pooling, and ten neurons that vote for each class."""

    def __init__(self, d: Design):
        super().__init__()
        o, shape = given(d, last=3.0), (SIDE, SIDE, d.width)
        spiking = lambda size: brainpy.state.LIF(
            size, tau=2 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate
        )
        self.conv = convolution((SIDE, SIDE, 1), d.width)
        self.norm = brainstate.nn.BatchNorm2d(shape)
        self.lif = spiking(shape)
        self.pool = brainstate.nn.MaxPool2d(2, 2)
        self.vote = linear(16 * d.width, 10 * CLASSES, o.last)
        self.voters = spiking(10 * CLASSES)

    def update(self, x: Any) -> Any:
        x = self.norm(self.conv(x.reshape(*x.shape[:-1], SIDE, SIDE, 1)))
        x = self.pool(self.lif(2 * x * u.mA))
        votes = self.voters(self.vote(x.reshape(*x.shape[:-3], -1)) * u.mA)
        return votes.reshape(*votes.shape[:-1], CLASSES, 10).mean(axis=-1)


class Images(Module):
    """Three layers for images of 14 by 14 pixels, of which the second may lack a surrogate."""

    def __init__(self, d: Design):
        super().__init__()
        o, n = given(d, hard=False), d.width
        self.fc1, self.fc2, self.fc3 = linear(196, n, 2.0), linear(n, n, 2.0), linear(n, CLASSES)
        self.lif1 = Beta(n, d.surrogate, 0.8)
        self.lif2 = Hard(n, 0.8) if o.hard else Beta(n, d.surrogate, 0.8)

    def update(self, x: Any) -> Any:
        return self.fc3(self.lif2(self.fc2(self.lif1(self.fc1(x)))))


class Halves(Module):
    """The halves of an image, each with neurons of its own speed, and neurons that see both."""

    def __init__(self, d: Design):
        super().__init__()
        self.o, n = given(d, used=True), d.width
        self.left, self.right = linear(32, n, 1.5), linear(32, n, 1.5)
        self.fast, self.slow = Beta(n, d.surrogate, 0.5), Beta(n, d.surrogate, 0.95)
        self.join, self.lif = linear(2 * n, n, 2.0), Beta(n, d.surrogate)
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        image = x.reshape(*x.shape[:-1], SIDE, SIDE)
        half = lambda part: part.reshape(*x.shape[:-1], -1)
        a, b = self.left(half(image[..., :4])), self.right(half(image[..., 4:]))
        a, b = self.fast(a), self.slow(b)
        both = jnp.concatenate([a, b if self.o.used else a], axis=-1)
        return self.out(self.lif(self.join(both)))


class Rows(Module):
    """A convolution along the columns of the image, of which rows are the channels."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        self.conv = convolution((SIDE, SIDE), 16, 1.5)
        self.neurons = Beta((SIDE, 16), d.surrogate, 0.6)
        self.fc, self.lif = linear(16 * SIDE, n, 1.0), Current(n, d.surrogate, 0.8)
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        image = x.reshape(*x.shape[:-1], SIDE, SIDE)
        x = self.neurons(self.conv(jnp.swapaxes(image, -1, -2)))
        return self.out(self.lif(self.fc(x.reshape(*x.shape[:-2], -1))))


class Pooled(Module):
    """Two convolutions with a pool between them."""

    def __init__(self, d: Design):
        super().__init__()
        o, c = given(d, pool=2), d.width
        side = SIDE // o.pool
        self.conv1, self.if1 = (
            convolution((SIDE, SIDE, 1), c, 2.0),
            Beta((SIDE, SIDE, c), d.surrogate),
        )
        self.pool = brainstate.nn.AvgPool2d(o.pool, o.pool)
        self.conv2 = convolution((side, side, c), 2 * c, 4.0)
        self.if2 = Beta((side, side, 2 * c), d.surrogate)
        self.fc = linear(side * side * 2 * c, CLASSES)

    def update(self, x: Any) -> Any:
        x = self.if1(self.conv1(x.reshape(*x.shape[:-1], SIDE, SIDE, 1)))
        x = self.if2(self.conv2(self.pool(x)))
        return self.fc(x.reshape(*x.shape[:-3], -1))


class Sequence(Module):
    """Two layers that read an image row by row, and a readout of the membranes."""

    def __init__(self, d: Design):
        super().__init__()
        o, n = given(d, memory=1.0), d.width
        betas = o.memory * jnp.linspace(0.5, 0.98, n)
        self.fc1, self.fc2 = linear(SIDE, n, 2.0), linear(n, n, 2.0)
        self.cells, self.memory = (Beta(n, d.surrogate, betas) for _ in range(2))
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        self.memory(self.fc2(self.cells(self.fc1(x))))
        return self.out(self.memory.mem.value)


class Attention(Module):
    """Attention between the rows of an image, of which queries, keys and values are spikes."""

    def __init__(self, d: Design):
        super().__init__()
        n, spiking = d.width, lambda: Beta((SIDE, d.width), d.surrogate, 0.75)
        self.embed, self.cells = linear(SIDE, n, 2.0), spiking()
        self.place = brainstate.ParamState(0.3 * brainstate.random.normal(size=(SIDE, n)))
        self.q, self.k, self.v, self.o = (linear(n, n, 2.0) for _ in range(4))
        self.qs, self.ks, self.vs, self.os = (spiking() for _ in range(4))
        self.out = linear(SIDE * n, CLASSES)

    def update(self, x: Any) -> Any:
        rows = x.reshape(*x.shape[:-1], SIDE, SIDE)
        x = self.cells(self.embed(rows) + self.place.value)
        q, k, v = self.qs(self.q(x)), self.ks(self.k(x)), self.vs(self.v(x))
        seen = 0.1 * (q @ jnp.swapaxes(k, -1, -2)) @ v
        x = x + self.os(self.o(seen))
        return self.out(x.reshape(*x.shape[:-2], -1))

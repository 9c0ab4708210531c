"""Networks with convolutions."""

from __future__ import annotations

from typing import Any

import brainpy
import brainstate
import braintrace
import brainunit as u
import jax
import jax.numpy as jnp
from brainstate.nn import MaxPool2d, Module, Sequential
from braintools.init import KaimingNormal, XavierNormal, ZeroInit

from .design import CLASSES, PIXELS, SIDE, Design
from .parts import Beta, Current, Wired, convolution, flat, image, linear, row, spiking, through


def join_spikes(net: Any, x: Any) -> Any:
    x = net.lif(net.conv(image(x)))
    for block in net.blocks:
        x = x + block(x) if net.join == "add" else x * block(x)
    return net.head(flat(net.pool(x)))


def sew(d: Design, *, join: str = "add", scale: float = 3.0) -> Module:
    """A convolution, then residual blocks that join spikes with those that they came from."""
    shape, pool = (SIDE, SIDE, d.width), brainstate.nn.AvgPool2d(4, 4)
    conv, cells = (lambda of: convolution(of, d.width, scale)), lambda: Beta(shape, d.surrogate)
    parts = {"conv": conv((SIDE, SIDE, 1)), "lif": cells(), "join": join, "pool": pool}
    block = lambda: through(conv1=conv(shape), lif1=cells(), conv2=conv(shape), lif2=cells())
    blocks = [block() for _ in range(d.layers)]
    return Wired(join_spikes, **parts, blocks=blocks, head=linear(4 * d.width, CLASSES))


def vote(net: Any, x: Any) -> Any:
    x = net.pool(net.lif(2 * net.norm(net.conv(image(x))) * u.mA))
    votes = net.voters(net.vote(flat(x)) * u.mA)
    return votes.reshape(*votes.shape[:-1], CLASSES, 10).mean(axis=-1)


def voting(d: Design, *, last: float = 3.0) -> Module:
    """A convolution with batch norm and pooling, and ten neurons that vote for each class."""
    shape, many = (SIDE, SIDE, d.width), 10 * CLASSES
    cells = lambda size: spiking("LIF", size, d, tau=2 * u.ms, V_th=1 * u.mV)
    parts = {"conv": convolution((SIDE, SIDE, 1), d.width), "lif": cells(shape)}
    parts |= {"norm": brainstate.nn.BatchNorm2d(shape), "pool": brainstate.nn.MaxPool2d(2, 2)}
    return Wired(vote, **parts, vote=linear(16 * d.width, many, last), voters=cells(many))


def by_column(x: Any) -> Any:
    return jnp.swapaxes(x.reshape(*x.shape[:-1], SIDE, SIDE), -1, -2)


def rows_convolved(d: Design) -> Module:
    """A convolution along the columns of the image, of which rows are the channels."""
    conv, neurons = convolution((SIDE, SIDE), 16, 1.5), Beta((SIDE, 16), d.surrogate, 0.6)
    fc, lif = linear(16 * SIDE, d.width, 1.0), Current(d.width, d.surrogate, 0.8)
    parts = {"columns": by_column, "conv": conv, "neurons": neurons, "flat": flat_rows, "fc": fc}
    return through(**parts, lif=lif, out=linear(d.width, CLASSES))


def flat_rows(x: Any) -> Any:
    return flat(x, 2)


def pooled(d: Design, *, pool: int = 2) -> Module:
    """Two convolutions with a pool between them."""
    c, side = d.width, SIDE // pool
    parts = {"image": image, "conv1": convolution((SIDE, SIDE, 1), c, 2.0)}
    parts |= {
        "if1": Beta((SIDE, SIDE, c), d.surrogate),
        "pool": brainstate.nn.AvgPool2d(pool, pool),
    }
    parts |= {"conv2": convolution((side, side, c), 2 * c, 4.0)}
    parts |= {"if2": Beta((side, side, 2 * c), d.surrogate), "flat": flat}
    return through(**parts, fc=linear(side * side * 2 * c, CLASSES))


def convolved(d: Design) -> Module:
    """Two convolutions, with a pool between them, and neurons that see all of the image."""
    c = d.width
    conv1, conv2 = convolution((SIDE, SIDE, 1), c, 1.0), convolution((4, 4, c), 2 * c, 1.5)
    lif1, lif2 = Beta((SIDE, SIDE, c), d.surrogate, 0.8), Beta((4, 4, 2 * c), d.surrogate, 0.8)
    pool = brainstate.nn.MaxPool2d(2, 2)
    see, all_of_it = linear(32 * c, 16, 2.0), Beta(16, d.surrogate, 0.8)
    return row(image, conv1, lif1, pool, conv2, lif2, flat, see, all_of_it, linear(16, CLASSES))


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


class Frames(Module):
    """Convolutions with layer norm, neurons and pools, as braintrace trains them on events."""

    def __init__(self, d: Design):
        super().__init__()
        options = {"w_init": XavierNormal(scale=40.0), "b_init": None}
        neurons = {"V_th": 1.0, "R": 1.0, "tau": 2 * u.ms, "V_initializer": ZeroInit()}
        lif = brainpy.state.IF.desc(**neurons, spk_fun=d.surrogate)
        conv = lambda size: braintrace.nn.Conv2d(size, d.width, kernel_size=3, **options)
        norm, pool = brainstate.nn.LayerNorm, brainstate.nn.MaxPool2d
        self.layer1 = Sequential(
            conv((SIDE, SIDE, 2)), norm.desc(), lif, pool.desc(kernel_size=2, stride=2)
        )
        self.layer2 = Sequential(conv(self.layer1.out_size), norm.desc(), lif)
        self.layer3 = Sequential(
            pool(kernel_size=2, stride=2, in_size=self.layer2.out_size),
            brainstate.nn.Flatten.desc(),
        )
        size = self.layer3.out_size
        feed = braintrace.nn.Linear(size, 32, w_init=KaimingNormal(scale=40.0), b_init=None)
        self.layer4 = Sequential(feed, lif)
        self.layer5 = braintrace.nn.LeakyRateReadout(32, 4, tau=10 * u.ms)

    def update(self, x: Any) -> Any:
        return x >> self.layer1 >> self.layer2 >> self.layer3 >> self.layer4 >> self.layer5


def channels(d: Design) -> Module:
    """Two convolutions, between which channels are weighted by what is seen in all of them."""

    def step(net: Any, x: Any) -> Any:
        x = net.conv2(net.cells1(net.conv1(image(x))))
        gate = jax.nn.sigmoid(net.up(jax.nn.relu(net.down(x.mean(axis=(-3, -2))))))
        return net.out(flat(net.cells2(2 * gate[..., None, None, :] * x)))

    n, shape = d.width, (SIDE, SIDE)
    cells = lambda: Beta((*shape, n), d.surrogate, 0.5)
    parts = {"conv1": convolution((*shape, 1), n, 2.0), "conv2": convolution((*shape, n), n, 2.0)}
    parts |= {"down": linear(n, n // 2), "up": linear(n // 2, n), "cells1": cells()}
    return Wired(step, **parts, cells2=cells(), out=linear(PIXELS * n, CLASSES))


def gestures(d: Design) -> Module:
    """Convolutions of events of two polarities, with a pool after one, and two layers."""
    c, shape = d.width, (SIDE, SIDE)
    cells = lambda *size: Beta(size, d.surrogate, 0.9)
    polarities = lambda x: jnp.moveaxis(x.reshape(*x.shape[:-1], 2, *shape), -3, -1)
    return row(
        polarities, convolution((*shape, 2), c, 3.0), cells(*shape, c), MaxPool2d(2, 2),
        convolution((4, 4, c), 2 * c, 3.0), cells(4, 4, 2 * c), flat,
        linear(32 * c, 32, 3.0), cells(32), linear(32, 4),
    )  # fmt: skip

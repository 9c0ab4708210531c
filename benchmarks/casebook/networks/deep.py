"""Deep networks whose layers add to, or see, what came before."""

from __future__ import annotations

from functools import reduce
from typing import Any

import brainstate
import jax.numpy as jnp
from brainstate.nn import LayerNorm, Module

from .design import CLASSES, PIXELS, Design
from .parts import Beta, Ternary, Wired, flat, linear, row


def pass_on(net: Any, x: Any) -> Any:
    current = net.into(x)
    for fc, cells in zip(net.fcs, net.cells):
        current = current + fc(cells(current))
    return net.out(current)


def shortcuts(d: Design) -> Module:
    """Ternary neurons, whose inputs are passed on past each layer."""
    n, parts = d.width, {"into": linear(PIXELS, d.width, 0.8), "out": linear(d.width, CLASSES)}
    fcs = [linear(n, n, 0.7) for _ in range(d.layers)]
    return Wired(pass_on, **parts, fcs=fcs, cells=[Ternary(n, d.surrogate, 0.8) for _ in fcs])


def residual(d: Design) -> Module:
    """Layers that add their spikes to what they got."""
    join = lambda x, parts: x + parts[1](parts[0](x))
    step = lambda net, x: net.out(reduce(join, zip(net.fcs, net.lifs), net.fc(x)))
    fcs = [linear(d.width, d.width, 0.5) for _ in range(d.layers)]
    lifs = [Beta(d.width, d.surrogate, 0.8) for _ in fcs]
    fc, out = linear(PIXELS, d.width), linear(d.width, CLASSES, 0.0)
    return Wired(step, fc=fc, fcs=fcs, lifs=lifs, out=out)


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


def looped(d: Design) -> Module:
    """The same weights, used by four layers one after the other."""

    def step(net: Any, x: Any) -> Any:
        x = net.fc(x)
        for lif in net.lifs:
            x = x + net.shared(lif(net.norm(x)))
        return net.out(net.last(net.norm(x)))

    n, lif = d.width, lambda: Beta(d.width, d.surrogate, 0.6)
    parts = {"fc": linear(PIXELS, n), "shared": linear(n, n), "last": lif()}
    parts |= {"lifs": [lif() for _ in range(4)], "norm": brainstate.nn.LayerNorm((n,))}
    return Wired(step, **parts, out=linear(n, CLASSES))


def thin(d: Design, *, share: float = 1.0) -> Module:
    """Many layers, each of which adds to the currents that it got; ``share`` of the sum is kept."""

    def step(net: Any, x: Any) -> Any:
        x = net.fc(x)
        for fc, lif in zip(net.fcs, net.lifs):
            x = share * (x + fc(lif(x)))
        return net.out(net.last(x))

    n, lif = d.width, lambda: Beta(d.width, d.surrogate, 0.5)
    fcs = [linear(n, n, 0.4) for _ in range(d.layers)]
    parts = {"fc": linear(PIXELS, n, 2.0), "fcs": fcs, "lifs": [lif() for _ in fcs]}
    return Wired(step, **parts, last=lif(), out=linear(n, CLASSES))


def reach(d: Design) -> Module:
    """Residual layers of normed currents, and a head for each of two joints."""

    def step(net: Any, x: Any) -> Any:
        x = net.first(x)
        for block in net.blocks:
            x = x + block(x)
        both = net.shoulder(x)[..., :, None] + net.elbow(x)[..., None, :]
        return flat(both, 2)

    n, cells = d.width, lambda: Beta(d.width, d.surrogate, 0.7)
    layer = lambda a: row(linear(a, n), LayerNorm((n,)), cells())
    heads = {"shoulder": linear(n, 3), "elbow": linear(n, 3)}
    return Wired(step, first=layer(24), blocks=[layer(n) for _ in range(d.layers)], **heads)

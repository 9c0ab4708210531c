"""Networks whose spikes weight what others tell: attention, gates, experts."""

from __future__ import annotations

from typing import Any

import brainstate
import jax
import jax.numpy as jnp
from brainstate.nn import BatchNorm1d, Dropout, Module

from .design import CLASSES, PIXELS, SIDE, Design
from .parts import Beta, Current, Parametric, Wired, flat, linear, row


def attend(net: Any, x: Any) -> Any:
    x = net.cells(net.embed(x.reshape(*x.shape[:-1], SIDE, SIDE)) + net.place.value)
    q, k, v = net.qs(net.q(x)), net.ks(net.k(x)), net.vs(net.v(x))
    seen = 0.1 * (q @ jnp.swapaxes(k, -1, -2)) @ v
    return net.out(flat(x + net.os(net.o(seen)), 2))


def attention(d: Design) -> Module:
    """Attention between the rows of an image, of which queries, keys and values are spikes."""
    n, cells = d.width, ("cells", "qs", "ks", "vs", "os")
    parts = {"embed": linear(SIDE, n, 2.0)}
    place = brainstate.ParamState(0.3 * brainstate.random.normal(size=(SIDE, n)))
    parts |= {name: linear(n, n, 2.0) for name in "qkvo"}
    parts |= {name: Beta((SIDE, n), d.surrogate, 0.75) for name in cells}
    return Wired(attend, **parts, place=place, out=linear(SIDE * n, CLASSES))


def pooling(d: Design) -> Module:
    """Rows of an image, summed with weights that come from their spikes."""
    n = d.width

    def step(net: Any, x: Any) -> Any:
        rows = net.cells(net.embed(x.reshape(*x.shape[:-1], SIDE, SIDE)) + net.place.value)
        net.seen.value = 0.9 * net.seen.value + net.score(rows)
        values = net.drop(net.values(net.value(net.drop(rows))))
        return net.out(d.output((jax.nn.softmax(net.seen.value, axis=-2) * values).sum(axis=-2)))

    place = brainstate.ParamState(brainstate.random.normal(size=(SIDE, n)))
    parts = {"embed": linear(SIDE, n, 2.0), "score": linear(n, 1), "value": linear(n, n, 2.0)}
    parts |= {name: Beta((SIDE, n), d.surrogate, 0.8) for name in ("cells", "values")}
    parts |= {"drop": brainstate.nn.Dropout1d(d.keep), "place": place}
    return Wired(step, (("seen", (SIDE, 1)),), **parts, out=linear(n, CLASSES))


def gates(d: Design) -> Module:
    """Neurons whose currents pass when those of another population fire."""
    n, step = d.width, lambda net, x: net.out(net.cells(net.fc(x) * net.gate(net.open(x))))
    parts = {name: linear(SIDE, n, 4.0) for name in ("fc", "open")}
    parts |= {"cells": Beta(n, d.surrogate, 0.95), "gate": Current(n, d.surrogate, 0.8)}
    return Wired(step, **parts, out=linear(n, CLASSES))


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


def retention(d: Design, *, inverse: bool = True) -> Module:
    """Rows of an image, which spikes look up in a memory of spikes that fades."""
    n, kept = d.width, jnp.exp(-1 / d.tau if inverse else -d.tau)

    def step(net: Any, x: Any) -> Any:
        x = net.embedded(net.embed(x))
        q, k, v = (lif(fc(x)) for fc, lif in zip(net.fcs, net.lifs))
        net.memory.value = kept * net.memory.value + k[..., :, None] * v[..., None, :] / 4
        x = x + net.heard(net.mix((q[..., None, :] @ net.memory.value)[..., 0, :]))
        return net.out(x + net.last(net.feed(x)))

    lif = lambda: Beta(n, d.surrogate, 0.2)
    parts: dict[str, Any] = {name: lif() for name in ("embedded", "heard", "last")}
    parts |= {"fcs": [linear(n, n, 3.0) for _ in range(3)], "lifs": [lif() for _ in range(3)]}
    parts |= {"embed": linear(SIDE, n, 4.0), "mix": linear(n, n, 1.0), "feed": linear(n, n, 2.0)}
    return Wired(step, (("memory", (n, n)),), **parts, out=linear(n, CLASSES))


def attend_and_feed(net: Any, x: Any) -> Any:
    q, k, v = net.q(x), net.k(x), net.v(x)
    x = x + net.proj(net.cells(0.25 * (q @ jnp.swapaxes(k, -1, -2)) @ v))
    return x + net.drop(net.down(net.up(x)))


def transformer(d: Design) -> Module:
    """Blocks of spiking attention and of two layers, on patches of four pixels."""

    def patches(x: Any) -> Any:
        x = x.reshape(*x.shape[:-1], 4, 2, 4, 2)
        return jnp.swapaxes(x, -3, -2).reshape(*x.shape[:-4], 16, 4)

    n, drop = d.width, Dropout(d.keep)
    cells = lambda size: Beta((16, size), d.surrogate, 0.5)
    layer = lambda a, b: row(linear(a, b), BatchNorm1d((16, b)), lambda x: 1.5 * x, cells(b), drop)
    parts = lambda: {name: layer(n, n) for name in ("q", "k", "v", "proj")}
    feed = lambda: {"up": layer(n, 2 * n), "down": layer(2 * n, n), "cells": cells(n)}
    blocks = [Wired(attend_and_feed, **parts(), **feed(), drop=drop) for _ in range(d.layers)]
    return row(patches, layer(4, n), *blocks, lambda x: flat(x, 2), linear(16 * n, CLASSES))

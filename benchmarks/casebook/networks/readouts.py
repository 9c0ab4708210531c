"""Networks with another output than a value for each class: first spikes, traces, images."""

from __future__ import annotations

from functools import partial
from itertools import chain, pairwise
from typing import Any

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from brainpy.state import LeakyRateReadout
from brainstate.nn import Module
from braintools.init import Constant

from ..data import dataset, training
from .design import CLASSES, PIXELS, Design
from .parts import Beta, Current, FirstSpike, Wired, linear, row, stop


def read_traces(net: Any, x: Any) -> Any:
    trace = 0.9 * net.trace.value + net.lif2(net.fc2(net.lif1(net.fc1(x))))
    if net.writes:
        net.trace.value = trace
    return net.out(trace if net.writes else net.trace.value)


def traces(d: Design, *, kept: bool = True) -> Module:
    """A readout of exponential traces of spikes; without ``kept``, they stay as they begin."""
    n = d.width
    parts = {"fc1": linear(PIXELS, n, 5.0), "fc2": linear(n, n, 4.0), "out": linear(n, CLASSES)}
    lif1, lif2 = (Beta(n, d.surrogate, 0.95) for _ in range(2))
    return Wired(read_traces, (("trace", n),), **parts, lif1=lif1, lif2=lif2, writes=kept)


def add_up(net: Any, x: Any) -> Any:
    net.sum.value = net.sum.value + net.fc2(net.cells(net.fc1(x)))
    return net.sum.value


def once(d: Design) -> Module:
    """Neurons that fire once; the earlier, the longer is their spike summed."""
    parts = {"fc1": linear(PIXELS, d.width, 3.0), "fc2": linear(d.width, CLASSES)}
    return Wired(add_up, (("sum", CLASSES),), **parts, cells=FirstSpike(d.width, d.surrogate))


def rebuilt(d: Design) -> Module:
    """Images rebuilt from a few neurons and compared with the mean image of each class."""
    sizes, (images, labels) = (196, 64, d.width, 64), dataset(d.source)
    count = training(labels)
    kept = labels[:count, None] == jnp.arange(CLASSES)
    means = (kept.T @ images[:count]) / kept.sum(axis=0)[:, None]
    fc = partial(linear, scale=0.8, b_init=Constant(0.6))
    pairs = [(fc(a, b), Beta(b, d.surrogate, 0.8)) for a, b in pairwise(sizes)]
    match = lambda image: image @ means.T - (means**2).sum(axis=-1) / 2
    return row(*chain(*pairs), linear(64, 196), match)


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


def centre(d: Design, *, least: float = 1e-2) -> Module:
    """A number as the centre of mass of neurons that stand for 0 to 4; classes near it win."""
    stand = jnp.linspace(-0.5, 4.5, 40)

    def step(net: Any, x: Any) -> Any:
        z = net.readers(net.fc2(net.cells(net.fc1(x))))
        net.rate.value = 0.95 * net.rate.value + z
        sums = [(net.rate.value * w).sum(axis=-1, keepdims=True) for w in (stand, 1.0)]
        return -2 * (sums[0] / (sums[1] + least) - jnp.arange(5)) ** 2

    n = d.width
    parts = {"fc1": linear(2, n, 1.5), "cells": Current(n, d.surrogate, 0.8)}
    parts |= {"fc2": linear(n, 40, 1.0), "readers": Beta(40, d.surrogate, 0.9)}
    return Wired(step, (("rate", 40),), **parts)


def siamese(d: Design) -> Module:
    """Distances of the traces of spikes of images, which all pass the same layers."""

    def step(net: Any, x: Any) -> Any:
        z = net.cells2(net.fc2(net.cells1(net.fc1(x))))
        net.trace.value = 0.9 * net.trace.value + 0.1 * z
        away = net.trace.value[..., 1:, :] - net.trace.value[..., :1, :]
        return -net.fc3(away**2).sum(axis=-1)

    n, cells = d.width, lambda: Beta((5, d.width), d.surrogate, 0.8)
    parts = {"fc1": linear(PIXELS, n, 2.0), "fc2": linear(n, n, 2.0), "cells1": cells()}
    fc3 = linear(n, 1, 0.1, b_init=None)
    return Wired(step, (("trace", (5, n)),), **parts, cells2=cells(), fc3=fc3)


def painter(d: Design, *, frozen: bool = False) -> Module:
    """An encoder and a decoder, which paints the mean image of the digit."""

    def step(net: Any, x: Any) -> Any:
        code = net.code(net.fc2(net.encoder(net.fc1(x))))
        code = stop(code) if net.frozen else code
        painted = 0.1 * net.out(net.decoder(net.fc3(code)))
        return -((painted[..., None, :] - net.means) ** 2).sum(axis=-1)

    n, (images, labels) = d.width, map(np.asarray, dataset("digits"))
    known = slice(training(labels))
    of = [images[known][labels[known] == digit] for digit in range(CLASSES)]
    parts = {"fc1": linear(PIXELS, n, 2.0), "fc2": linear(n, 8, 2.0), "fc3": linear(8, n, 3.0)}
    parts |= {name: Beta(n, d.surrogate, 0.8) for name in ("encoder", "decoder")}
    parts |= {"out": LeakyRateReadout(n, PIXELS, tau=8 * u.ms), "frozen": frozen}
    means = jnp.stack([some.mean(axis=0) for some in of])
    return Wired(step, **parts, code=Beta(8, d.surrogate, 0.8), means=means)

"""Networks of the first blind half of the casebook, as tables/blind.toml tells them."""

from __future__ import annotations

from functools import partial, reduce
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from brainstate.nn import Module
from braintools import surrogate as bts
from braintools.init import Constant, Normal

from .data import dataset, training
from .networks import CLASSES, PIXELS, SIDE, Design
from .parts import Beta, Current, Parametric, Wired, cortical, linear, row, spiking

ARCTAN = bts.Arctan()


def reversals(d: Design, excites: float = 65.0) -> Module:
    """Conductances that pull membranes to potentials, which count from rest."""
    n, siemens = d.width, u.siemens
    cells = spiking("LIF", n, d, V_th=15 * u.mV)
    onto = lambda name, potential: brainpy.state.AlignPostProj(
        comm=brainstate.nn.SignedWLinear(PIXELS, n, w_init=Normal(0.0, 0.01, unit=siemens)),
        syn=brainpy.state.Expon.desc(n, tau=4 * u.ms, g_initializer=Constant(0.0 * siemens)),
        out=brainpy.state.COBA.desc(E=potential * u.mV), post=cells, label=name,
    )  # fmt: skip
    step = lambda net, x: (net.exc(x), net.inh(x), net.out(net.cells()))[-1]
    exc, inh = onto("exc", excites), onto("inh", -15.0)
    return Wired(step, cells=cells, exc=exc, inh=inh, out=linear(n, CLASSES))


def rivals(d: Design) -> Module:
    """Neurons that inhibit each other."""

    def step(net: Any, x: Any) -> Any:
        others = net.z.value.sum(axis=-1, keepdims=True) - net.z.value
        net.z.value = net.cells((net.fc(x) - d.inhibition * others) * u.mA)
        return net.out(net.z.value)

    parts = {"fc": linear(PIXELS, d.width, 6.0), "out": linear(d.width, CLASSES)}
    return Wired(step, (("z", d.width),), cells=spiking("IF", d.width, d), **parts)


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


def recall(d: Design) -> Module:
    """Membranes that keep what was shown at the beginning."""

    def step(net: Any, x: Any) -> Any:
        for cells in (net.lif, net.memory):
            cells.mem.value = d.current(cells.mem.value)
        net.memory(net.fc2(net.lif(net.fc1(x))))
        return net.out(net.memory.mem.value)

    parts = {"fc1": linear(PIXELS, d.width, 2.0), "lif": Beta(d.width, d.surrogate, 0.8)}
    parts |= {"fc2": linear(d.width, 8, 0.5), "memory": Beta(8, d.surrogate, 0.98)}
    return Wired(step, **parts, out=linear(8, CLASSES))


def axons(d: Design) -> Module:
    """Spikes that take a while from one population to the next."""
    n, time = d.width, d.delay * u.ms

    def step(net: Any, x: Any) -> Any:
        net.line(net.near(net.fc1(x)))
        return net.out(net.far(net.fc2(net.line.retrieve_at_step(d.delay))))

    line = brainstate.nn.Delay(jax.ShapeDtypeStruct((n,), jnp.float32), time=time)
    parts = {"near": Parametric(n, d.surrogate), "line": line, "far": spiking("ALIF", n, d)}
    parts |= {"fc1": linear(PIXELS, n, 3.0), "fc2": linear(n, n, 6.0, u.mA)}
    return Wired(step, **parts, out=linear(n, CLASSES))


def hub(d: Design, *, fed: bool = True) -> Module:
    """Two groups of features, which meet in neurons that fire by themselves."""
    n = d.width

    def step(net: Any, x: Any) -> Any:
        heard = [net.one(net.fc1(x[..., :7])), net.two(net.fc2(x[..., 7:]))]
        current = net.feed(jnp.concatenate(heard, axis=-1)) if fed else 0.0
        net.z.value = net.hub(current + net.back(net.z.value) + 0.4)
        return net.out(net.z.value)

    parts = {f"fc{i + 1}": linear(m, n, 4.0, u.mA) for i, m in enumerate((7, 6))}
    parts |= {"one": spiking("IF", n, d), "two": spiking("LIFRef", n, d, tau_ref=2 * u.ms)}
    parts |= {"feed": linear(2 * n, n), "back": linear(n, n, 0.3), "hub": Beta(n, d.surrogate)}
    return Wired(step, (("z", n),), **parts, out=linear(n, 3))


def memories(d: Design) -> Module:
    """Recurrent neurons that forget within 2 to 200 steps, and a guess of the band."""
    n, betas = d.width, jnp.exp(-1 / jnp.geomspace(2, 200, d.width))

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells(4 * (1 - betas) * (net.fc(x) + net.back(net.z.value)))
        return -((net.out(net.z.value) + 2 - jnp.arange(5)) ** 2)

    parts = {"fc": linear(2, n, 2.0), "back": linear(n, n), "cells": Beta(n, d.surrogate, betas)}
    out = brainpy.state.LeakyRateReadout(n, 1, tau=50 * u.ms)
    return Wired(step, (("z", n),), **parts, out=out)


def residual(d: Design) -> Module:
    """Layers that add their spikes to what they got."""
    join = lambda x, parts: x + parts[1](parts[0](x))
    step = lambda net, x: net.out(reduce(join, zip(net.fcs, net.lifs), net.fc(x)))
    fcs = [linear(d.width, d.width, 0.5) for _ in range(d.layers)]
    lifs = [Beta(d.width, d.surrogate, 0.8) for _ in fcs]
    fc, out = linear(PIXELS, d.width), linear(d.width, CLASSES, 0.0)
    return Wired(step, fc=fc, fcs=fcs, lifs=lifs, out=out)


def gates(d: Design) -> Module:
    """Neurons whose currents pass when those of another population fire."""
    n, step = d.width, lambda net, x: net.out(net.cells(net.fc(x) * net.gate(net.open(x))))
    parts = {name: linear(SIDE, n, 4.0) for name in ("fc", "open")}
    parts |= {"cells": Beta(n, d.surrogate, 0.95), "gate": Current(n, d.surrogate, 0.8)}
    return Wired(step, **parts, out=linear(n, CLASSES))


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


def lone(d: Design, name: str = "LIF", inputs: int = PIXELS, classes: int = CLASSES,
         unit: Any = u.mA, drive: float = 0.0, **options: Any) -> Module:  # fmt: skip
    """A layer of neurons of brainpy.state; currents are in a unit of any size."""
    cells = spiking(name, d.width, d, **options)
    current = lambda x: (d.gain * x + drive) * unit
    return row(linear(inputs, d.width), current, cells, linear(d.width, classes))


izhikevich = partial(
    lone, name="Izhikevich", unit=u.mV / u.ms, u_initializer=Constant(-13.0 * u.mV / u.ms)
)
upswing = partial(  # the membrane ends at +20 mV
    lone, name="AdExIF", inputs=30, classes=2, drive=8.0, spk_reset="hard", V_th=20 * u.mV
)
nanovolts, kilovolts = (partial(lone, unit=size * u.mA, V_th=size * u.mV) for size in (1e-6, 1e6))


def in_microvolts(x: Any) -> Any:
    return ARCTAN(x / 15e3)


def watching(d: Design) -> Module:
    """Fast and slow neurons."""
    n, speeds = d.width, jnp.linspace(0.5, 0.95, d.width)
    fast, slow = (cells(n, d.surrogate, speeds) for cells in (Current, Beta))
    return row(linear(2 * PIXELS, n, 3.0), fast, linear(n, n, 2.0), slow, linear(n, 4))


def choosing(d: Design) -> Module:
    """Spikes of the highest membranes, as ``d.spikes`` has them."""
    into, cells = linear(PIXELS, d.width, 2.0), Beta(d.width, d.surrogate)
    return row(into, cells, linear(d.width, 24), d.spikes, linear(24, CLASSES))


def tired(d: Design) -> Module:
    """Synapses that tire, from millivolts to plain numbers."""
    return row(
        linear(PIXELS, 64, 60.0, u.mA), cortical("LIF", 64, d, tau=10 * u.ms),
        brainpy.state.STD(64, tau=40 * u.ms, U=0.3), linear(64, 64, 3.0),
        Beta(64, d.surrogate), linear(64, CLASSES, 0.0),
    )  # fmt: skip


def one_number(x: Any) -> Any:
    """The mean of all features in the place of each."""
    return x * 0 + x.mean(axis=-1, keepdims=True)


def reversed_sign(x: Any) -> Any:
    """The derivative of a spike of the threshold minus the membrane."""
    return -1 / (1 + 2 * abs(x)) ** 2

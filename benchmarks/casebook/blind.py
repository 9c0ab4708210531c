"""The blind half of the casebook: networks by somebody who had read neither rules nor guides.

They were not run through `gradient_flow` or `prepare` when they were written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from braintools import surrogate as bts
from braintools.init import Constant, Normal

from braintools_qps import QPseudoSpike

from .cases import Case, Custom
from .data import dataset, events, training, wave
from .mistakes import highest
from .networks import CLASSES, PIXELS, SIDE, Design
from .sealed import row_by_row, standard
from .sealed.neurons import Beta, Current, Parametric, cortical, linear, zeros

Module = brainstate.nn.Module


class Wired(Module):
    """Named parts, values that are kept for the next step, and what a step does with them."""

    def __init__(self, step: Callable[[Any, Any], Any], kept: Any = (), **parts: Any):
        super().__init__()
        self.step, self.kept = step, kept
        for name, part in parts.items():
            setattr(self, name, part)

    def init_state(self, batch_size: int | None = None) -> None:
        for name, size in self.kept:
            setattr(self, name, zeros(size, batch_size))

    def update(self, x: Any) -> Any:
        return self.step(self, x)


def row(*layers: Callable[[Any], Any]) -> Module:
    return Wired(lambda net, x: reduce(lambda x, layer: layer(x), net.layers, x), layers=[*layers])


def spiking(name: str, size: Any, d: Design, **options: Any) -> Any:
    return getattr(brainpy.state, name)(size, spk_fun=d.surrogate, **options)


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


ARCTAN = bts.Arctan()
speeds = lambda n: jnp.linspace(0.5, 0.95, n)
adex = partial(lone, name="AdExIF", inputs=30, classes=2, drive=8.0, spk_reset="hard")

TWINS = {
    "reversals": Design(make=reversals, code="poisson", width=100, steps=30, surrogate=ARCTAN),
    "izhikevich": Design(make=partial(lone, name="Izhikevich", unit=u.mV / u.ms,
          u_initializer=Constant(-13.0 * u.mV / u.ms)), gain=15.0, width=100, steps=40, epochs=20),
    "rivals": Design(make=rivals, inhibition=0.3, width=80, surrogate=bts.ReluGrad()),
    "wine": Design(make=partial(lone, name="Gif", inputs=13, classes=3, drive=1.0), source="wine",
          data=standard, gain=1.0, width=48, steps=30, epochs=60, surrogate=bts.Sigmoid(4.0)),
    "watching": Design(make=lambda d: row(linear(2 * PIXELS, d.width, 3.0),  # fast and slow neurons
          Current(d.width, d.surrogate, speeds(d.width)), linear(d.width, d.width, 2.0),
          Beta(d.width, d.surrogate, speeds(d.width)), linear(d.width, 4)), source="moving",
          data=events, width=64, steps=30, surrogate=bts.SlayerGrad(), epochs=10),
    "adex": Design(make=adex, source="cancer", data=standard, gain=12.0, width=32, steps=40,
          epochs=30, surrogate=bts.PiecewiseQuadratic()),
    "choosing": Design(make=lambda d: row(linear(PIXELS, d.width, 2.0), Beta(d.width, d.surrogate),
          linear(d.width, 24), d.spikes, linear(24, CLASSES)), spikes=partial(highest, soft=True),
          width=12, steps=12, surrogate=bts.ERF()),
    "hub": Design(make=hub, source="wine", data=standard, width=32, steps=25, epochs=60,
          surrogate=bts.GaussianGrad()),
    "gates": Design(make=gates, data=row_by_row, width=128, steps=10, epochs=40, rate=1e-2,
          surrogate=bts.SoftSign()),
    "micro": Design(neuron="Leaky", threshold=15e3, gain=6e4, width=12,  # membranes in microvolts
          surrogate=lambda x: ARCTAN(x / 15e3)),
    "memories": Design(make=memories, source="tones", data=wave, width=64, steps=300, read="last",
          surrogate=QPseudoSpike(alpha=4.0, dampening=0.3), epochs=15),
    "recall": Design(make=recall, code="early", width=64, steps=60, read="last",
          surrogate=bts.SoftSign(2.0), epochs=20),
    "pooling": Design(make=pooling, width=32, steps=10, surrogate=ARCTAN, epochs=25, rate=1e-2),
    "axons": Design(make=axons, delay=4, width=64, steps=24, surrogate=ARCTAN),
    "rebuilt": Design(make=rebuilt, source="mnist", width=24, steps=5,
          surrogate=bts.SoftSign(2.0)),
}  # fmt: skip


def fails(name: str, cause: str, population: str, twin: str, seen: str,
          user: bool = False, **mistake: Any) -> Case:  # fmt: skip
    return Case(name, cause, population, TWINS[twin], mistake, seen, user=user, half="blind")


user, cut = True, "no gradient|disconnected"
FAILURES = [
    fails("excitation-at-rest", "silent", "cells", "reversals",
          "Excitation pulls to where neurons rest.", user, make=partial(reversals, excites=0.0)),
    fails("microvolts-per-millisecond", "silent", "layers.2", "izhikevich",
          "Currents are 1000 times too small.", gain=0.015),
    fails("rivals-excite", "saturated", "cells", "rivals",
          "Lateral weights have the wrong sign.", user, inhibition=-0.3),
    fails("unscaled-wine", "inputs", "layers.2|", "wine",
          "Features as measured, in micrograms.", user, data=lambda x: 1000 * x),
    fails("slow-clock", "inputs", "layers.1|", "watching",
          "Steps of a microsecond, in which nothing moves.", user, data=partial(events, step=1e-3)),
    fails("upswing", "not finite", "layers.2", "adex",
          "Spikes end at +20 mV; steps are too long.", user, make=partial(adex, V_th=20 * u.mV)),
    fails("argmax", cut, "layers.1", "choosing",
          "The winner is found by argmax.", user, spikes=highest),
    fails("not-fed", cut, "one|two", "hub",
          "The hub hears itself only.", user, make=partial(hub, fed=False)),
    fails("minus-too-many", "negative derivative", "layers.1|layers.3|layers.5", "rebuilt",
          "The derivative is that of the threshold minus the membrane.",
          surrogate=Custom(lambda x: -1 / (1 + 2 * abs(x)) ** 2)),
    fails("microvolts-wide", "out of reach", "blocks.0.neuron|blocks.1.neuron", "micro",
          "A width of 1 for membranes in microvolts.", surrogate=bts.ReluGrad()),
    fails("height-for-slope", "too high|not finite|exploding", "cells", "memories",
          "A height of 10 in a loop of 300 steps.", surrogate=bts.ReluGrad(10.0)),
    fails("cut-in-time", "fading|no gradient", "lif|memory", "recall",
          "States are detached in each step.", user, current=jax.lax.stop_gradient),
    fails("drops-features", "dropout", "cells|values", "pooling",
          "The share to drop in place of that to keep.", keep=0.01),
    fails("one-number", "information lost|too small", "cells|values", "pooling",
          "The mean of all features is in the place of each.", user,
          output=lambda x: x * 0 + x.mean(axis=-1, keepdims=True)),
    fails("microseconds", f"delay|{cut}", "near|far", "axons",
          "A delay of 400 steps, where 4 were meant.", user, delay=400),
    fails("narrow-code", "too small|information lost", "layers.3", "rebuilt",
          "Ten classes are rebuilt from the spikes of one neuron.", user, width=1),
]  # fmt: skip

single = {"width": 100, "surrogate": ARCTAN}
NEW = {
    "nanovolts": Design(make=partial(lone, unit=1e-6 * u.mA, V_th=1e-6 * u.mV), **single),
    "kilovolts": Design(make=partial(lone, unit=1e6 * u.mA, V_th=1e6 * u.mV), **single),
    "quadratic": Design(make=partial(lone, name="QuaIF", drive=6.0), **single | {"gain": 25.0}),
    "sparse": Design(make=lone, **single | {"width": 300, "gain": 1.5, "steps": 50}),
    "ten-layers": Design(make=residual, layers=10, width=48, steps=10, epochs=10,
          surrogate=QPseudoSpike(alpha=4.0, dampening=0.3)),
    "tired": Design(make=lambda d: row(  # synapses that tire, from millivolts to plain numbers
          linear(PIXELS, 64, 60.0, u.mA), cortical("LIF", 64, d, tau=10 * u.ms),
          brainpy.state.STD(64, tau=40 * u.ms, U=0.3), linear(64, 64, 3.0),
          Beta(64, d.surrogate), linear(64, CLASSES, 0.0)), epochs=25,
          surrogate=bts.PiecewiseExp()),
}  # fmt: skip
ONLY_TWINS = ("izhikevich", "wine", "adex", "choosing", "micro")
HEALTHY = [
    Case(name, "none", "", design, {}, half="blind")
    for name, design in (TWINS | NEW).items()
    if name not in ONLY_TWINS
]

BLIND = {case.name: case for case in (*FAILURES, *HEALTHY)}

"""Networks whose neurons hear each other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import brainpy
import brainstate
import braintrace
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainpy.state import LeakyRateReadout
from brainstate.nn import Dropout, Module
from braintools.init import KaimingNormal, ZeroInit

from ..functions import nearest
from .design import CLASSES, PIXELS, SIDE, Design
from .parts import Beta, Current, Own, Wired, hear_back, linear, row, spiking, stop, zeros


def remember_rows(net: Any, x: Any) -> Any:
    net.memory(net.fc2(net.cells(net.fc1(x))))
    return net.out(net.memory.mem.value)


def sequence(d: Design, *, memory: float = 1.0) -> Module:
    """Two layers that read an image row by row, and a readout of the membranes."""
    n, betas = d.width, memory * jnp.linspace(0.5, 0.98, d.width)
    parts = {"fc1": linear(SIDE, n, 2.0), "fc2": linear(n, n, 2.0), "out": linear(n, CLASSES)}
    cells, memories = (Beta(n, d.surrogate, betas) for _ in range(2))
    return Wired(remember_rows, **parts, cells=cells, memory=memories)


def excite_and_inhibit(net: Any, x: Any) -> Any:
    e, i, weight = net.e.value, net.i.value, lambda p: jnp.abs(p.value)
    loop = e @ weight(net.ee) - 4 * (i @ weight(net.ie))
    net.e.value = net.exc((4 * net.into(x) + 3 * loop) * u.mA)
    net.i.value = net.inh(3 * (e @ weight(net.ei)) * u.mA)
    return net.out(net.e.value)


def dale(d: Design) -> Module:
    """Excitatory and inhibitory neurons, all connected; weights keep their sign."""
    e, i, normal = d.width, d.width // 4, brainstate.random.normal
    param = lambda a, b: brainstate.ParamState(abs(normal(size=(a, b))) / a**0.5)
    cells = lambda n: spiking("LIFRef", n, d, tau=10 * u.ms, tau_ref=2 * u.ms, V_th=1 * u.mV)
    parts = {"into": linear(PIXELS, e, 3.0), "ee": param(e, e), "ei": param(e, i)}
    parts |= {"ie": param(i, e), "exc": cells(e), "inh": cells(i), "out": linear(e, CLASSES)}
    return Wired(excite_and_inhibit, (("e", e), ("i", i)), **parts)


def side_by_side(net: Any, x: Any) -> Any:
    left, right = jnp.split(net.into(x) + net.back(net.z.value), 2, axis=-1)
    spikes = [net.regular(left * u.mA), net.adaptive(right * u.mA)]
    net.z.value = jnp.concatenate(spikes, axis=-1)
    return net.out(net.z.value)


def lsnn(d: Design) -> Module:
    """Adaptive and other recurrent neurons, side by side."""
    n, shared = d.width, {"tau": d.tau * u.ms, "V_th": 1 * u.mV}
    parts = {"regular": spiking("LIF", n, d, **shared)}
    slow = {"tau_a": 150 * u.ms, "beta": 0.2 * u.mV}
    parts |= {"adaptive": spiking("ALIF", n, d, **slow, **shared)}
    parts |= {"into": linear(PIXELS, 2 * n, 6.0), "back": linear(2 * n, 2 * n, 2.0)}
    return Wired(side_by_side, (("z", 2 * n),), **parts, out=linear(2 * n, CLASSES))


def hear_itself(net: Any, x: Any) -> Any:
    net.spikes.value = net.cells(0.3 * (net.fc(x) + net.back(net.spikes.value)))
    net.seen.value = 0.95 * net.seen.value + net.out(net.spikes.value)
    return net.seen.value


def loop(d: Design) -> Module:
    """Recurrent neurons behind synapses, and a readout that leaks."""
    n, kept = d.width, (("spikes", d.width), ("seen", CLASSES))
    parts = {"fc": linear(PIXELS, n), "back": linear(n, n), "out": linear(n, CLASSES)}
    return Wired(hear_itself, kept, **parts, cells=Current(n, d.surrogate, 0.9))


class Chain(Module):
    """Layers that see the spikes of the step before, so that each takes a step, or more."""

    def __init__(self, d: Design, *, fault: bool = False):
        super().__init__()
        sizes = [PIXELS] + [d.width] * d.layers
        self.fcs = [linear(a, b, 1.5) for a, b in pairwise(sizes)]
        self.lifs = [Current(d.width, d.surrogate, 0.8, fault=fault) for _ in self.fcs]
        self.out, self.width = linear(d.width, CLASSES), d.width

    def init_state(self, batch_size: int | None = None) -> None:
        self.spikes = [zeros(self.width, batch_size) for _ in self.lifs]

    def update(self, x: Any) -> Any:
        before = [x, *(s.value for s in self.spikes)]
        for fc, lif, spikes, seen in zip(self.fcs, self.lifs, self.spikes, before):
            spikes.value = lif(fc(seen))
        return self.out(before[-1])


def slosh(net: Any, x: Any) -> Any:
    net.s.value = net.liquid(net.into(x) + net.s.value @ net.inner.value * u.mA)
    return net.out(net.s.value)


def reservoir(d: Design) -> Module:
    """Recurrent weights that are not trained; inputs and readout are."""
    n = d.width
    inner = brainstate.LongTermState(0.8 * (brainstate.random.normal(size=(n, n)) / n**0.5))
    parts = {"into": linear(PIXELS, n, 5.0, u.mA), "out": linear(n, CLASSES), "inner": inner}
    times = {"tau": d.tau * u.ms, "tau_ref": 2 * u.ms}
    liquid = spiking("LIFRef", n, d, **times, V_th=1 * u.mV)
    return Wired(slosh, (("s", n),), **parts, liquid=liquid)


def rivals(d: Design) -> Module:
    """Neurons that inhibit each other."""

    def step(net: Any, x: Any) -> Any:
        others = net.z.value.sum(axis=-1, keepdims=True) - net.z.value
        net.z.value = net.cells((net.fc(x) - d.inhibition * others) * u.mA)
        return net.out(net.z.value)

    parts = {"fc": linear(PIXELS, d.width, 6.0), "out": linear(d.width, CLASSES)}
    return Wired(step, (("z", d.width),), cells=spiking("IF", d.width, d), **parts)


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
    out = LeakyRateReadout(n, 1, tau=50 * u.ms)
    return Wired(step, (("z", n),), **parts, out=out)


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


def scanning(d: Design) -> Module:
    """Recurrent neurons, which see an image column by column."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells((net.fc(x) + net.back(net.z.value)) * u.mA)
        return net.out(net.z.value)

    n = d.width
    cells = spiking("LIF", n, d, tau=20 * u.ms)
    parts = {"fc": linear(SIDE, n, 30.0), "back": linear(n, n, 4.0), "cells": cells}
    out = LeakyRateReadout(n, CLASSES, tau=20 * u.ms)
    return Wired(step, (("z", n),), **parts, out=out)


def delta(d: Design) -> Module:
    """Neurons that hear themselves, and where an image gets brighter or darker."""
    n = d.width
    parts = {"fc": linear(2 * SIDE, n, 2.0), "back": linear(n, n, 0.5), "out": linear(n, CLASSES)}
    return Wired(hear_back, (("z", n),), cells=Beta(n, d.surrogate, 0.9), **parts)


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


class Gif(brainpy.state.Neuron):
    """Neurons with a slow current that each spike adds to; the output is their membrane."""

    def __init__(self, size: int, *, tau: Any, tau_I2: Any, A2: Any, **options: Any):
        super().__init__(size, **options)
        self.V_th, self.R, self.tau = 1 * u.mV, 1 * u.ohm, tau
        self.tau_I2, self.A2 = tau_I2, A2

    def init_state(self, batch_size: int | None = None, **_: Any) -> None:
        shape = self.varshape if batch_size is None else (batch_size, *self.varshape)
        self.V = brainstate.HiddenState(jnp.zeros(shape) * u.mV)
        self.I2 = brainstate.HiddenState(jnp.zeros(shape) * u.mA)

    def get_spike(self, V: Any = None) -> Any:
        V = self.V.value if V is None else V
        return self.spk_fun((V - self.V_th) / self.V_th)

    def update(self, x: Any) -> Any:
        last = stop(self.get_spike())
        V, slow = self.V.value - self.V_th * last, self.I2.value - self.A2 * last
        self.I2.value = brainstate.nn.exp_euler_step(lambda i: -i / self.tau_I2, slow)
        drive = lambda v, current: (-v + self.R * current) / self.tau
        self.V.value = brainstate.nn.exp_euler_step(drive, V, x + self.I2.value)
        return jax.nn.standardize(u.get_magnitude(self.V.value - self.V_th))


class Evidence(Module):
    """Recurrent neurons with currents that last as long as what is to be remembered."""

    def __init__(self, d: Design, *, unit: str = "ms"):
        super().__init__()
        n, unit = d.width, getattr(u, unit)
        feed, back = (KaimingNormal(scale, unit=u.mA) for scale in (6.0, 2.0))
        w = u.math.concatenate([feed((48, n)), back((n, n))], axis=0)
        self.ir2r = braintrace.nn.Linear(48 + n, n, w_init=w, b_init=ZeroInit(unit=u.mA))
        self.exp = brainpy.state.Expon(n, tau=10 * unit, g_initializer=ZeroInit(unit=u.mA))
        slow = brainstate.random.uniform(50.0, 150.0, n) * unit
        self.r = Gif(n, tau=20 * unit, tau_I2=slow, A2=0.05 * u.mA, spk_fun=d.surrogate)
        self.out = braintrace.nn.LeakyRateReadout(n, 4, tau=2 * u.ms)

    def update(self, spikes: Any) -> Any:
        heard = jnp.concatenate([spikes, self.r.get_spike()], axis=-1)
        return self.out(self.r(self.exp(self.ir2r(heard))))


class Lstm(Own):
    """An LSTM cell whose gates are spikes; what it may add to a memory is +1 or -1."""

    states = ("memory", "z")

    def update(self, x: Any) -> Any:
        gates = jnp.split(self.fc(jnp.concatenate([x, self.z.value], axis=-1)), 4, axis=-1)
        add, keep, sign, show = (self.spk_fun(gate) for gate in gates)
        self.memory.value = keep * self.memory.value + add * (2 * sign - 1)
        self.z.value = show * jnp.tanh(self.memory.value)
        return self.z.value


def lstm(d: Design) -> Module:
    n = d.width
    return row(Lstm(n, d.surrogate, fc=linear(SIDE + n, 4 * n, 1.0)), linear(n, CLASSES))


def reader(d: Design) -> Module:
    """Adaptive recurrent neurons, and a readout slower than they are."""
    n = d.width

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells(net.fc(x) + net.back(net.z.value))
        net.seen.value = 0.99 * net.seen.value + 0.01 * net.z.value
        return net.out(net.seen.value)

    cells = spiking("ALIF", n, d, tau=20 * u.ms, tau_a=200 * u.ms, beta=0.2 * u.mV)
    parts = {"fc": linear(SIDE, n, 30.0, u.mA), "back": linear(n, n, 4.0, u.mA), "cells": cells}
    return Wired(step, (("z", n), ("seen", n)), **parts, out=linear(n, CLASSES, 5.0))


def zoned(d: Design, *, dropped: str = "current") -> Module:
    """Recurrent neurons, whose membranes are read, with dropout of currents, or of membranes."""

    def step(net: Any, x: Any) -> Any:
        current = net.fc(x) + net.back(net.z.value)
        current = net.drop(current) if dropped == "current" else current
        net.z.value = net.cells(current)
        if dropped == "membrane":
            net.cells.mem.value = net.drop(net.cells.mem.value)
        return net.out(net.cells.mem.value)

    n, drop = d.width, brainstate.nn.Dropout(d.keep)
    parts = {"fc": linear(PIXELS, n, 3.0), "back": linear(n, n, 0.5), "drop": drop}
    cells = Beta(n, d.surrogate, 0.95)
    return Wired(step, (("z", n),), **parts, cells=cells, out=linear(n, CLASSES))


def cochlea(d: Design) -> Module:
    """Adaptive recurrent neurons, and leaky readouts, the highest value of which counts."""
    n, options = d.width, {"tau": 10 * u.ms, "tau_a": 100 * u.ms, "beta": 0.1 * u.mV}
    parts = {"fc": linear(16, n, 4.0, u.mA), "back": linear(n, n, 1.0, u.mA)}
    parts |= {"cells": spiking("ALIF", n, d, **options), "out": LeakyRateReadout(n, 5)}
    return Wired(hear_back, (("z", n),), **parts)


def spotting(d: Design) -> Module:
    """Adaptive recurrent neurons, then leaky ones, and a leaky readout."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.adaptive(net.fc1(x) + net.back(net.z.value))
        return net.out(net.leaky(net.fc2(net.z.value)))

    n, slow = d.width, {"tau": 8 * u.ms, "tau_a": 80 * u.ms, "beta": 0.2 * u.mV}
    parts = {"fc1": linear(16, n, 4.0, u.mA), "back": linear(n, n, 1.0, u.mA)}
    parts |= {"adaptive": spiking("ALIF", n, d, **slow), "fc2": linear(n, n, 6.0, u.mA)}
    leaky, out = spiking("LIF", n, d, tau=8 * u.ms), LeakyRateReadout(n, 6, tau=20 * u.ms)
    return Wired(step, (("z", n),), **parts, leaky=leaky, out=out)


def forecast(d: Design, *, rounded: bool = False) -> Module:
    """A recurrent layer and another one, which tell what a series will be."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells1(net.fc1(x) + net.back(net.z.value))
        y = net.out(net.cells2(net.fc2(net.z.value)))
        return nearest(jnp.round(y, 1) if net.rounded else y)

    n = d.width
    kept, beta = np.exp(-1 / 5.0), np.exp(-1 / 20.0)
    cells1, cells2 = (Current(n, d.surrogate, beta, kept=kept) for _ in range(2))
    parts = {"fc1": linear(12, n, 0.7), "back": linear(n, n, 0.2), "fc2": linear(n, n, 0.5)}
    parts |= {"cells1": cells1, "cells2": cells2, "out": linear(n, 1), "rounded": rounded}
    return Wired(step, (("z", n),), **parts)


def hear(net: Any, x: Any) -> Any:
    for layer in ("1", "2"):
        z, fc, back, cells = (getattr(net, name + layer) for name in ("z", "fc", "back", "cells"))
        z.value = x = net.drop(cells(fc(x) + back(z.value)))
    return net.out(x)


def pitch(d: Design) -> Module:
    """Two recurrent layers, with dropout of spikes."""
    n = d.width
    parts: dict[str, Any] = {"drop": Dropout(d.keep)}
    for layer, inputs in (("1", 2), ("2", d.width)):
        parts |= {"fc" + layer: linear(inputs, n, 1.0), "back" + layer: linear(n, n, 1.0)}
        parts |= {"cells" + layer: Beta(n, d.surrogate, 0.9)}
    return Wired(hear, (("z1", n), ("z2", n)), **parts, out=linear(n, 5))


def memory(d: Design, *, read: str = "memory", tau: float = 10.0) -> Module:
    """Neurons that sense, others that keep in a loop what these tell, and a readout of them."""

    def step(net: Any, x: Any) -> Any:
        told = {"sense": net.sense(net.fc1(x))}
        net.z.value = net.memory(net.fc2(told["sense"]) + net.back(net.z.value))
        return net.out((told | {"memory": net.z.value})[net.read])

    n, slow = d.width, {"tau": tau * u.ms, "tau_a": 200 * u.ms, "beta": 0.5 * u.mV}
    parts = {"fc1": linear(5, n, 6.0, u.mA), "sense": spiking("LIF", n, d, tau=5 * u.ms)}
    parts |= {"fc2": linear(n, n, 16.0, u.mA), "back": linear(n, n, 4.0, u.mA), "read": read}
    parts |= {"memory": spiking("ALIF", n, d, **slow), "out": LeakyRateReadout(n, 4)}
    return Wired(step, (("z", n),), **parts)

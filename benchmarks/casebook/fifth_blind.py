"""Networks of the fifth blind half of the casebook, as tables/fifth_blind.toml tells them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainstate.nn import Module
from braintools.init import Constant

from .data import dataset
from .networks import CLASSES, PIXELS, SIDE, Design
from .parts import Beta, Cells, Current, Wired, convolution, flat, image, linear, row

stop = jax.lax.stop_gradient


def layered(
    sizes: Sequence[int], cells: Callable, *scales: float, classes: int = CLASSES
) -> Module:
    """Linear layers of these scales, each before cells of its size, and a linear readout."""
    layers = ((linear(a, b, s), cells(b)) for (a, b), s in zip(pairwise(sizes), scales))
    return row(*chain(*layers), linear(sizes[-1], classes))


class Own(Cells):
    """Neurons with options of their own."""

    def __init__(self, size: Any, spk_fun: Callable, **options: Any):
        super().__init__()
        self.size, self.spk_fun = size, spk_fun
        for name, option in options.items():
            setattr(self, name, option)


class Izhikevich(Own):
    """Regular spiking neurons of Izhikevich, by two half steps."""

    states = ("v", "u")

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.v.value, self.u.value = self.v.value - 65.0, self.u.value - 13.0

    def update(self, x: Any) -> Any:
        v, w = self.v.value, self.u.value
        for _ in range(2):
            v = v + 0.5 * (0.04 * v**2 + 5 * v + self.constant - w + x)
        spikes = self.spk_fun((v - 30) / 30)
        done = stop(spikes)
        self.v.value = jnp.where(done > 0, -65, v)
        self.u.value = w + 0.02 * (0.2 * self.v.value - w) + 8 * done
        return spikes


def izhikevich(d: Design, *, constant: float = 140.0) -> Module:
    drive = linear(PIXELS, d.width, 20.0, b_init=Constant(5.0))
    return row(drive, Izhikevich(d.width, d.surrogate, constant=constant), linear(d.width, CLASSES))


class TwoCompartments(Own):
    """Neurons whose dendrite and soma hear each other, by factors that are learnt."""

    states = ("dendrite", "soma")

    def __init__(self, size: int, spk_fun: Callable, sign: float):
        super().__init__(size, spk_fun, sign=sign)
        self.up, self.down = (brainstate.ParamState(jnp.zeros(size)) for _ in range(2))

    def update(self, x: Any) -> Any:
        last = stop(self.spk_fun(self.soma.value - 1))
        back = self.sign * jax.nn.sigmoid(self.down.value) * self.soma.value
        self.dendrite.value = self.dendrite.value + back + x - 0.5 * last
        up = jax.nn.sigmoid(self.up.value) * self.dendrite.value
        self.soma.value = self.soma.value + up - last
        return self.spk_fun(self.soma.value - 1)


def two_compartments(d: Design, *, sign: float = -1.0) -> Module:
    cells = lambda n: TwoCompartments(n, d.surrogate, sign)
    return layered([SIDE, d.width, d.width], cells, 1.0, 1.0)


class Balanced(Own):
    """Resonators damped so that steps of Euler do not diverge; each spike damps them further."""

    states = ("x", "y", "q")

    def __init__(self, size: int, spk_fun: Callable, unit: float):
        super().__init__(size, spk_fun)
        self.omega = brainstate.ParamState(brainstate.random.uniform(0.1, 0.9, size) * unit)
        self.offset = brainstate.ParamState(brainstate.random.uniform(0.02, 0.1, size))

    def update(self, drive: Any) -> Any:
        omega, x, y = self.omega.value, self.x.value, self.y.value
        b = jnp.sqrt(1 - omega**2) - 1 - abs(self.offset.value) - self.q.value
        self.x.value = x + b * x - omega * y + drive
        self.y.value = y + omega * x + b * y
        spikes = self.spk_fun(self.x.value - 1 - self.q.value)
        self.q.value = 0.9 * self.q.value + stop(spikes)
        return spikes


def balanced(d: Design, *, unit: float = 1.0) -> Module:
    """Angular frequencies are in ``unit``, where steps are milliseconds."""
    cells = lambda n: Balanced(n, d.surrogate, unit)
    return layered([2, d.width], cells, 1.0, classes=5)


def pixel_by_pixel(x: Any) -> Any:
    return x[0].T[..., None]


class StateSpace(Own):
    """Four complex modes for each neuron, by steps of a size that is learnt; their sum fires."""

    def __init__(self, size: int, spk_fun: Callable, unit: float):
        super().__init__(size, spk_fun)
        draw = brainstate.random
        steps = draw.uniform(np.log(0.01), np.log(0.3), (size, 1)) + np.log(unit)
        self.log_step = brainstate.ParamState(steps)
        self.real, self.imag = (brainstate.ParamState(draw.normal(0, 1, (size, 4))) for _ in "ri")

    def init_state(self, batch_size: int | None = None) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.h = brainstate.HiddenState(jnp.zeros((*batch, self.size, 4), jnp.complex64))

    def update(self, x: Any) -> Any:
        a = -0.5 + 1j * np.pi * jnp.arange(4)
        kept = jnp.exp(jnp.exp(self.log_step.value) * a)
        self.h.value = kept * self.h.value + (kept - 1) / a * x[..., None]
        shown = self.real.value * self.h.value.real - self.imag.value * self.h.value.imag
        return self.spk_fun(shown.sum(axis=-1) + 0.5 * x - 0.5)


def state_space(d: Design, *, unit: float = 1.0) -> Module:
    cells = lambda n: StateSpace(n, d.surrogate, unit)
    return layered([1, d.width, d.width], cells, 5.0, 3.0)


def grid(power: float) -> Any:
    """Pixels and their four neighbours, by their degrees to a power on both sides."""
    at = np.stack(np.divmod(np.arange(PIXELS), SIDE))
    near = (abs(at[:, :, None] - at[:, None]).sum(axis=0) <= 1).astype(np.float32)
    degree = near.sum(axis=0) ** power
    return jnp.asarray(degree[:, None] * near * degree)


def graph(d: Design, *, power: float = -0.5) -> Module:
    """Four layers on a graph of pixels."""
    adjacent, n = grid(power), d.width
    spread = lambda x: adjacent @ x
    layer = lambda a: (linear(a, n, 2.5, b_init=None), spread, Beta((PIXELS, n), d.surrogate, 0.7))
    first = lambda x: x[..., None]
    layers = chain(*(layer(a) for a in (1, n, n, n)))
    return row(first, *layers, lambda x: flat(x, 2), linear(PIXELS * n, CLASSES))


class Normalised(Module):
    """Weights of a direction and a length, which are learnt apart."""

    def __init__(self, inputs: int, outputs: int, axis: Sequence[int]):
        super().__init__()
        self.v = brainstate.ParamState(brainstate.random.normal(0, 0.05, (inputs, outputs)))
        self.g = brainstate.ParamState(jnp.ones(outputs))
        self.b, self.axis = brainstate.ParamState(jnp.zeros(outputs)), tuple(axis)

    def update(self, x: Any) -> Any:
        v = self.v.value
        length = jnp.sqrt((v**2).sum(axis=self.axis, keepdims=True))
        return x @ (self.g.value * v / length) + self.b.value


def normalised(d: Design, *, axis: Sequence[int] = (0,)) -> Module:
    n, cells = d.width, lambda: Beta(d.width, d.surrogate, 0.7)
    layers = ((Normalised(a, n, axis), cells()) for a in (PIXELS, n, n))
    return row(*chain(*layers), linear(n, CLASSES))


def counted_cortex(d: Design, *, reset: float = -65.0) -> Module:
    """Neurons that rest at -65 mV and fire at -50 mV, down to those that stand for classes."""
    rest = {"V_rest": -65 * u.mV, "V_th": -50 * u.mV, "V_initializer": Constant(-65.0 * u.mV)}
    options = {**rest, "V_reset": reset * u.mV, "tau": 5 * u.ms, "spk_fun": d.surrogate}
    layer = lambda a, b: (linear(a, b, 100.0, u.mA), brainpy.state.LIF(b, **options))
    sizes = [196, *[d.width] * d.layers, CLASSES]
    return row(*chain(*(layer(a, b) for a, b in pairwise(sizes))))


class Glif(Own):
    """Neurons that learn how much they leak by a share or by a constant, and how they reset."""

    def __init__(self, size: int, spk_fun: Callable):
        super().__init__(size, spk_fun)
        self.gates = brainstate.ParamState(jnp.zeros((3, size)))

    def update(self, x: Any) -> Any:
        share, hard, open_ = jax.nn.sigmoid(self.gates.value)
        mem = (1 - 0.4 * share) * self.mem.value - 0.05 * (1 - share) + 2 * open_ * x
        spikes = self.spk_fun(mem - 1)
        self.mem.value = mem - stop(spikes) * (hard * mem + 1 - hard)
        return spikes


def glif(d: Design) -> Module:
    cells = lambda n: Glif(n, d.surrogate)
    return layered([PIXELS, *[d.width] * d.layers], cells, *[2.0] * d.layers)


def raised(x: Any) -> Any:
    """The derivative within half a wave of a cosine."""
    return jnp.where(abs(x) < 1 / 4, jnp.cos(2 * np.pi * x), 0)


def waving(x: Any) -> Any:
    return jnp.cos(2 * np.pi * x)


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


def hourglass(d: Design, *, ratio: int = 4) -> Module:
    """Spikes pass a layer that is narrower by a ratio, and the same weights back."""

    def step(net: Any, x: Any) -> Any:
        x = net.few(net.squeeze(net.many(net.fc(x))))
        return net.out(net.again(3 * x @ net.squeeze.weight.value["weight"].T))

    n, few = d.width, d.width // ratio
    cells = lambda size: Beta(size, d.surrogate, 0.8)
    parts = {"fc": linear(PIXELS, n, 2.0), "many": cells(n), "squeeze": linear(n, few, 2.0)}
    return Wired(step, **parts, few=cells(few), again=cells(n), out=linear(n, CLASSES))


class Delays(Cells):
    """Delays in steps, which are learnt; the newest spikes are the first or the last kept."""

    def __init__(self, size: int, kept: int, longest: float, newest: str):
        super().__init__()
        self.size, self.states, lag = (kept, size), ("waiting",), jnp.arange(kept)[:, None]
        self.lag = lag if newest == "first" else lag[::-1]
        self.delay = brainstate.ParamState(brainstate.random.uniform(0, longest, size))

    def update(self, x: Any) -> Any:
        now = jnp.concatenate([x[..., None, :], self.waiting.value[..., :-1, :]], axis=-2)
        self.waiting.value = now
        return (jax.nn.relu(1 - abs(self.lag - self.delay.value)) * now).sum(axis=-2)


def delays(d: Design, *, newest: str = "first") -> Module:
    lines = Delays(2 * PIXELS, 34, 8.0, newest)
    cells = Current(d.width, d.surrogate, 0.7)
    return row(lines, linear(2 * PIXELS, d.width, 1.5), cells, linear(d.width, 4))


def decibels(x: Any, *, unit: float = 1.0) -> Any:
    """Noisy power of a tone at 16 places of the cochlea, in dB over 80, from 0 on."""
    places = jnp.linspace(0.01, 0.13, 16) * unit
    noise = jax.random.exponential(jax.random.key(5), (*x.shape[:2], 16))
    power = jnp.exp(-(((x[..., :1] - places) / 0.01) ** 2)) * noise
    return jnp.log10(power + 1e-8) / 8 + 1


def cochlea(d: Design) -> Module:
    """Adaptive recurrent neurons, and leaky readouts, the highest value of which counts."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells(net.fc(x) + net.back(net.z.value))
        return net.out(net.z.value)

    n, options = d.width, {"tau": 10 * u.ms, "tau_a": 100 * u.ms, "beta": 0.1 * u.mV}
    cells = brainpy.state.ALIF(n, spk_fun=d.surrogate, **options)
    parts = {"fc": linear(16, n, 4.0, u.mA), "back": linear(n, n, 1.0, u.mA), "cells": cells}
    return Wired(step, (("z", n),), **parts, out=brainpy.state.LeakyRateReadout(n, 5))


class Online(Beta):
    """Neurons without a gradient to steps before, or to anything at all."""

    def __init__(self, size: int, spk_fun: Callable, stopped: str):
        super().__init__(size, spk_fun, 0.7)
        self.stopped = stopped

    def update(self, x: Any) -> Any:
        before = stop(self.beta * self.mem.value - self.fire())
        self.mem.value = before + x if self.stopped == "before" else stop(before + x)
        return self.fire()


def online(d: Design, *, stopped: str = "before") -> Module:
    sizes = [PIXELS, *[d.width] * d.layers, CLASSES]
    layers = ((linear(a, b, 2.0), Online(b, d.surrogate, stopped)) for a, b in pairwise(sizes))
    return row(*chain(*layers))


class AdEx(Own):
    """Adaptive exponential neurons with the constants of Brette and Gerstner, almost."""

    states = ("V", "w")

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.V.value, self.w.value = self.V.value * u.mV - 70 * u.mV, self.w.value * u.pA

    def update(self, x: Any) -> Any:
        dt, (V, w), leak = brainstate.environ.get_dt(), (self.V.value, self.w.value), 10 * u.nS
        swing = 2 * u.mV * jnp.exp(jnp.minimum((V + 50 * u.mV) / (2 * u.mV), 4.0))
        V = V + dt / self.capacity * (leak * (swing - V - 70 * u.mV) - w + x)
        spikes = self.spk_fun((V + 40 * u.mV) / (30 * u.mV))
        done = stop(spikes)
        self.w.value = w + dt / (100 * u.ms) * (2 * u.nS * (V + 70 * u.mV) - w) + done * 60 * u.pA
        self.V.value = V + done * (-58 * u.mV - stop(V))
        return spikes


def adex(d: Design, *, unit: str = "pF") -> Module:
    cells = lambda: AdEx(d.width, d.surrogate, capacity=200 * getattr(u, unit))
    layer = lambda a, nA: (linear(a, d.width, nA, u.nA), cells())
    return row(*layer(13, 0.6), *layer(d.width, 3.0), linear(d.width, 3))


def match(x: Any) -> Any:
    """An image, and four others, of which one is of the same digit."""
    label, (images, digits) = np.asarray(x[0, :, 0], int), dataset("digits")
    rng, digits = np.random.default_rng(4), np.asarray(digits)
    four = np.argsort(rng.random((len(label), CLASSES)), axis=1)[:, :4]
    shown = np.column_stack([four[np.arange(len(label)), label], four])
    of = [np.flatnonzero(digits == digit) for digit in range(CLASSES)]
    chosen = np.array([[rng.choice(of[digit]) for digit in five] for five in shown])
    return jnp.broadcast_to(images[chosen], (len(x), *chosen.shape, PIXELS))


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


class Levels(Beta):
    """Neurons that fire up to four times in a step."""

    def fire(self) -> Any:
        return sum(self.spk_fun(self.mem.value - level) for level in (1, 2, 3, 4))


def levels(d: Design) -> Module:
    cells = lambda n: Levels(n, d.surrogate, 0.5)
    return layered([PIXELS, *[d.width] * 3], cells, 4.0, 1.0, 1.0)


class Escape(Beta):
    """Neurons that fire by chance, the more likely the higher their membranes."""

    def update(self, x: Any) -> Any:
        mem = self.beta * self.mem.value + x
        spikes = self.spk_fun(mem - 1 + 0.2 * brainstate.random.logistic(size=mem.shape))
        self.mem.value = mem - stop(spikes)
        return spikes


def escape(d: Design) -> Module:
    cells = lambda n: Escape(n, d.surrogate, 0.8)
    return layered([30, d.width, d.width], cells, 1.0, 1.0, classes=2)


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


class SigmaDelta(Own):
    """Units that add up what they hear, and tell by how many steps of 1/4 that has changed."""

    states = ("heard", "told")

    def update(self, x: Any) -> Any:
        self.heard.value = self.heard.value + x
        error = 4 * (jax.nn.relu(self.heard.value) - self.told.value)
        change = (self.spk_fun(error - 0.5) - self.spk_fun(-error - 0.5)) / 4
        self.told.value = self.told.value + stop(change)
        return change


def sigma_delta(d: Design) -> Module:
    """Scanned images, of which only changes are told."""

    def step(net: Any, x: Any) -> Any:
        change, net.before.value = x - net.before.value, x
        net.sum.value = net.sum.value + net.layers(change)
        return net.sum.value

    kept = ("before", PIXELS), ("sum", CLASSES)
    plain = lambda a, b, scale: linear(a, b, scale, b_init=None)
    cells = lambda: SigmaDelta(d.width, d.surrogate)
    layers = (plain(PIXELS, d.width, 2.0), cells(), plain(d.width, d.width, 1.5), cells())
    return Wired(step, kept, layers=row(*layers, plain(d.width, CLASSES, 1.0)))


class Ranges(Own):
    """Thresholds from 0.01 to 100 and time constants from 1 to 1000 steps, which are learnt."""

    def __init__(self, size: int, spk_fun: Callable):
        super().__init__(size, spk_fun)
        spread = lambda low, high: brainstate.random.permutation(jnp.linspace(low, high, size))
        self.threshold = brainstate.ParamState(spread(np.log(0.01), np.log(100.0)))
        self.tau = brainstate.ParamState(spread(0.0, np.log(1000.0)))
        self.start = brainstate.LongTermState(jnp.exp(self.threshold.value))

    def update(self, x: Any) -> Any:
        threshold, beta = jnp.exp(self.threshold.value), jnp.exp(-jnp.exp(-self.tau.value))
        mem = beta * self.mem.value + self.start.value * x
        spikes = self.spk_fun(mem / threshold - 1)
        self.mem.value = mem - stop(spikes) * threshold
        return spikes


def ranges(d: Design) -> Module:
    return layered([PIXELS, d.width, d.width], lambda n: Ranges(n, d.surrogate), 1.0, 1.0)


class Electrical(Beta):
    """Neurons on a ring, whose membranes are pulled to those of their neighbours."""

    def __init__(self, size: int, spk_fun: Callable):
        super().__init__(size, spk_fun, 0.8)
        self.coupling = brainstate.ParamState(jnp.full(size, -1.0))

    def update(self, x: Any) -> Any:
        around = (jnp.roll(self.mem.value, side, axis=-1) for side in (-1, 1))
        pull = sum(around) / 2 - self.mem.value
        return super().update(x + jax.nn.sigmoid(self.coupling.value) * pull)


def electrical(d: Design) -> Module:
    return layered([PIXELS, d.width, d.width], lambda n: Electrical(n, d.surrogate), 8.0, 4.0)


class Aligned(Module):
    """Weights whose errors go back by fixed random ones."""

    def __init__(self, inputs: int, outputs: int, scale: float):
        super().__init__()
        draw = lambda: brainstate.random.normal(0, scale / np.sqrt(inputs), (inputs, outputs))
        self.weight = brainstate.ParamState(draw())
        self.fixed = brainstate.LongTermState(draw())

    def update(self, x: Any) -> Any:
        back = x @ self.fixed.value
        return stop(x) @ self.weight.value + back - stop(back)


def aligned(d: Design) -> Module:
    sizes, cells = [PIXELS, d.width, d.width], lambda n: Beta(n, d.surrogate, 0.8)
    layers = ((Aligned(a, b, 2.0), cells(b)) for a, b in pairwise(sizes))
    return row(*chain(*layers), Aligned(d.width, CLASSES, 1.0))

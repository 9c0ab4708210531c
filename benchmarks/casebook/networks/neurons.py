"""Networks of neurons with a model of their own: resonators, dendrites, learnt time constants."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainstate.nn import Module
from braintools.init import Constant

from ..functions import nearest
from .design import CLASSES, PIXELS, SIDE, Design, same
from .parts import Beta, Own, Parametric, Wired, layered, linear, row, sizes, spiking, stop, zeros


def storing(d: Design) -> Module:
    """Neurons whose thresholds remember for ``tau``."""
    n = d.width
    cells = spiking("ALIF", n, d, tau=2 * u.ms, tau_a=d.tau * u.ms, beta=0.3 * u.mV)
    return row(linear(PIXELS + 1, n, 8.0, u.mA), cells, linear(n, CLASSES))


class Dendrites(Beta):
    """Neurons with a dendrite, which passes on to the soma what is above its rest."""

    states = ("mem", "dendrite")

    def update(self, x: Any) -> Any:
        self.dendrite.value = 0.9 * self.dendrite.value + 0.3 * x
        return super().update(0.5 * jnp.tanh(self.dendrite.value) + 0.1 * x)


class Resonators(Own):
    """Neurons whose membranes swing, each at a frequency of its own."""

    states = ("real", "imaginary")

    def __init__(self, size: int, spk_fun: Callable):
        angle = 2 * jnp.pi * jnp.linspace(0.01, 0.13, size)
        super().__init__(size, spk_fun, cos=0.95 * jnp.cos(angle), sin=0.95 * jnp.sin(angle))

    def update(self, x: Any) -> Any:
        real, imaginary = self.real.value, self.imaginary.value
        self.real.value = self.cos * real - self.sin * imaginary + x
        self.imaginary.value = self.sin * real + self.cos * imaginary
        return self.spk_fun(self.imaginary.value - 1)


def dendrites(d: Design) -> Module:
    return row(linear(30, d.width, 2.0), Dendrites(d.width, d.surrogate), linear(d.width, 2))


def resonators(d: Design) -> Module:
    return row(linear(2, d.width, 1.0), Resonators(d.width, d.surrogate), linear(d.width, 5))


class Timed(Beta):
    """Neurons whose time constants, in steps, are learnt, one each."""

    def __init__(self, taus: Any, spk_fun: Callable):
        super().__init__(len(taus), spk_fun)
        self.tau = brainstate.ParamState(taus)

    def update(self, x: Any) -> Any:
        spikes, kept = stop(self.fire()), jnp.exp(-1 / self.tau.value)
        self.mem.value = kept * self.mem.value + (1 - kept) * x - spikes
        return self.fire()


def slow(d: Design, *, shortest: int = 5) -> Module:
    taus = jnp.linspace(shortest, 100, d.width)
    return layered([PIXELS, d.width, d.width], lambda n: Timed(taus, d.surrogate), 8.0, 20.0)


class Shunting(Beta):
    """Neurons with conductances, which pull to 5 and to -1; ``beta`` is that of the leak."""

    def update(self, x: Any) -> Any:
        excites, inhibits = x
        drive, conductance = 5 * excites - inhibits, self.beta + excites + inhibits
        mem = self.mem.value * (1 - stop(self.fire()))
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
        reset = stop(self.fire() * self.link(self.raw.value))
        self.mem.value = self.beta * self.mem.value + x - reset
        return self.fire()


def thresholds(d: Design, *, logarithms: bool = True) -> Module:
    cells = lambda n: Thresholds(n, d.surrogate, jnp.exp if logarithms else same)
    return layered([PIXELS, d.width, d.width], cells, 0.15)


class Chip(Beta):
    """Neurons as on a chip: numbers of a type, two decays, a threshold of 64000, a hard reset."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.mem.value = self.mem.value.astype(self.dtype)
        self.current = brainstate.HiddenState(self.mem.value)

    def fire(self) -> Any:
        return self.spk_fun((self.mem.value - self.threshold) / self.unit)

    def update(self, x: Any) -> Any:
        mem = self.mem.value * (1 - stop(self.fire()))
        self.current.value = 2048 / 4096 * self.current.value + x.astype(self.dtype)
        self.mem.value = 3700 / 4096 * mem + self.current.value
        return self.fire()


def chip(d: Design, *, unit: float = 64000.0) -> Module:
    n, options = d.width, {"threshold": 64e3, "unit": unit, "dtype": d.dtype}
    layer = lambda a: (linear(a, n, 2.0), lambda x: 64000 * x, Chip(n, d.surrogate, **options))
    return row(*layer(PIXELS), *layer(n), linear(n, CLASSES))


class Branches(Beta):
    """Neurons with four dendrites, each of another speed, by steps of Euler."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.dendrites = zeros((self.size, 4), batch_size)

    def update(self, x: Any) -> Any:
        x = x.reshape(*x.shape[:-1], self.size, 4)
        self.dendrites.value = self.dendrites.value + self.rates * (x - self.dendrites.value)
        return super().update(self.dendrites.value.sum(axis=-1))


def branches(d: Design, *, shortest: float = 2.0) -> Module:
    cells = Branches(d.width, d.surrogate, 0.8, rates=1 / jnp.geomspace(shortest, 40.0, 4))
    return row(linear(2, 4 * d.width, 1.0), cells, linear(d.width, 5))


class Integrators(Beta):
    """Neurons without leak, which reset by their spikes, or by the sum of those of the layer."""

    def update(self, x: Any) -> Any:
        spikes = stop(self.fire())
        spikes = spikes.sum(axis=-1, keepdims=True) if self.summed else spikes
        self.mem.value = self.mem.value + x - spikes * self.threshold
        return self.fire()


def integrators(d: Design, *, summed: bool = False) -> Module:
    cells = lambda n: Integrators(n, d.surrogate, 1.0, summed=summed)
    weights = partial(linear, b_init=Constant(0.05))
    return layered([65, d.width, d.width], cells, 0.5, classes=3, weights=weights)


class Clocked(Beta):
    """Neurons that take a step in each fourth of the others, with the currents of all four."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.sum, self.clock = zeros(self.size, batch_size), zeros(1, batch_size)

    def update(self, x: Any) -> Any:
        self.clock.value, self.sum.value = self.clock.value + 1, self.sum.value + x
        due = self.clock.value % 4 == 0
        mem = self.mem.value
        spikes = jnp.where(due, super().update(self.sum.value / 4), 0)
        self.mem.value = jnp.where(due, self.mem.value, mem)
        self.sum.value = jnp.where(due, 0, self.sum.value)
        return spikes


def two_clocks(d: Design) -> Module:
    """Fast neurons, and slow ones that hear them."""
    n = d.width
    fast, slow = Beta(n, d.surrogate, 0.8), Clocked(n, d.surrogate, 0.8)
    return row(linear(30, n, 4.0), fast, linear(n, n, 4.0), slow, linear(n, 2))


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


class BalancedResonators(Own):
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
    cells = lambda n: BalancedResonators(n, d.surrogate, unit)
    return layered([2, d.width], cells, 1.0, classes=5)


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
    return layered(sizes(d), cells, 2.0)


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
    cells = lambda n: AdEx(n, d.surrogate, capacity=200 * getattr(u, unit))
    weights = partial(linear, unit=u.nA)
    return layered([13, d.width, d.width], cells, 0.6, 3.0, classes=3, weights=weights)


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


class Adaptive(Own):
    """Neurons in mV without units, whose threshold rises with each spike."""

    states = ("V", "rise")

    def update(self, x: Any) -> Any:
        """Voltages count from the rest."""
        V = self.V.value + (x - self.V.value) / 10.0
        spikes = self.spk_fun((V - 15.0 - self.rise.value) / self.scale)
        self.rise.value = 0.95 * self.rise.value + 0.5 * stop(spikes)
        self.V.value = V * (1 - stop(spikes))
        return spikes


def millivolts(d: Design, *, scale: float = 15.0) -> Module:
    """Layers of adaptive neurons, whose surrogate counts in ``scale``, in mV."""
    return layered(sizes(d), lambda n: Adaptive(n, d.surrogate, scale=scale), 250.0)


class Threshold(Parametric):
    """`Parametric`, with thresholds that are learnt."""

    def __init__(self, size: Any, spike_grad: Callable):
        super().__init__(size, spike_grad)
        self.log = brainstate.ParamState(jnp.zeros(size))

    def update(self, x: Any) -> Any:
        return super().update(x * jnp.exp(-self.log.value))


def value(d: Design) -> Module:
    """The value of a state, by neurons that learn their time constants and thresholds."""
    n, cells = d.width, lambda: Threshold(d.width, d.surrogate)
    return row(linear(3, n, 4.0), cells(), linear(n, n, 3.0), cells(), linear(n, 1), nearest)

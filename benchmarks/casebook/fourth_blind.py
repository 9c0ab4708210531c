"""Networks of the fourth blind half of the casebook, as tables/fourth_blind.toml tells them.

The first seven follow tutorials and examples of brainpy.state, brainstate and braintrace, at a
smaller size and on other data.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import braintrace
import brainunit as u
import jax
import jax.numpy as jnp
from brainstate.nn import Linear, Module, Sequential
from braintools.init import Constant, KaimingNormal, LecunNormal, Normal, XavierNormal, ZeroInit

from .data import events
from .networks import CLASSES, PIXELS, SIDE, Design, same
from .parts import Beta, Cells, Current, Wired, linear, row, spiking, zeros


def drawn(rate: Any, key: int = 0) -> Any:
    """Spikes with these probabilities."""
    return (jax.random.uniform(jax.random.key(key), rate.shape) < rate).astype(jnp.float32)


def trains(x: Any, *, rate: float = 0.01) -> Any:
    """Random spike trains of 100 neurons: one pattern a class, a third left out, and noise."""
    shape = (len(x), x.shape[1], 100)
    left, noise = (jax.random.uniform(jax.random.key(i), shape) for i in (1, 2))
    patterns = jax.random.uniform(jax.random.key(0), (len(x), 4, 100)) < rate
    own = patterns[:, x[0, :, 0].astype(int)] & (left > 1 / 3)
    return (own | (noise < rate / 4)).astype(jnp.float32)


class Trains(Module):
    """Neurons behind synapses, and outputs that decay: the first training of brainpy.state."""

    def __init__(self, d: Design, *, unit: str = "mA"):
        super().__init__()
        n, unit = d.width, getattr(u, unit)
        self.i2r = Sequential(
            Linear(100, n, w_init=KaimingNormal(unit=unit), b_init=ZeroInit(unit=unit)),
            brainpy.state.Expon(n, tau=5 * u.ms, g_initializer=Constant(0.0 * unit)),
        )
        self.r = brainpy.state.LIF(
            n, tau=20 * u.ms, V_rest=0 * u.mV, V_reset=0 * u.mV, V_th=1 * u.mV, spk_fun=d.surrogate
        )
        self.r2o = Linear(n, 4, w_init=KaimingNormal())
        self.o = brainpy.state.Expon(4, tau=10 * u.ms, g_initializer=Constant(0.0))

    def update(self, spikes: Any) -> Any:
        return self.o(self.r2o(self.r(self.i2r(spikes))))


def logarithms(x: Any, *, shift: float = 1e-3) -> Any:
    """Logarithms of features, of mean 0 and variance 1."""
    x = jnp.log(x + shift)
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


class Tutorial(Module):
    """One layer of neurons behind synapses, and a leaky readout."""

    def __init__(self, d: Design):
        super().__init__()
        n, nothing = d.width, ZeroInit(unit=u.mA)
        self.linear = Linear(30, n, w_init=KaimingNormal(2.0, unit=u.mA), b_init=nothing)
        self.exp = brainpy.state.Expon(n, tau=10 * u.ms, g_initializer=nothing)
        self.lif = brainpy.state.LIF(n, tau=10 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate)
        self.out = brainpy.state.LeakyRateReadout(n, 2, tau=10 * u.ms)

    def update(self, x: Any) -> Any:
        return self.out(self.lif(self.exp(self.linear(x))))


class Delta(Module):
    """Recurrent neurons whose membranes jump with each spike, trained online by braintrace."""

    def __init__(self, d: Design, *, rest: float = 0.0):
        super().__init__()
        n, rest = d.width, rest * u.mV
        begin = {"V_rest": rest, "V_initializer": Constant(rest)}
        self.neu = brainpy.state.LIF(n, tau=20 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate, **begin)
        feed, back = (KaimingNormal(scale, unit=u.mV) for scale in (6.0, 2.0))
        w = u.math.concatenate([feed((PIXELS, n)), back((n, n))], axis=0)
        comm = braintrace.nn.Linear(PIXELS + n, n, w_init=w, b_init=ZeroInit(unit=u.mV))
        self.syn = brainpy.state.DeltaProj(comm=comm, post=self.neu)
        self.out = braintrace.nn.LeakyRateReadout(n, CLASSES, tau=20 * u.ms)

    def update(self, spikes: Any) -> Any:
        self.syn(jnp.concatenate([spikes, self.neu.get_spike()], axis=-1))
        self.neu()
        return self.out(self.neu.get_spike())


def evidence(x: Any) -> Any:
    """Seven cues for one of four sides, most for the right one, a pause, a signal to answer."""
    steps, count = len(x), x.shape[1]
    keys = [jax.random.key(i) for i in range(2)]
    sides = jax.random.randint(keys[0], (7, count), 0, 4)
    sides = jnp.where(jax.random.uniform(keys[1], (7, count)) < 0.5, x[0, :, 0].astype(int), sides)
    time = jnp.arange(steps)
    cue, shown = jnp.minimum(time // 10, 6), (time < 70) & (time % 10 < 7)
    rate = 0.4 * jax.nn.one_hot(sides[cue], 4) * shown[:, None, None]
    answer = jnp.broadcast_to(0.4 * (time >= steps - 15)[:, None, None], (steps, count, 1))
    rate = jnp.concatenate([rate, answer, jnp.full_like(answer, 0.02)], axis=-1)
    return drawn(jnp.repeat(rate, 8, axis=-1), 2)


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
        last = jax.lax.stop_gradient(self.get_spike())
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


def frames(x: Any, *, bins: int = 1) -> Any:
    """Events of a moving bar as images with two channels; of ``bins`` steps, in the first one."""
    shown = events(x).reshape(len(x), -1, 2, SIDE, SIDE)
    shown = shown.reshape(-1, bins, *shown.shape[1:]).max(axis=1)
    blank = jnp.zeros((len(x) - len(shown), *shown.shape[1:]))
    return jnp.moveaxis(jnp.concatenate([shown, blank]), 2, -1)


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


class Counted(Module):
    """Weights and ten neurons, whose rates are the classes: MNIST in brainpy.state."""

    def __init__(self, d: Design):
        super().__init__()
        init = LecunNormal(scale=10.0, unit=u.mA)
        self.l1, self.clip = Linear(196, CLASSES, w_init=init, b_init=None), d.current
        self.l2 = brainpy.state.LIF(CLASSES, tau=2 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate)

    def update(self, x: Any) -> Any:
        return self.l2(self.clip(self.l1(x)))


def clipped(x: Any) -> Any:
    return u.math.clip(x, -1 * u.mA, 1 * u.mA)


class Signed(Module):
    """Adaptive neurons, four fifths of which excite and the others inhibit."""

    def __init__(self, d: Design, *, forgotten: bool = False):
        super().__init__()
        n, self.few = d.width, d.width // 5
        options = {"tau": 10 * u.ms, "tau_a": 100 * u.ms, "beta": 0.02 * u.mV}
        self.pop = brainpy.state.ALIF(n, V_th=1 * u.mV, spk_fun=d.surrogate, **options)
        self.ff2r = self.onto(braintrace.nn.Linear, PIXELS, 4.0, b_init=None)
        signed, sign = braintrace.nn.SignedWLinear, None if forgotten else -1.0
        self.exc2r = self.onto(signed, n - self.few, 3.0)
        self.inh2r = self.onto(signed, self.few, 60.0, w_sign=sign)
        self.out = braintrace.nn.LeakyRateReadout(n, CLASSES, tau=3 * u.ms)

    def onto(self, make: Any, inputs: int, scale: float, **options: Any) -> Module:
        n = self.pop.in_size[0]
        return brainpy.state.AlignPostProj(
            comm=make(inputs, n, w_init=KaimingNormal(scale, unit=u.mA), **options),
            syn=brainpy.state.Expon.desc(n, tau=5 * u.ms, g_initializer=ZeroInit(unit=u.mA)),
            out=brainpy.state.CUBA.desc(scale=1.0),
            post=self.pop,
        )

    def update(self, spikes: Any) -> Any:
        inh, exc = jnp.split(self.pop.get_spike(), [self.few], axis=-1)
        self.ff2r(spikes)
        self.exc2r(exc)
        self.inh2r(inh)
        return self.out(self.pop())


class Lstm(Cells):
    """An LSTM cell whose gates are spikes; what it may add to a memory is +1 or -1."""

    states = ("memory", "z")

    def __init__(self, inputs: int, d: Design):
        super().__init__()
        self.size, self.spk_fun = d.width, d.surrogate
        self.fc = linear(inputs + d.width, 4 * d.width, 1.0)

    def update(self, x: Any) -> Any:
        gates = jnp.split(self.fc(jnp.concatenate([x, self.z.value], axis=-1)), 4, axis=-1)
        add, keep, sign, show = (self.spk_fun(gate) for gate in gates)
        self.memory.value = keep * self.memory.value + add * (2 * sign - 1)
        self.z.value = show * jnp.tanh(self.memory.value)
        return self.z.value


def lstm(d: Design) -> Module:
    return row(Lstm(SIDE, d), linear(d.width, CLASSES))


def parabola(x: Any) -> Any:
    return x * (1 - x)


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


def features(d: Design) -> Module:
    """Random features: only the readout of traces of spikes is trained."""
    n, given = d.width, {"param_type": brainstate.LongTermState}

    def step(net: Any, x: Any) -> Any:
        net.trace.value = 0.9 * net.trace.value + net.lif(net.fc(x))
        return net.out(net.trace.value)

    fc = linear(PIXELS, n, 6.0, u.mA, **given)
    out = linear(n, CLASSES, 0.1, **({} if d.trained else given))
    lif = spiking("LIF", n, d, tau=8 * u.ms, spk_reset="hard")
    return Wired(step, (("trace", n),), fc=fc, lif=lif, out=out)


class Branches(Beta):
    """Neurons with four dendrites, each of another speed, by steps of Euler."""

    def __init__(self, size: int, spk_fun: Callable, shortest: float):
        super().__init__(size, spk_fun, 0.8)
        self.rates = 1 / jnp.geomspace(shortest, 40.0, 4)

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.dendrites = zeros((self.size, 4), batch_size)

    def update(self, x: Any) -> Any:
        x = x.reshape(*x.shape[:-1], self.size, 4)
        self.dendrites.value = self.dendrites.value + self.rates * (x - self.dendrites.value)
        return super().update(self.dendrites.value.sum(axis=-1))


def branches(d: Design, *, shortest: float = 2.0) -> Module:
    cells = Branches(d.width, d.surrogate, shortest)
    return row(linear(2, 4 * d.width, 1.0), cells, linear(d.width, 5))


def fixed_fan_in(d: Design) -> Module:
    """Layers in which eight neurons hear each pixel or neuron before."""
    connect = lambda a, b: brainstate.nn.FixedNumConn(a, b, 8, Normal(0.0, 0.7))
    sizes = [PIXELS, *[d.width] * d.layers]
    layers = ((connect(a, b), Beta(b, d.surrogate, 0.8)) for a, b in pairwise(sizes))
    return row(*chain(*layers), linear(d.width, CLASSES))


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


def fields(x: Any) -> Any:
    """Poisson spikes of five neurons a feature, each most active at another value."""
    low, high = (f(x[0], axis=0) for f in (jnp.min, jnp.max))
    near = ((x - low) / (high - low))[..., None] - jnp.linspace(0, 1, 5)
    return drawn(0.4 * jnp.exp(-((near / 0.2) ** 2)).reshape(*x.shape[:2], -1))


class Integrators(Beta):
    """Neurons without leak, which reset by their spikes, or by the sum of those of the layer."""

    def __init__(self, size: int, spk_fun: Callable, summed: bool):
        super().__init__(size, spk_fun, 1.0)
        self.summed = summed

    def update(self, x: Any) -> Any:
        spikes = jax.lax.stop_gradient(self.fire())
        spikes = spikes.sum(axis=-1, keepdims=True) if self.summed else spikes
        self.mem.value = self.mem.value + x - spikes * self.threshold
        return self.fire()


def integrators(d: Design, *, summed: bool = False) -> Module:
    n, bias = d.width, Constant(0.05)
    layer = lambda a: (linear(a, n, 0.5, b_init=bias), Integrators(n, d.surrogate, summed))
    return row(*layer(65), *layer(n), linear(n, 3))


def columns(x: Any) -> Any:
    """Poisson spikes of one column of the image after the other, for 300 steps."""
    image = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 2, 0)
    return drawn(jnp.repeat(image, len(x) // SIDE + 1, axis=0)[: len(x)] / 2)


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


def straight(x: Any, *, stop: Callable = jax.lax.stop_gradient) -> Any:
    """A straight-through spike: the value of a step, the derivative of a sigmoid."""
    soft, hard = jax.nn.sigmoid(4 * x), (x > 0).astype(x.dtype)
    return soft + stop(hard - soft)


def not_stopped(x: Any) -> Any:
    return straight(x, stop=same)


def wide(d: Design) -> Module:
    """A wide layer before one of eight neurons."""
    layer = lambda a, b: (linear(a, b, 1.5), Beta(b, d.surrogate))
    return row(*layer(PIXELS, d.width), *layer(d.width, 8), linear(8, CLASSES))


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


def line(size: int, steps: int) -> Module:
    """Spikes come out ``steps`` later."""

    def step(net: Any, x: Any) -> Any:
        now, later = net.waiting.value[..., 0, :], net.waiting.value[..., 1:, :]
        net.waiting.value = jnp.concatenate([later, x[..., None, :]], axis=-2)
        return now

    return Wired(step, (("waiting", (steps, size)),))


def lines(d: Design) -> Module:
    """Three layers, from each of which spikes take ``d.delay`` steps to the next."""
    layer = lambda a: (linear(a, d.width, 2.0), Beta(d.width, d.surrogate), line(d.width, d.delay))
    return row(*chain(*(layer(a) for a in (PIXELS, d.width, d.width))), linear(d.width, CLASSES))


def before_gru(d: Design) -> Module:
    """Spikes of two layers, with dropout, go to a GRU without spikes."""
    n, drop = d.width, lambda: brainstate.nn.Dropout(d.keep)
    layer = lambda a: (linear(a, n, 4.0), Current(n, d.surrogate, 0.7), drop())
    gru = braintrace.nn.GRUCell(n, 32)
    return row(*layer(2 * PIXELS), *layer(n), gru, linear(32, 4))


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


def between_0_and_1(x: Any) -> Any:
    """Features from their lowest to their highest value."""
    low, high = (f(x, axis=1, keepdims=True) for f in (jnp.min, jnp.max))
    return (x - low) / (high - low)


def two_clocks(d: Design) -> Module:
    """Fast neurons, and slow ones that hear them."""
    n = d.width
    fast, slow = Beta(n, d.surrogate, 0.8), Clocked(n, d.surrogate, 0.8)
    return row(linear(30, n, 4.0), fast, linear(n, n, 4.0), slow, linear(n, 2))


class BrainFloats(Beta):
    """Neurons with membranes of type bfloat16."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.mem.value = self.mem.value.astype(jnp.bfloat16)

    def update(self, x: Any) -> Any:
        return super().update(x.astype(jnp.bfloat16)).astype(jnp.float32)


def brain_floats(d: Design, *, scale: float = 2.0) -> Module:
    n = d.width
    layer = lambda a: (linear(a, n, scale), BrainFloats(n, d.surrogate))
    return row(*layer(PIXELS), *layer(n), linear(n, CLASSES))

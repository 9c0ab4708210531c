"""Networks of the sixth blind half of the casebook, as tables/sixth_blind.toml tells them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainpy.state import COBA, CUBA, STP, AlignPostProj, Expon, LeakyRateReadout, MgBlock
from brainstate.nn import BatchNorm1d, Dropout, LayerNorm, MaxPool2d, Module, SignedWLinear
from braintools.init import Constant, Normal

from .data import SOURCES, TRAINING, digits
from .networks import CLASSES, PIXELS, SIDE, Design
from .parts import (
    Beta,
    Cells,
    Current,
    Parametric,
    Wired,
    convolution,
    cortical,
    flat,
    linear,
    row,
    spiking,
    zeros,
)

Table = tuple[np.ndarray, np.ndarray]
stop = jax.lax.stop_gradient


# Data.


def binned(values: np.ndarray, parts: int = 5) -> np.ndarray:
    """The part, of as many values each, that a value is in."""
    return np.searchsorted(np.quantile(values, np.arange(1, parts) / parts), values)


def words() -> Table:
    """Word, pitch, beginning and length of what is said."""
    rng, n = np.random.default_rng(11), 1500
    word = rng.integers(0, 6, n)
    at = rng.normal(0, 0.6, n), rng.uniform(0, 8, n), rng.uniform(20, 28, n)
    return np.column_stack([word, *at]), word


def chaos() -> Table:
    """Windows of the Mackey-Glass series, and the part that its value is in, 20 steps later."""
    x = [1.2] * 18
    for _ in range(5000):
        x.append(0.9 * x[-1] + 0.2 * x[-18] / (1 + x[-18] ** 10))
    series = np.array(x[500:])
    at = np.arange(0, 4400, 3)
    shown = series[at[:, None] + 2 * np.arange(30)]
    return (shown - series.mean()) / series.std(), binned(series[at + 58 + 20])


def speeds() -> Table:
    """Direction, place and speed of a bar, and the part that the speed is in."""
    rng, n = np.random.default_rng(12), 1500
    speed = rng.uniform(0.1, 0.9, n)
    table = np.column_stack([rng.integers(0, 4, n), rng.uniform(0, SIDE, n), speed])
    return table, binned(speed)


def cues() -> Table:
    label = np.random.default_rng(13).integers(0, 4, 1200)
    return label[:, None], label


def pendulum() -> Table:
    """Cosine and sine of the angle, and the speed, and the part that the return is in."""
    rng, n = np.random.default_rng(14), 2000
    angle, speed = rng.uniform(-np.pi, np.pi, n), rng.uniform(-3, 3, n)
    seen, total = np.column_stack([np.cos(angle), np.sin(angle), speed / 2]), np.zeros(n)
    for step in range(40):
        total -= 0.95**step * ((1 - np.cos(angle)) + 0.1 * speed**2)
        speed = speed + 0.1 * (2 * np.sin(angle) - 0.3 * speed)
        angle = angle + 0.1 * speed
    return seen, binned(total)


def arm() -> Table:
    """The place of a hand, and the parts that the angles of both joints are in."""
    rng, n = np.random.default_rng(15), 2000
    shoulder, elbow = rng.uniform(0, 1.6, n), rng.uniform(0.3, 2.4, n)
    both = shoulder + elbow
    hand = [np.cos(shoulder) + np.cos(both), np.sin(shoulder) + np.sin(both)]
    return np.column_stack(hand), 3 * binned(shoulder, 3) + binned(elbow, 3)


for source in (words, chaos, speeds, cues, pendulum, arm):
    SOURCES[source.__name__] = source

# Beginning and end of two formants of each word, in bands of mels.
FORMANTS = np.array([
    [[2, 6], [10, 10]], [[6, 2], [10, 10]], [[2, 6], [13, 9]],
    [[6, 2], [9, 13]], [[4, 4], [9, 13]], [[4, 4], [13, 9]],
])  # fmt: skip


def mels(x: Any, *, floor: float = -40.0) -> Any:
    """Power of words in 16 bands of mels, of at least a floor in dB, about 0 and of order 1."""
    word, pitch, start, length = x[0].T
    part = (jnp.arange(len(x))[:, None] - start) / length
    first, last = jnp.moveaxis(jnp.asarray(FORMANTS)[word.astype(int)], -1, 0)
    at = (first + pitch[:, None]) + part[..., None] * (last - first)
    power = jnp.exp(-((at[..., None] - jnp.arange(16)) ** 2)).sum(axis=-2)
    noise = jax.random.exponential(jax.random.key(1), power.shape)
    power = jnp.where(((part > 0) & (part < 1))[..., None], power, 0) * noise
    decibels = 10 * jnp.log10(power + 1e-4 * noise[::-1])
    return (jnp.maximum(decibels, floor) + 30) / 10


def tuned(x: Any, *, cells: int = 12, width: float = 0.25) -> Any:
    """Rates of cells that are tuned to values of each feature."""
    near = jnp.exp(-(((x[..., None] - jnp.linspace(-2, 2, cells)) / width) ** 2) / 2)
    return flat(near, 2)


def in_time(x: Any) -> Any:
    """A feature, in tuned cells, in each step."""
    return tuned(x[0].T[..., None], width=0.3)


def cued(x: Any) -> Any:
    """Which of four inputs is on for five steps; then noise, and at last a question."""
    steps, label = jnp.arange(len(x))[:, None, None], x[0].astype(int)
    on = (jnp.arange(4) == label) & (steps < 5)
    ask = jnp.broadcast_to(steps >= len(x) - 5, (*on.shape[:2], 1))
    shown = jnp.concatenate([on, ask], axis=-1)
    return shown + 0.3 * jax.random.normal(jax.random.key(2), shown.shape)


def nearest(y: Any) -> Any:
    """How near a number is to the middle of each of five parts, for the loss of a regression."""
    return -4 * (y - jnp.linspace(-1.4, 1.4, 5)) ** 2


# Networks.


def tutorial(d: Design, *, scale: float = 12.0) -> Module:
    """LIF neurons of brainpy.state with weights in mA, and a leaky readout, as in tutorials."""
    lif = lambda: spiking("LIF", d.width, d, tau=10 * u.ms, V_th=1 * u.mV)
    sizes = [196, *[d.width] * d.layers]
    layers = [m for a, b in pairwise(sizes) for m in (linear(a, b, scale, u.mA), lif())]
    return row(*layers, LeakyRateReadout(d.width, CLASSES, tau=10 * u.ms))


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


def attend(net: Any, x: Any) -> Any:
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
    blocks = [Wired(attend, **parts(), **feed(), drop=drop) for _ in range(d.layers)]
    return row(patches, layer(4, n), *blocks, lambda x: flat(x, 2), linear(16 * n, CLASSES))


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


def coba(d: Design, *, external: float = 0.01) -> Module:
    """Excitatory and inhibitory neurons in conductances, whose weights keep their sign."""

    def step(net: Any, x: Any) -> Any:
        e, i = net.exc.get_spike(), net.inh.get_spike()
        for name, spikes in (("xe", x), ("ee", e), ("ei", e), ("ie", i)):
            getattr(net, name)(spikes)
        net.exc(0 * u.pA)
        net.inh(0 * u.pA)
        return net.out(net.exc.get_spike())

    def onto(post: Any, inputs: int, weight: float, volts: float) -> Module:
        size, init = post.in_size, Normal(0.0, weight, unit=u.nS)
        return AlignPostProj(
            comm=SignedWLinear(inputs, size, w_init=init),
            syn=Expon.desc(size, tau=5 * u.ms, g_initializer=Constant(0 * u.nS)),
            out=COBA.desc(E=volts * u.mV),
            post=post,
        )

    n, few = d.width, d.width // 4
    exc, inh = (cortical("LIF", size, d, tau=10 * u.ms, R=1 * u.Gohm) for size in (n, few))
    parts = {"xe": onto(exc, PIXELS, external, 0.0), "ee": onto(exc, n, 0.004, 0.0)}
    parts |= {"ei": onto(inh, n, 0.02, 0.0), "ie": onto(exc, few, 0.2, -80.0)}
    out = LeakyRateReadout(n, CLASSES, tau=10 * u.ms)
    return Wired(step, exc=exc, inh=inh, **parts, out=out)


def painter(d: Design, *, frozen: bool = False) -> Module:
    """An encoder and a decoder, which paints the mean image of the digit."""

    def step(net: Any, x: Any) -> Any:
        code = net.code(net.fc2(net.encoder(net.fc1(x))))
        code = stop(code) if net.frozen else code
        painted = 0.1 * net.out(net.decoder(net.fc3(code)))
        return -((painted[..., None, :] - net.means) ** 2).sum(axis=-1)

    n, (images, labels) = d.width, map(np.asarray, digits())
    known = slice(TRAINING)
    of = [images[known][labels[known] == digit] for digit in range(CLASSES)]
    parts = {"fc1": linear(PIXELS, n, 2.0), "fc2": linear(n, 8, 2.0), "fc3": linear(8, n, 3.0)}
    parts |= {name: Beta(n, d.surrogate, 0.8) for name in ("encoder", "decoder")}
    parts |= {"out": LeakyRateReadout(n, PIXELS, tau=8 * u.ms), "frozen": frozen}
    means = jnp.stack([some.mean(axis=0) for some in of])
    return Wired(step, **parts, code=Beta(8, d.surrogate, 0.8), means=means)


class Decaying(Current):
    """Neurons without units, whose membrane and synapse have time constants in steps."""

    def __init__(self, size: int, spk_fun: Callable, tau: float, synapse: float):
        super().__init__(size, spk_fun, np.exp(-1 / tau))
        self.kept = np.exp(-1 / synapse)

    def update(self, x: Any) -> Any:
        self.syn.value = self.kept * self.syn.value + x
        return Beta.update(self, self.syn.value)


def forecast(d: Design, *, rounded: bool = False) -> Module:
    """A recurrent layer and another one, which tell what a series will be."""

    def step(net: Any, x: Any) -> Any:
        net.z.value = net.cells1(net.fc1(x) + net.back(net.z.value))
        y = net.out(net.cells2(net.fc2(net.z.value)))
        return nearest(jnp.round(y, 1) if net.rounded else y)

    n = d.width
    cells1, cells2 = (Decaying(n, d.surrogate, 20.0, 5.0) for _ in range(2))
    parts = {"fc1": linear(12, n, 0.7), "back": linear(n, n, 0.2), "fc2": linear(n, n, 0.5)}
    parts |= {"cells1": cells1, "cells2": cells2, "out": linear(n, 1), "rounded": rounded}
    return Wired(step, (("z", n),), **parts)


class Axons(Module):
    """Spikes arrive some steps later."""

    def __init__(self, size: int, delay: int):
        super().__init__()
        self.size, self.delay = size, delay

    def init_state(self, batch_size: int | None = None) -> None:
        self.waiting = zeros((self.size,), batch_size)
        self.waiting.value = jnp.stack([self.waiting.value] * self.delay)

    def update(self, x: Any) -> Any:
        arrived = self.waiting.value[0]
        self.waiting.value = jnp.concatenate([self.waiting.value[1:], x[None]])
        return arrived


def velocity(d: Design, *, delay: int = 3) -> Module:
    """Two layers, from which spikes arrive later, for the speed of a bar."""
    n, axons = d.width, lambda: Axons(d.width, delay)
    cells1, cells2 = (Beta(n, d.surrogate, 0.9) for _ in range(2))
    layers = linear(2 * PIXELS, n, 4.0), cells1, axons(), linear(n, n, 3.0), cells2, axons()
    out = LeakyRateReadout(n, 1, tau=10 * u.ms)
    return row(*layers, out, lambda y: nearest(0.1 * y))


class Adaptive(Cells):
    """Neurons in mV without units, whose threshold rises with each spike."""

    states = ("V", "rise")

    def __init__(self, size: int, spk_fun: Callable, scale: float):
        super().__init__()
        self.size, self.spk_fun, self.scale = size, spk_fun, scale

    def update(self, x: Any) -> Any:
        """Voltages count from the rest."""
        V = self.V.value + (x - self.V.value) / 10.0
        spikes = self.spk_fun((V - 15.0 - self.rise.value) / self.scale)
        self.rise.value = 0.95 * self.rise.value + 0.5 * stop(spikes)
        self.V.value = V * (1 - stop(spikes))
        return spikes


def millivolts(d: Design, *, scale: float = 15.0) -> Module:
    """Layers of adaptive neurons, whose surrogate counts in ``scale``, in mV."""
    sizes = [PIXELS, *[d.width] * d.layers]
    cells = lambda: Adaptive(d.width, d.surrogate, scale)
    layers = [m for a, b in pairwise(sizes) for m in (linear(a, b, 250.0), cells())]
    return row(*layers, linear(d.width, CLASSES))


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


class Volts(Cells):
    """Neurons in volts, amperes and ohms without units; currents count in ``unit``."""

    states = ("V",)

    def __init__(self, size: int, spk_fun: Callable, unit: float):
        super().__init__()
        self.size, self.spk_fun, self.unit = size, spk_fun, unit

    def update(self, x: Any) -> Any:
        V = self.V.value + 0.001 / 0.01 * (1e7 * self.unit * x - self.V.value)
        spikes = self.spk_fun((V - 0.015) / 0.015)
        self.V.value = V - 0.015 * stop(spikes)
        return spikes


def amperes(d: Design, *, unit: float = 1e-9) -> Module:
    """Layers of neurons in numbers of the SI, where weights are of so many amperes."""
    sizes, nA = [PIXELS, *[d.width] * d.layers], 1e-9 / unit
    cells = lambda: Volts(d.width, d.surrogate, unit)
    layers = [m for a, b in pairwise(sizes) for m in (linear(a, b, 14 * nA, b_init=None), cells())]
    return row(*layers, linear(d.width, CLASSES))


def dendrites(d: Design, *, per: str = "volt") -> Module:
    """Synapses of AMPA, and of NMDA, which magnesium blocks, onto neurons in mV."""

    def step(net: Any, x: Any) -> Any:
        z = net.sense(net.fc(x))
        net.ampa(z)
        net.nmda(z)
        return net.out(net.cells(0 * u.pA))

    n, fast, slow = d.width, {"tau": 5 * u.ms}, {"tau": 80 * u.ms}
    sense, cells = (cortical("LIF", n, d, tau=10 * u.ms, R=1 * u.Gohm) for _ in range(2))
    block = MgBlock.desc(E=0 * u.mV, alpha=62 / getattr(u, per), V_offset=0 * u.mV)
    ampa = AlignPostProj(
        comm=linear(n, n, 15.0, u.pA), out=CUBA.desc(scale=1.0), post=cells,
        syn=Expon.desc(n, g_initializer=Constant(0 * u.pA), **fast),
    )  # fmt: skip
    nmda = AlignPostProj(
        comm=SignedWLinear(n, n, w_init=Normal(0.0, 0.1, unit=u.nS)), out=block, post=cells,
        syn=Expon.desc(n, g_initializer=Constant(0 * u.nS), **slow),
    )  # fmt: skip
    parts = {"fc": linear(PIXELS, n, 250.0, u.pA), "sense": sense, "ampa": ampa, "nmda": nmda}
    return Wired(step, **parts, cells=cells, out=LeakyRateReadout(n, CLASSES, tau=10 * u.ms))


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


def facilitated(d: Design, *, resistance: str = "Gohm") -> Module:
    """Neurons with a background current, and synapses with short-term plasticity."""
    n, background, R = d.width, 12 * u.pA, 1 * getattr(u, resistance)
    cells = lambda: cortical("LIF", n, d, tau=10 * u.ms, R=R)
    plain = lambda a, pA: linear(a, n, pA, u.pA, b_init=None)
    driven = lambda x: x + background
    stp = STP(n, U=0.3, tau_f=100 * u.ms, tau_d=50 * u.ms)
    return row(
        plain(PIXELS, 15.0), driven, cells(), stp, plain(n, 200.0), driven, cells(),
        linear(n, CLASSES),
    )  # fmt: skip


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

"""Networks with synapses, conductances or delays between their neurons."""

from __future__ import annotations

from itertools import chain
from typing import Any

import brainpy
import brainstate
import braintrace
import brainunit as u
import jax
import jax.numpy as jnp
from brainpy.state import COBA, CUBA, STP, LeakyRateReadout, MgBlock
from brainstate.nn import Linear, Module, Sequential, SignedWLinear
from braintools.init import Constant, KaimingNormal, Normal, ZeroInit

from ..functions import nearest
from .design import CLASSES, PIXELS, Design
from .parts import (
    Beta,
    Cells,
    Current,
    Parametric,
    Wired,
    cortical,
    linear,
    onto,
    row,
    spiking,
    through,
    zeros,
)


def alphas(d: Design) -> Module:
    """Alpha synapses from spikes of receptive fields, and LIF neurons."""
    fc1, none = linear(65, d.width, 30.0, u.mA), Constant(0.0 * u.mA)
    syn = brainpy.state.Alpha(d.width, tau=3 * u.ms, g_initializer=none)
    lif = spiking("LIF", d.width, d, tau=d.tau * u.ms)
    return through(fc1=fc1, syn=syn, lif=lif, fc2=linear(d.width, 3))


def project(net: Any, x: Any) -> Any:
    net.back(net.pop.get_spike())
    net.feed(x)
    net.pop()
    return net.out(net.pop.get_spike())


def projections(d: Design, *, scale: float = 1.0) -> Module:
    """Recurrent neurons behind exponential synapses, and a leaky readout."""
    n, out = d.width, CUBA.desc(scale=scale)
    pop = spiking("LIF", n, d, tau=d.tau * u.ms, V_th=1 * u.mV, spk_reset="soft")
    to_pop = lambda inputs, weights: onto(
        pop, linear(inputs, n, weights, u.mA), out, 5 * u.ms, u.mA
    )
    feed, back = to_pop(PIXELS, 2.0), to_pop(n, 0.5)
    readout = LeakyRateReadout(n, CLASSES, tau=10 * u.ms)
    return Wired(project, pop=pop, feed=feed, back=back, out=readout)


def reversals(d: Design, excites: float = 65.0) -> Module:
    """Conductances that pull membranes to potentials, which count from rest."""
    n, siemens = d.width, u.siemens
    cells = spiking("LIF", n, d, V_th=15 * u.mV)

    def to_cells(name: str, potential: float) -> Module:
        comm = SignedWLinear(PIXELS, n, w_init=Normal(0.0, 0.01, unit=siemens))
        out = COBA.desc(E=potential * u.mV)
        return onto(cells, comm, out, 4 * u.ms, siemens, label=name)

    step = lambda net, x: (net.exc(x), net.inh(x), net.out(net.cells()))[-1]
    exc, inh = to_cells("exc", excites), to_cells("inh", -15.0)
    return Wired(step, cells=cells, exc=exc, inh=inh, out=linear(n, CLASSES))


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


def tired(d: Design) -> Module:
    """Synapses that tire, from millivolts to plain numbers."""
    return row(
        linear(PIXELS, 64, 60.0, u.mA), cortical("LIF", 64, d, tau=10 * u.ms),
        brainpy.state.STD(64, tau=40 * u.ms, U=0.3), linear(64, 64, 3.0),
        Beta(64, d.surrogate), linear(64, CLASSES, 0.0),
    )  # fmt: skip


def facilitated(d: Design) -> Module:
    """Synapses that get stronger and tire."""
    return row(
        linear(PIXELS, 64, 8.0, u.mA), spiking("LIF", 64, d),
        brainpy.state.STP(64, U=0.2, tau_f=100 * u.ms, tau_d=20 * u.ms),
        linear(64, 64, 12.0, u.mA), spiking("ALIF", 64, d), linear(64, CLASSES),
    )  # fmt: skip


def synapses(d: Design) -> Module:
    """Neurons behind synapses, and a leaky readout."""
    n, options = d.width, {"tau": 4 * u.ms, "g_initializer": Constant(0.0 * u.mA)}
    synapse = lambda: brainpy.state.Expon(n, **options)
    layer = lambda a: (linear(a, n, 2.0, u.mA), synapse(), spiking("LIF", n, d))
    return row(*layer(PIXELS), *layer(n), LeakyRateReadout(n, CLASSES))


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


class Exponential(Module):
    """One layer of neurons behind synapses, and a leaky readout."""

    def __init__(self, d: Design):
        super().__init__()
        n, nothing = d.width, ZeroInit(unit=u.mA)
        self.linear = Linear(30, n, w_init=KaimingNormal(2.0, unit=u.mA), b_init=nothing)
        self.exp = brainpy.state.Expon(n, tau=10 * u.ms, g_initializer=nothing)
        self.lif = brainpy.state.LIF(n, tau=10 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate)
        self.out = LeakyRateReadout(n, 2, tau=10 * u.ms)

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
        init = KaimingNormal(scale, unit=u.mA)
        comm = make(inputs, *self.pop.in_size, w_init=init, **options)
        return onto(self.pop, comm, CUBA.desc(scale=1.0), 5 * u.ms, u.mA)

    def update(self, spikes: Any) -> Any:
        inh, exc = jnp.split(self.pop.get_spike(), [self.few], axis=-1)
        self.ff2r(spikes)
        self.exc2r(exc)
        self.inh2r(inh)
        return self.out(self.pop())


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


def coba(d: Design, *, external: float = 0.01) -> Module:
    """Excitatory and inhibitory neurons in conductances, whose weights keep their sign."""

    def step(net: Any, x: Any) -> Any:
        e, i = net.exc.get_spike(), net.inh.get_spike()
        for name, spikes in (("xe", x), ("ee", e), ("ei", e), ("ie", i)):
            getattr(net, name)(spikes)
        net.exc(0 * u.pA)
        net.inh(0 * u.pA)
        return net.out(net.exc.get_spike())

    def to(post: Any, inputs: int, weight: float, volts: float) -> Module:
        comm = SignedWLinear(inputs, post.in_size, w_init=Normal(0.0, weight, unit=u.nS))
        return onto(post, comm, COBA.desc(E=volts * u.mV), 5 * u.ms, u.nS)

    n, few = d.width, d.width // 4
    exc, inh = (cortical("LIF", size, d, tau=10 * u.ms, R=1 * u.Gohm) for size in (n, few))
    parts = {"xe": to(exc, PIXELS, external, 0.0), "ee": to(exc, n, 0.004, 0.0)}
    parts |= {"ei": to(inh, n, 0.02, 0.0), "ie": to(exc, few, 0.2, -80.0)}
    out = LeakyRateReadout(n, CLASSES, tau=10 * u.ms)
    return Wired(step, exc=exc, inh=inh, **parts, out=out)


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


def nmda(d: Design, *, per: str = "volt") -> Module:
    """Synapses of AMPA, and of NMDA, which magnesium blocks, onto neurons in mV."""

    def step(net: Any, x: Any) -> Any:
        z = net.sense(net.fc(x))
        net.ampa(z)
        net.nmda(z)
        return net.out(net.cells(0 * u.pA))

    n = d.width
    sense, cells = (cortical("LIF", n, d, tau=10 * u.ms, R=1 * u.Gohm) for _ in range(2))
    block = MgBlock.desc(E=0 * u.mV, alpha=62 / getattr(u, per), V_offset=0 * u.mV)
    ampa = onto(cells, linear(n, n, 15.0, u.pA), CUBA.desc(scale=1.0), 5 * u.ms, u.pA)
    weights = SignedWLinear(n, n, w_init=Normal(0.0, 0.1, unit=u.nS))
    nmda = onto(cells, weights, block, 80 * u.ms, u.nS)
    parts = {"fc": linear(PIXELS, n, 250.0, u.pA), "sense": sense, "ampa": ampa, "nmda": nmda}
    return Wired(step, **parts, cells=cells, out=LeakyRateReadout(n, CLASSES, tau=10 * u.ms))


def driven_plasticity(d: Design, *, resistance: str = "Gohm") -> Module:
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

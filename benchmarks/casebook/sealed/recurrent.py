"""Recurrent networks of the sealed half: assemblies, loops, reservoirs.

Each takes a `Design`; its ``options`` are what the network may be made with.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import brainpy
import brainstate
import braintools
import brainunit as u
import jax.numpy as jnp

from ..networks import CLASSES, PIXELS, Design
from .neurons import (
    Current,
    given,
    linear,
    zeros,
)

Module = brainstate.nn.Module


class Projections(Module):
    """Recurrent neurons behind exponential synapses, and a leaky readout."""

    def __init__(self, d: Design):
        super().__init__()
        o, n = given(d, scale=1.0), d.width
        self.pop = brainpy.state.LIF(
            n, tau=d.tau * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate, spk_reset="soft"
        )
        self.feed = self.onto(PIXELS, 2.0, o.scale)
        self.back = self.onto(n, 0.5, o.scale)
        self.out = brainpy.state.LeakyRateReadout(n, CLASSES, tau=10 * u.ms)

    def onto(self, inputs: int, weights: float, scale: float) -> Module:
        n, none = self.pop.in_size[0], braintools.init.Constant(0.0 * u.mA)
        return brainpy.state.AlignPostProj(
            comm=linear(inputs, n, weights, u.mA),
            syn=brainpy.state.Expon.desc(n, tau=5 * u.ms, g_initializer=none),
            out=brainpy.state.CUBA.desc(scale=scale),
            post=self.pop,
        )

    def update(self, x: Any) -> Any:
        self.back(self.pop.get_spike())
        self.feed(x)
        self.pop()
        return self.out(self.pop.get_spike())


class Dale(Module):
    """Excitatory and inhibitory neurons, all connected; weights keep their sign."""

    def __init__(self, d: Design):
        super().__init__()
        self.o, e, i = given(d, sign=-1.0, loop=3.0), d.width, d.width // 4
        self.sizes, normal = (e, i), brainstate.random.normal
        param = lambda a, b: brainstate.ParamState(abs(normal(size=(a, b))) / a**0.5)
        self.into = linear(PIXELS, e, 3.0)
        self.ee, self.ei, self.ie = param(e, e), param(e, i), param(i, e)
        spiking = lambda n: brainpy.state.LIFRef(
            n, tau=10 * u.ms, tau_ref=2 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate
        )
        self.exc, self.inh = spiking(e), spiking(i)
        self.out = linear(e, CLASSES)

    def init_state(self, batch_size: int | None = None) -> None:
        self.e, self.i = (zeros(n, batch_size) for n in self.sizes)

    def update(self, x: Any) -> Any:
        e, i, weight = self.e.value, self.i.value, lambda p: jnp.abs(p.value)
        loop = e @ weight(self.ee) + 4 * self.o.sign * (i @ weight(self.ie))
        self.e.value = self.exc((4 * self.into(x) + self.o.loop * loop) * u.mA)
        self.i.value = self.inh(3 * (e @ weight(self.ei)) * u.mA)
        return self.out(self.e.value)


class Lsnn(Module):
    """Adaptive and other recurrent neurons, side by side."""

    def __init__(self, d: Design):
        super().__init__()
        o, n = given(d, inputs=PIXELS), d.width
        shared = {"tau": d.tau * u.ms, "V_th": 1 * u.mV, "spk_fun": d.surrogate}
        self.regular = brainpy.state.LIF(n, **shared)
        self.adaptive = brainpy.state.ALIF(n, tau_a=150 * u.ms, beta=0.2 * u.mV, **shared)
        self.into, self.back = linear(o.inputs, 2 * n, 6.0), linear(2 * n, 2 * n, 2.0)
        self.out = linear(2 * n, CLASSES)

    def init_state(self, batch_size: int | None = None) -> None:
        self.z = zeros(2 * self.regular.in_size[0], batch_size)

    def update(self, x: Any) -> Any:
        left, right = jnp.split(self.into(x) + self.back(self.z.value), 2, axis=-1)
        spikes = [self.regular(left * u.mA), self.adaptive(right * u.mA)]
        self.z.value = jnp.concatenate(spikes, axis=-1)
        return self.out(self.z.value)


class Loop(Module):
    """Recurrent neurons behind synapses, and a readout that leaks."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        self.fc, self.back, self.out = linear(PIXELS, n), linear(n, n), linear(n, CLASSES)
        self.cells = Current(n, d.surrogate, 0.9)

    def init_state(self, batch_size: int | None = None) -> None:
        self.spikes = zeros(self.cells.size, batch_size)
        self.seen = zeros(CLASSES, batch_size)

    def update(self, x: Any) -> Any:
        self.spikes.value = self.cells(0.3 * (self.fc(x) + self.back(self.spikes.value)))
        self.seen.value = 0.95 * self.seen.value + self.out(self.spikes.value)
        return self.seen.value


class Chain(Module):
    """Layers that see the spikes of the step before, so that each takes a step, or more."""

    def __init__(self, d: Design):
        super().__init__()
        o, sizes = given(d, fault=False), [PIXELS] + [d.width] * d.layers
        self.fcs = [linear(a, b, 1.5) for a, b in pairwise(sizes)]
        self.lifs = [Current(d.width, d.surrogate, 0.8, fault=o.fault) for _ in self.fcs]
        self.out, self.width = linear(d.width, CLASSES), d.width

    def init_state(self, batch_size: int | None = None) -> None:
        self.spikes = [zeros(self.width, batch_size) for _ in self.lifs]

    def update(self, x: Any) -> Any:
        before = [x, *(s.value for s in self.spikes)]
        for fc, lif, spikes, seen in zip(self.fcs, self.lifs, self.spikes, before):
            spikes.value = lif(fc(seen))
        return self.out(before[-1])


class Reservoir(Module):
    """Recurrent weights that are not trained; inputs and readout are."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        normal = brainstate.random.normal(size=(n, n)) / n**0.5
        self.inner = brainstate.LongTermState(0.8 * normal)
        self.into, self.out = linear(PIXELS, n, 5.0, u.mA), linear(n, CLASSES)
        self.liquid = brainpy.state.LIFRef(
            n, tau=d.tau * u.ms, tau_ref=2 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate
        )

    def init_state(self, batch_size: int | None = None) -> None:
        self.s = zeros(self.liquid.in_size, batch_size)

    def update(self, x: Any) -> Any:
        self.s.value = self.liquid(self.into(x) + self.s.value @ self.inner.value * u.mA)
        return self.out(self.s.value)

"""Networks of the sealed half of the casebook: each a class of its own, as users write them.

Each takes a `Design`; the ``options`` of the design are what the network may be made with.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import brainpy
import brainstate
import braintools
import brainunit as u
import jax.numpy as jnp

from .fresh_neurons import (
    Beta,
    Current,
    Hard,
    convolution,
    cortical,
    given,
    linear,
    zeros,
)
from .networks import CLASSES, PIXELS, SIDE, Design

Module = brainstate.nn.Module


def stack(d: Design) -> Module:
    """Linear layers and LIF neurons of brainpy.state, in a row."""
    o = given(d, scale=6.0, reset="hard")
    spiking = lambda: brainpy.state.LIF(
        d.width, tau=d.tau * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate, spk_reset=o.reset
    )
    layers, inputs = [], PIXELS
    for _ in range(d.layers):
        layers += [linear(inputs, d.width, o.scale, u.mA), spiking()]
        inputs = d.width
    return brainstate.nn.Sequential(*layers, linear(inputs, CLASSES))


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


class Sew(Module):
    """A convolution, then residual blocks that join spikes with those that they came from."""

    def __init__(self, d: Design):
        super().__init__()
        self.o, shape = given(d, join="add", scale=3.0), (SIDE, SIDE, d.width)
        unit = lambda into: (convolution(into, d.width, self.o.scale), Beta(shape, d.surrogate))
        self.conv, self.lif = unit((SIDE, SIDE, 1))
        self.blocks = [SewBlock(unit, shape) for _ in range(d.layers)]
        self.head = linear(4 * d.width, CLASSES)
        self.pool = brainstate.nn.AvgPool2d(4, 4)

    def update(self, x: Any) -> Any:
        x = self.lif(self.conv(x.reshape(*x.shape[:-1], SIDE, SIDE, 1)))
        for block in self.blocks:
            x = x + block(x) if self.o.join == "add" else x * block(x)
        x = self.pool(x)
        return self.head(x.reshape(*x.shape[:-3], -1))


class SewBlock(Module):
    def __init__(self, unit: Any, shape: tuple[int, ...]):
        super().__init__()
        (self.conv1, self.lif1), (self.conv2, self.lif2) = unit(shape), unit(shape)

    def update(self, x: Any) -> Any:
        return self.lif2(self.conv2(self.lif1(self.conv1(x))))


class Voting(Module):
    """A convolution with batch norm and pooling, and ten neurons that vote for each class."""

    def __init__(self, d: Design):
        super().__init__()
        o, shape = given(d, last=3.0), (SIDE, SIDE, d.width)
        spiking = lambda size: brainpy.state.LIF(
            size, tau=2 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate
        )
        self.conv = convolution((SIDE, SIDE, 1), d.width)
        self.norm = brainstate.nn.BatchNorm2d(shape)
        self.lif = spiking(shape)
        self.pool = brainstate.nn.MaxPool2d(2, 2)
        self.vote = linear(16 * d.width, 10 * CLASSES, o.last)
        self.voters = spiking(10 * CLASSES)

    def update(self, x: Any) -> Any:
        x = self.norm(self.conv(x.reshape(*x.shape[:-1], SIDE, SIDE, 1)))
        x = self.pool(self.lif(2 * x * u.mA))
        votes = self.voters(self.vote(x.reshape(*x.shape[:-3], -1)) * u.mA)
        return votes.reshape(*votes.shape[:-1], CLASSES, 10).mean(axis=-1)


class Membranes(Module):
    """Two layers of snnTorch's Leaky; the membranes of the second are the output."""

    def __init__(self, d: Design):
        super().__init__()
        o = given(d, beta=0.9)
        self.fc1, self.fc2 = linear(PIXELS, d.width), linear(d.width, CLASSES)
        self.lif1, self.lif2 = (Beta(n, d.surrogate, o.beta) for n in (d.width, CLASSES))

    def update(self, x: Any) -> Any:
        self.lif2(self.fc2(self.lif1(self.fc1(x))))
        return self.lif2.mem.value


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


class Tabular(Module):
    """Currents from features into neurons that rest at -65 mV."""

    def __init__(self, d: Design):
        super().__init__()
        o = given(d, inputs=30, classes=2)
        self.fc1 = linear(o.inputs, d.width, 50.0, u.mA)
        self.neurons = cortical("LIF", d.width, d, tau=d.tau * u.ms)
        self.fc2 = linear(d.width, o.classes)

    def update(self, x: Any) -> Any:
        return self.fc2(self.neurons(self.fc1(x) + 6 * u.mA))


class Alphas(Module):
    """Alpha synapses from spikes of receptive fields, and LIF neurons."""

    def __init__(self, d: Design):
        super().__init__()
        o = given(d, inputs=65, classes=3)
        self.fc1 = linear(o.inputs, d.width, 30.0, u.mA)
        none = braintools.init.Constant(0.0 * u.mA)
        self.syn = brainpy.state.Alpha(d.width, tau=3 * u.ms, g_initializer=none)
        self.lif = brainpy.state.LIF(d.width, tau=d.tau * u.ms, spk_fun=d.surrogate)
        self.fc2 = linear(d.width, o.classes)

    def update(self, x: Any) -> Any:
        return self.fc2(self.lif(self.syn(self.fc1(x))))


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


class Images(Module):
    """Three layers for images of 14 by 14 pixels, of which the second may lack a surrogate."""

    def __init__(self, d: Design):
        super().__init__()
        o, n = given(d, hard=False), d.width
        self.fc1, self.fc2, self.fc3 = linear(196, n, 2.0), linear(n, n, 2.0), linear(n, CLASSES)
        self.lif1 = Beta(n, d.surrogate, 0.8)
        self.lif2 = Hard(n, 0.8) if o.hard else Beta(n, d.surrogate, 0.8)

    def update(self, x: Any) -> Any:
        return self.fc3(self.lif2(self.fc2(self.lif1(self.fc1(x)))))


class Halves(Module):
    """The halves of an image, each with neurons of its own speed, and neurons that see both."""

    def __init__(self, d: Design):
        super().__init__()
        self.o, n = given(d, used=True), d.width
        self.left, self.right = linear(32, n, 1.5), linear(32, n, 1.5)
        self.fast, self.slow = Beta(n, d.surrogate, 0.5), Beta(n, d.surrogate, 0.95)
        self.join, self.lif = linear(2 * n, n, 2.0), Beta(n, d.surrogate)
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        image = x.reshape(*x.shape[:-1], SIDE, SIDE)
        half = lambda part: part.reshape(*x.shape[:-1], -1)
        a, b = self.left(half(image[..., :4])), self.right(half(image[..., 4:]))
        a, b = self.fast(a), self.slow(b)
        both = jnp.concatenate([a, b if self.o.used else a], axis=-1)
        return self.out(self.lif(self.join(both)))


class Traces(Module):
    """A readout of exponential traces of spikes; without ``kept``, they stay as they begin."""

    def __init__(self, d: Design):
        super().__init__()
        self.o, n = given(d, kept=True), d.width
        self.fc1, self.fc2 = linear(PIXELS, n, 5.0), linear(n, n, 4.0)
        self.lif1, self.lif2 = Beta(n, d.surrogate, 0.95), Beta(n, d.surrogate, 0.95)
        self.out = linear(n, CLASSES)

    def init_state(self, batch_size: int | None = None) -> None:
        self.trace = zeros(self.lif2.size, batch_size)

    def update(self, x: Any) -> Any:
        trace = 0.9 * self.trace.value + self.lif2(self.fc2(self.lif1(self.fc1(x))))
        if self.o.kept:
            self.trace.value = trace
        return self.out(self.trace.value)


class Dropped(Module):
    """Dropout of inputs and of spikes."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        self.drop = brainstate.nn.Dropout(d.keep)
        self.fc1, self.fc2, self.fc3 = linear(PIXELS, n), linear(n, n, 2.0), linear(n, CLASSES)
        self.lif1, self.lif2 = Beta(n, d.surrogate, 0.85), Beta(n, d.surrogate, 0.85)

    def update(self, x: Any) -> Any:
        x = self.drop(self.lif1(self.fc1(x)))
        return self.fc3(self.drop(self.lif2(self.fc2(x))))


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


class Normed(Module):
    """Layer norm in front of each layer of neurons."""

    def __init__(self, d: Design):
        super().__init__()
        n, shift = d.width, braintools.init.Constant(given(d, shift=0.0).shift)
        self.fcs = [linear(n if i else PIXELS, n) for i in range(d.layers)]
        self.norms = [brainstate.nn.LayerNorm((n,), bias_init=shift) for _ in self.fcs]
        self.lifs = [Beta(n, d.surrogate, 0.7) for _ in self.fcs]
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        for fc, norm, lif in zip(self.fcs, self.norms, self.lifs):
            x = lif(norm(fc(x)))
        return self.out(x)

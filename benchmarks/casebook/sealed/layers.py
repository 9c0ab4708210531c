"""Layers in a row, of the sealed half: their neurons, synapses, norms and readouts differ.

Each takes a `Design`; its ``options`` are what the network may be made with.
"""

from __future__ import annotations

from typing import Any

import brainpy
import brainstate
import braintools
import brainunit as u
import jax.numpy as jnp

from ..networks import CLASSES, PIXELS, Design
from .neurons import (
    Beta,
    FirstSpike,
    Millivolt,
    Parametric,
    Ternary,
    cortical,
    given,
    linear,
    zeros,
)

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


class Voltages(Module):
    """Neurons in millivolts, written by hand."""

    def __init__(self, d: Design):
        super().__init__()
        o, n = given(d, scale=20 * u.mV), d.width
        self.fc1, self.fc2 = linear(PIXELS, n, 160.0, u.mV), linear(n, n, 600.0, u.mV)
        self.cells1, self.cells2 = (Millivolt(n, d.surrogate, o.scale) for _ in range(2))
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        return self.out(self.cells2(self.fc2(self.cells1(self.fc1(x)))))


class Cortex(Module):
    """Two layers of neurons that rest at -65 mV and adapt."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        self.fc1, self.fc2 = linear(PIXELS, n, 80.0, u.mA), linear(n, n, 250.0, u.mA)
        slow = {"tau": 8 * u.ms, "tau_a": 60 * u.ms, "beta": 1 * u.mV}
        self.l4, self.l23 = (cortical("ALIF", n, d, **slow) for _ in range(2))
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        return self.out(self.l23(self.fc2(self.l4(self.fc1(x)))))


class Learnt(Module):
    """Batch norm and neurons that learn their time constants; spikes may be kept as integers."""

    def __init__(self, d: Design):
        super().__init__()
        self.o, n = given(d, dtype=jnp.float32), d.width
        self.fcs = [linear(n if i else PIXELS, n) for i in range(d.layers)]
        self.norms = [brainstate.nn.BatchNorm0d((n,)) for _ in self.fcs]
        self.cells = [Parametric(n, d.surrogate) for _ in self.fcs]
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        for fc, norm, cells in zip(self.fcs, self.norms, self.cells):
            x = cells(2 * norm(fc(x))).astype(self.o.dtype)
        return self.out(x.astype(jnp.float32))


class Once(Module):
    """Neurons that fire once; the earlier, the longer is their spike summed."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        self.fc1, self.fc2 = linear(PIXELS, n, 3.0), linear(n, CLASSES)
        self.cells = FirstSpike(n, d.surrogate)

    def init_state(self, batch_size: int | None = None) -> None:
        self.sum = zeros(CLASSES, batch_size)

    def update(self, x: Any) -> Any:
        self.sum.value = self.sum.value + self.fc2(self.cells(self.fc1(x)))
        return self.sum.value


class Shortcuts(Module):
    """Ternary neurons, whose inputs are passed on past each layer."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        self.into, self.out = linear(PIXELS, n, 0.8), linear(n, CLASSES)
        self.fcs = [linear(n, n, 0.7) for _ in range(d.layers)]
        self.cells = [Ternary(n, d.surrogate, 0.8) for _ in self.fcs]

    def update(self, x: Any) -> Any:
        current = self.into(x)
        for fc, cells in zip(self.fcs, self.cells):
            current = current + fc(cells(current))
        return self.out(current)

"""More networks of the sealed half of the casebook."""

from __future__ import annotations

from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp

from .fresh_neurons import (
    Beta,
    Current,
    FirstSpike,
    Millivolt,
    Parametric,
    Ternary,
    convolution,
    cortical,
    given,
    linear,
    zeros,
)
from .networks import CLASSES, PIXELS, SIDE, Design

Module = brainstate.nn.Module


class Rows(Module):
    """A convolution along the columns of the image, of which rows are the channels."""

    def __init__(self, d: Design):
        super().__init__()
        n = d.width
        self.conv = convolution((SIDE, SIDE), 16, 1.5)
        self.neurons = Beta((SIDE, 16), d.surrogate, 0.6)
        self.fc, self.lif = linear(16 * SIDE, n, 1.0), Current(n, d.surrogate, 0.8)
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        image = x.reshape(*x.shape[:-1], SIDE, SIDE)
        x = self.neurons(self.conv(jnp.swapaxes(image, -1, -2)))
        return self.out(self.lif(self.fc(x.reshape(*x.shape[:-2], -1))))


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


class Sequence(Module):
    """Two layers that read an image row by row, and a readout of the membranes."""

    def __init__(self, d: Design):
        super().__init__()
        o, n = given(d, memory=1.0), d.width
        betas = o.memory * jnp.linspace(0.5, 0.98, n)
        self.fc1, self.fc2 = linear(SIDE, n, 2.0), linear(n, n, 2.0)
        self.cells, self.memory = (Beta(n, d.surrogate, betas) for _ in range(2))
        self.out = linear(n, CLASSES)

    def update(self, x: Any) -> Any:
        self.memory(self.fc2(self.cells(self.fc1(x))))
        return self.out(self.memory.mem.value)


class Pooled(Module):
    """Two convolutions with a pool between them."""

    def __init__(self, d: Design):
        super().__init__()
        o, c = given(d, pool=2), d.width
        side = SIDE // o.pool
        self.conv1, self.if1 = (
            convolution((SIDE, SIDE, 1), c, 2.0),
            Beta((SIDE, SIDE, c), d.surrogate),
        )
        self.pool = brainstate.nn.AvgPool2d(o.pool, o.pool)
        self.conv2 = convolution((side, side, c), 2 * c, 4.0)
        self.if2 = Beta((side, side, 2 * c), d.surrogate)
        self.fc = linear(side * side * 2 * c, CLASSES)

    def update(self, x: Any) -> Any:
        x = self.if1(self.conv1(x.reshape(*x.shape[:-1], SIDE, SIDE, 1)))
        x = self.if2(self.conv2(self.pool(x)))
        return self.fc(x.reshape(*x.shape[:-3], -1))


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


class Attention(Module):
    """Attention between the rows of an image, of which queries, keys and values are spikes."""

    def __init__(self, d: Design):
        super().__init__()
        n, spiking = d.width, lambda: Beta((SIDE, d.width), d.surrogate, 0.75)
        self.embed, self.cells = linear(SIDE, n, 2.0), spiking()
        self.place = brainstate.ParamState(0.3 * brainstate.random.normal(size=(SIDE, n)))
        self.q, self.k, self.v, self.o = (linear(n, n, 2.0) for _ in range(4))
        self.qs, self.ks, self.vs, self.os = (spiking() for _ in range(4))
        self.out = linear(SIDE * n, CLASSES)

    def update(self, x: Any) -> Any:
        rows = x.reshape(*x.shape[:-1], SIDE, SIDE)
        x = self.cells(self.embed(rows) + self.place.value)
        q, k, v = self.qs(self.q(x)), self.ks(self.k(x)), self.vs(self.v(x))
        seen = 0.1 * (q @ jnp.swapaxes(k, -1, -2)) @ v
        x = x + self.os(self.o(seen))
        return self.out(x.reshape(*x.shape[:-2], -1))


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

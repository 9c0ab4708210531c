"""Networks of layers without loops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import braintrace
import brainunit as u
import jax.numpy as jnp
import numpy as np
from brainpy.state import LeakyRateReadout
from brainstate.nn import Linear, Module
from braintools.init import Constant, LecunNormal, Normal, Uniform

from .design import CLASSES, PIXELS, SIDE, Design, same
from .parts import (
    Beta,
    Current,
    Hard,
    Millivolt,
    Own,
    Parametric,
    Wired,
    amperes,
    cortical,
    flat,
    layered,
    linear,
    milliamperes,
    row,
    sizes,
    spiking,
    stop,
    through,
)


def stack(d: Design, *, scale: float = 6.0, reset: str = "hard") -> Module:
    """Linear layers and LIF neurons of brainpy.state, in a row."""
    layers, inputs = [], PIXELS
    options = {"tau": d.tau * u.ms, "V_th": 1 * u.mV, "spk_reset": reset}
    for _ in range(d.layers):
        layers += [linear(inputs, d.width, scale, u.mA), spiking("LIF", d.width, d, **options)]
        inputs = d.width
    return brainstate.nn.Sequential(*layers, linear(inputs, CLASSES))


def read_membranes(net: Any, x: Any) -> Any:
    net.lif2(net.fc2(net.lif1(net.fc1(x))))
    return net.lif2.mem.value


def membranes(d: Design, *, beta: float = 0.9) -> Module:
    """Two layers of snnTorch's Leaky; the membranes of the second are the output."""
    parts = {"fc1": linear(PIXELS, d.width), "fc2": linear(d.width, CLASSES)}
    lif1, lif2 = (Beta(n, d.surrogate, beta) for n in (d.width, CLASSES))
    return Wired(read_membranes, **parts, lif1=lif1, lif2=lif2)


def bias_current(x: Any) -> Any:
    return x + 6 * u.mA


def tabular(d: Design) -> Module:
    """Currents from features into neurons that rest at -65 mV."""
    fc1, neurons = linear(30, d.width, 50.0, u.mA), cortical("LIF", d.width, d, tau=d.tau * u.ms)
    return through(fc1=fc1, current=bias_current, neurons=neurons, fc2=linear(d.width, 2))


def drop(net: Any, x: Any) -> Any:
    x = net.drop(net.lif1(net.fc1(x)))
    return net.fc3(net.drop(net.lif2(net.fc2(x))))


def dropped(d: Design) -> Module:
    """Dropout of inputs and of spikes."""
    n, (lif1, lif2) = d.width, (Beta(d.width, d.surrogate, 0.85) for _ in range(2))
    parts = {"fc1": linear(PIXELS, n), "fc2": linear(n, n, 2.0), "fc3": linear(n, CLASSES)}
    return Wired(drop, **parts, drop=brainstate.nn.Dropout(d.keep), lif1=lif1, lif2=lif2)


def norm_first(net: Any, x: Any) -> Any:
    for fc, norm, lif in zip(net.fcs, net.norms, net.lifs):
        x = lif(norm(fc(x)))
    return net.out(x)


def layer_normed(d: Design, *, shift: float = 0.0) -> Module:
    """Layer norm in front of each layer of neurons."""
    n, bias = d.width, Constant(shift)
    fcs = [linear(n if i else PIXELS, n) for i in range(d.layers)]
    norms = [brainstate.nn.LayerNorm((n,), bias_init=bias) for _ in fcs]
    lifs = [Beta(n, d.surrogate, 0.7) for _ in fcs]
    return Wired(norm_first, fcs=fcs, norms=norms, lifs=lifs, out=linear(n, CLASSES))


def voltages(d: Design) -> Module:
    """Neurons in millivolts, written by hand."""
    n, (cells1, cells2) = d.width, (Millivolt(d.width, d.surrogate) for _ in range(2))
    fc1, fc2 = linear(PIXELS, n, 160.0, u.mV), linear(n, n, 600.0, u.mV)
    return through(fc1=fc1, cells1=cells1, fc2=fc2, cells2=cells2, out=linear(n, CLASSES))


def cortex(d: Design) -> Module:
    """Two layers of neurons that rest at -65 mV and adapt."""
    n, slow = d.width, {"tau": 8 * u.ms, "tau_a": 60 * u.ms, "beta": 1 * u.mV}
    fc1, fc2 = linear(PIXELS, n, 80.0, u.mA), linear(n, n, 250.0, u.mA)
    l4, l23 = (cortical("ALIF", n, d, **slow) for _ in range(2))
    return through(fc1=fc1, l4=l4, fc2=fc2, l23=l23, out=linear(n, CLASSES))


def keep_type(net: Any, x: Any) -> Any:
    for fc, norm, cells in zip(net.fcs, net.norms, net.cells):
        x = cells(2 * norm(fc(x))).astype(net.dtype)
    return net.out(x.astype(jnp.float32))


def learnt(d: Design, *, dtype: str = "float32") -> Module:
    """Batch norm and neurons that learn their time constants; spikes may be kept as integers."""
    n = d.width
    fcs = [linear(n if i else PIXELS, n) for i in range(d.layers)]
    norms = [brainstate.nn.BatchNorm0d((n,)) for _ in fcs]
    cells = [Parametric(n, d.surrogate) for _ in fcs]
    return Wired(keep_type, fcs=fcs, norms=norms, cells=cells, out=linear(n, CLASSES), dtype=dtype)


def images(d: Design, *, hard: bool = False) -> Module:
    """Three layers for images of 14 by 14 pixels, of which the second may lack a surrogate."""
    n, lif1 = d.width, Beta(d.width, d.surrogate, 0.8)
    lif2 = Hard(n, 0.8) if hard else Beta(n, d.surrogate, 0.8)
    fc1, fc2, fc3 = linear(196, n, 2.0), linear(n, n, 2.0), linear(n, CLASSES)
    return through(fc1=fc1, lif1=lif1, fc2=fc2, lif2=lif2, fc3=fc3)


def see_halves(net: Any, x: Any) -> Any:
    whole = x.reshape(*x.shape[:-1], SIDE, SIDE)
    a, b = net.left(flat(whole[..., :4], 2)), net.right(flat(whole[..., 4:], 2))
    a, b = net.fast(a), net.slow(b)
    both = jnp.concatenate([a, b if net.used else a], axis=-1)
    return net.out(net.lif(net.join(both)))


def halves(d: Design, *, used: bool = True) -> Module:
    """The halves of an image, each with neurons of its own speed, and neurons that see both."""
    n, cells = d.width, lambda beta: Beta(d.width, d.surrogate, beta)
    parts = {"left": linear(32, n, 1.5), "right": linear(32, n, 1.5), "fast": cells(0.5)}
    parts |= {"slow": cells(0.95), "join": linear(2 * n, n, 2.0), "lif": cells(0.9), "used": used}
    return Wired(see_halves, **parts, out=linear(n, CLASSES))


def recall(d: Design) -> Module:
    """Membranes that keep what was shown at the beginning."""

    def step(net: Any, x: Any) -> Any:
        for cells in (net.lif, net.memory):
            cells.mem.value = d.current(cells.mem.value)
        net.memory(net.fc2(net.lif(net.fc1(x))))
        return net.out(net.memory.mem.value)

    parts = {"fc1": linear(PIXELS, d.width, 2.0), "lif": Beta(d.width, d.surrogate, 0.8)}
    parts |= {"fc2": linear(d.width, 8, 0.5), "memory": Beta(8, d.surrogate, 0.98)}
    return Wired(step, **parts, out=linear(8, CLASSES))


def lone(d: Design, name: str = "LIF", inputs: int = PIXELS, classes: int = CLASSES,
         unit: Any = u.mA, drive: float = 0.0, **options: Any) -> Module:  # fmt: skip
    """A layer of neurons of brainpy.state; currents are in a unit of any size."""
    cells = spiking(name, d.width, d, **options)
    current = lambda x: (d.gain * x + drive) * unit
    return row(linear(inputs, d.width), current, cells, linear(d.width, classes))


published_izhikevich = partial(
    lone, name="Izhikevich", unit=u.mV / u.ms, u_initializer=Constant(-13.0 * u.mV / u.ms)
)


upswing = partial(  # the membrane ends at +20 mV
    lone, name="AdExIF", inputs=30, classes=2, drive=8.0, spk_reset="hard", V_th=20 * u.mV
)


nanovolts, kilovolts = (partial(lone, unit=size * u.mA, V_th=size * u.mV) for size in (1e-6, 1e6))


def watching(d: Design) -> Module:
    """Fast and slow neurons."""
    n, speeds = d.width, jnp.linspace(0.5, 0.95, d.width)
    fast, slow = (cells(n, d.surrogate, speeds) for cells in (Current, Beta))
    return row(linear(2 * PIXELS, n, 3.0), fast, linear(n, n, 2.0), slow, linear(n, 4))


def choosing(d: Design) -> Module:
    """Spikes of the highest membranes, as ``d.spikes`` has them."""
    into, cells = linear(PIXELS, d.width, 2.0), Beta(d.width, d.surrogate)
    return row(into, cells, linear(d.width, 24), d.spikes, linear(24, CLASSES))


def summing(d: Design, *, divided: bool = False) -> Module:
    """Neurons that sum weak spikes over a time constant, or are ``divided`` by it in each step."""
    kept = 1 / d.tau if divided else jnp.exp(-1 / d.tau)
    cells = lambda n: Beta(n, d.surrogate, kept)
    return layered([PIXELS, d.width, d.width], cells, 0.3, 0.5)


def fans(d: Design, *, power: float = 0.5) -> Module:
    """Layers whose weights get smaller with the number of inputs, by a power of it."""
    weights = lambda a, b, scale: linear(a, b, scale * a ** (0.5 - power), u.mA)
    cells = lambda n: spiking("LIF", n, d, tau=4 * u.ms, spk_reset="hard")
    return layered(sizes(d), cells, 4.0, weights=weights)


def feedforward(d: Design) -> Module:
    """Excitatory neurons, which inhibitory ones with the same inputs hold back."""

    def step(net: Any, x: Any) -> Any:
        hush = d.spikes(net.inh(net.hear(x) * u.mA))
        return net.out(net.exc((net.fc(x) - d.inhibition * hush) * u.mA))

    n, few = d.width, d.width // 4
    hear = brainstate.nn.Linear(PIXELS, few, w_init=Uniform(0.0, 1.0))
    inh, exc = spiking("LIFRef", few, d, tau_ref=2 * u.ms), spiking("ALIF", n, d)
    return Wired(step, hear=hear, inh=inh, fc=linear(PIXELS, n, 8.0), exc=exc, out=linear(n, 10))


def dropping(d: Design) -> Module:
    layer = lambda a: (linear(a, d.width, 2.0), Beta(d.width, d.surrogate), drop())
    drop = lambda: brainstate.nn.Dropout(d.keep)
    sizes = [PIXELS, *[d.width] * (d.layers - 1)]
    return row(*chain(*(layer(a) for a in sizes)), linear(d.width, CLASSES))


def scaled(d: Design) -> Module:
    """Currents in picoamperes, divided by the root of their mean square."""

    def norm(x: Any) -> Any:
        x = (300 * x).astype(d.dtype)
        return (x / jnp.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-3)).astype(jnp.float32)

    n = d.width
    fcs = [linear(a, n) for a in (PIXELS, n, n)]
    layers = ((fc, norm, Beta(n, d.surrogate, 0.7)) for fc in fcs)
    return row(*chain(*layers), linear(n, CLASSES))


def masked(inputs: int, outputs: int, share: float) -> Any:
    """Weights of which most are 0 and stay so."""
    mask = brainstate.random.rand(inputs, outputs) < share
    return linear(inputs, outputs, 2 / share**0.5, w_mask=mask.astype(jnp.float32))


def binary(inputs: int, outputs: int, scale: float) -> Module:
    """Weights of one of two sizes, with the gradient of those that they are the signs of."""

    def step(net: Any, x: Any) -> Any:
        w = net.weights.value
        return x @ (w + stop(scale * jnp.sign(w) / inputs**0.5 - w))

    weights = brainstate.random.normal(size=(inputs, outputs)) / inputs**0.5
    return Wired(step, weights=brainstate.ParamState(weights))


def mostly_masked(d: Design) -> Module:
    cells = lambda n: Beta(n, d.surrogate, 0.95)
    return layered([PIXELS, 256, 64], cells, 0.15, weights=masked)


def binary_layers(d: Design) -> Module:
    return layered([PIXELS, 128, 128], lambda n: Beta(n, d.surrogate), 2.0, weights=binary)


def noisy(d: Design) -> Module:
    """Currents with noise, into neurons that rest for a while after each spike."""
    noise = lambda x: (x + brainstate.random.normal(size=x.shape)) * u.mA
    cells = spiking("LIFRef", d.width, d, tau=10 * u.ms, tau_ref=4 * u.ms)
    return row(linear(30, d.width, 1.0), noise, cells, linear(d.width, 2))


def counting(d: Design) -> Module:
    """Two layers of neurons; the class is that of the output neuron which fires most."""
    cells, out = lambda n: Beta(n, d.surrogate), lambda *_: d.output
    return layered([196, d.width, CLASSES], cells, 2.0, out=out)


def rms_normed(d: Design) -> Module:
    """Currents that are divided by the root of their mean square before they get to a layer."""
    norm = lambda: brainstate.nn.RMSNorm((d.width,)) if d.norm else same
    sizes = [PIXELS, *[d.width] * d.layers]
    layers = ((linear(a, b, 0.1), norm(), Beta(b, d.surrogate, 0.6)) for a, b in pairwise(sizes))
    return row(*chain(*layers), linear(d.width, CLASSES))


def chemistry(d: Design) -> Module:
    """Adaptive neurons with dropout before each layer."""
    n, drop = d.width, lambda: brainstate.nn.Dropout(d.keep)
    layer = lambda a: (drop(), linear(a, n, 6.0, u.mA), spiking("ALIF", n, d, beta=0.2 * u.mV))
    return row(*layer(13), *layer(n), drop(), linear(n, 3))


def fast_cortical(d: Design) -> Module:
    """Fast neurons of brainpy.state, with potentials as in the cortex."""
    n, fast = d.width, {"tau": 1.2 * u.ms, "spk_reset": "hard"}
    cells = lambda: (amperes, cortical("LIF", n, d, **fast))
    fc1, fc2 = linear(PIXELS, n, 35.0), linear(n, n, 50.0)
    return row(fc1, *cells(), fc2, *cells(), linear(n, CLASSES))


class Rates(Beta):
    """Leaky units without spikes."""

    def update(self, x: Any) -> Any:
        self.mem.value = self.beta * self.mem.value + (1 - self.beta) * x
        return jnp.tanh(self.mem.value)


def hybrid(d: Design, *, alike: bool = False) -> Module:
    """Units without spikes between layers with spikes."""
    n = d.width

    constant = lambda a, b, scale: brainstate.nn.Linear(a, b, w_init=Constant(scale / a))
    fc, spikes = constant if alike else linear, lambda: Beta(n, d.surrogate, 0.8)
    return row(fc(PIXELS, n, 2.0), spikes(), fc(n, n, 2.0), Rates(n, d.surrogate, 0.7),
               fc(n, n, 1.0), spikes(), fc(n, CLASSES, 1.0))  # fmt: skip


def tied(d: Design) -> Module:
    """Neurons hear what their spikes, with the same weights, do not yet explain of an image."""

    def step(net: Any, x: Any) -> Any:
        z = net.cells(3 * (x - net.trace.value @ net.weights.value.T) @ net.weights.value)
        net.trace.value = 0.8 * net.trace.value + 0.1 * z
        return net.out(z)

    weights = brainstate.ParamState(2 * brainstate.random.randn(PIXELS, d.width) / SIDE)
    parts = {"weights": weights, "cells": Beta(d.width, d.surrogate)}
    return Wired(step, (("trace", d.width),), **parts, out=linear(d.width, CLASSES))


class Counted(Module):
    """Weights and ten neurons, whose rates are the classes: MNIST in brainpy.state."""

    def __init__(self, d: Design):
        super().__init__()
        init = LecunNormal(scale=10.0, unit=u.mA)
        self.l1, self.clip = Linear(196, CLASSES, w_init=init, b_init=None), d.current
        self.l2 = brainpy.state.LIF(CLASSES, tau=2 * u.ms, V_th=1 * u.mV, spk_fun=d.surrogate)

    def update(self, x: Any) -> Any:
        return self.l2(self.clip(self.l1(x)))


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


def fixed_fan_in(d: Design) -> Module:
    """Layers in which eight neurons hear each pixel or neuron before."""
    weights = lambda a, b, scale: brainstate.nn.FixedNumConn(a, b, 8, Normal(0.0, scale))
    return layered(sizes(d), lambda n: Beta(n, d.surrogate, 0.8), 0.7, weights=weights)


def wide(d: Design) -> Module:
    """A wide layer before one of eight neurons."""
    return layered([PIXELS, d.width, 8], lambda n: Beta(n, d.surrogate), 1.5)


def before_gru(d: Design) -> Module:
    """Spikes of two layers, with dropout, go to a GRU without spikes."""
    n, drop = d.width, lambda: brainstate.nn.Dropout(d.keep)
    layer = lambda a: (linear(a, n, 4.0), Current(n, d.surrogate, 0.7), drop())
    gru = braintrace.nn.GRUCell(n, 32)
    return row(*layer(2 * PIXELS), *layer(n), gru, linear(32, 4))


class BrainFloats(Beta):
    """Neurons with membranes of type bfloat16."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.mem.value = self.mem.value.astype(jnp.bfloat16)

    def update(self, x: Any) -> Any:
        return super().update(x.astype(jnp.bfloat16)).astype(jnp.float32)


def brain_floats(d: Design, *, scale: float = 2.0) -> Module:
    return layered([PIXELS, d.width, d.width], lambda n: BrainFloats(n, d.surrogate), scale)


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

    def __init__(self, inputs: int, outputs: int, scale: float, axis: Sequence[int]):
        super().__init__()
        self.v = brainstate.ParamState(brainstate.random.normal(0, scale, (inputs, outputs)))
        self.g = brainstate.ParamState(jnp.ones(outputs))
        self.b, self.axis = brainstate.ParamState(jnp.zeros(outputs)), tuple(axis)

    def update(self, x: Any) -> Any:
        v = self.v.value
        length = jnp.sqrt((v**2).sum(axis=self.axis, keepdims=True))
        return x @ (self.g.value * v / length) + self.b.value


def normalised(d: Design, *, axis: Sequence[int] = (0,)) -> Module:
    cells, weights = lambda n: Beta(n, d.surrogate, 0.7), partial(Normalised, axis=axis)
    return layered([PIXELS, *[d.width] * 3], cells, 0.05, weights=weights)


def counted_cortex(d: Design, *, reset: float = -65.0) -> Module:
    """Neurons that rest at -65 mV and fire at -50 mV, down to those that stand for classes."""
    cells = lambda n: cortical("LIF", n, d, tau=5 * u.ms, V_reset=reset * u.mV)
    return layered([*sizes(d, 196), CLASSES], cells, 100.0, weights=milliamperes, out=None)


def hourglass(d: Design, *, ratio: int = 4) -> Module:
    """Spikes pass a layer that is narrower by a ratio, and the same weights back."""

    def step(net: Any, x: Any) -> Any:
        x = net.few(net.squeeze(net.many(net.fc(x))))
        return net.out(net.again(3 * x @ net.squeeze.weight.value["weight"].T))

    n, few = d.width, d.width // ratio
    cells = lambda size: Beta(size, d.surrogate, 0.8)
    parts = {"fc": linear(PIXELS, n, 2.0), "many": cells(n), "squeeze": linear(n, few, 2.0)}
    return Wired(step, **parts, few=cells(few), again=cells(n), out=linear(n, CLASSES))


class Online(Beta):
    """Neurons without a gradient to steps before, or to anything at all."""

    def update(self, x: Any) -> Any:
        before = stop(self.beta * self.mem.value - self.fire())
        self.mem.value = before + x if self.stopped == "before" else stop(before + x)
        return self.fire()


def online(d: Design, *, stopped: str = "before") -> Module:
    cells = lambda n: Online(n, d.surrogate, 0.7, stopped=stopped)
    return layered([*sizes(d), CLASSES], cells, 2.0, out=None)


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
    cells, out = lambda n: Beta(n, d.surrogate, 0.8), partial(Aligned, scale=1.0)
    return layered([PIXELS, d.width, d.width], cells, 2.0, weights=Aligned, out=out)


def tutorial(d: Design, *, scale: float = 12.0) -> Module:
    """LIF neurons of brainpy.state with weights in mA, and a leaky readout, as in tutorials."""
    cells = lambda n: spiking("LIF", n, d, tau=10 * u.ms, V_th=1 * u.mV)
    out = partial(LeakyRateReadout, tau=10 * u.ms)
    return layered(sizes(d, 196), cells, scale, weights=milliamperes, out=out)


class SiNeurons(Own):
    """Neurons in volts, amperes and ohms without units; currents count in ``unit``."""

    states = ("V",)

    def update(self, x: Any) -> Any:
        V = self.V.value + 0.001 / 0.01 * (1e7 * self.unit * x - self.V.value)
        spikes = self.spk_fun((V - 0.015) / 0.015)
        self.V.value = V - 0.015 * stop(spikes)
        return spikes


def numbers_of_si(d: Design, *, unit: float = 1e-9) -> Module:
    """Layers of neurons in numbers of the SI, where weights are of so many amperes."""
    cells, weights = lambda n: SiNeurons(n, d.surrogate, unit=unit), partial(linear, b_init=None)
    return layered(sizes(d), cells, 14 * (1e-9 / unit), weights=weights)

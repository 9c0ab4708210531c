"""What networks of the casebook are made of: neurons written by hand, weights, and wiring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import chain, pairwise
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainstate.nn import Module
from braintools.init import Constant, Normal

from .design import CLASSES, PIXELS, SIDE, Design

stop = jax.lax.stop_gradient


class Wired(Module):
    """Named parts, values that are kept for the next step, and what a step does with them."""

    def __init__(self, step: Callable[[Any, Any], Any], kept: Any = (), **parts: Any):
        super().__init__()
        self.step, self.kept = step, kept
        for name, part in parts.items():
            setattr(self, name, part)

    def init_state(self, batch_size: int | None = None) -> None:
        for name, size in self.kept:
            setattr(self, name, zeros(size, batch_size))

    def update(self, x: Any) -> Any:
        return self.step(self, x)


def row(*layers: Callable[[Any], Any]) -> Module:
    return Wired(lambda net, x: reduce(lambda x, layer: layer(x), net.layers, x), layers=[*layers])


def in_turn(net: Any, x: Any) -> Any:
    return reduce(lambda x, name: getattr(net, name)(x), net.order, x)


def through(**parts: Any) -> Module:
    """Named parts, one after the other."""
    return Wired(in_turn, order=tuple(parts), **parts)


def image(x: Any) -> Any:
    return x.reshape(*x.shape[:-1], SIDE, SIDE, 1)


def flat(x: Any, axes: int = 3) -> Any:
    return x.reshape(*x.shape[:-axes], -1)


def amperes(x: Any) -> Any:
    return x * u.mA


def spiking(name: str, size: Any, d: Design, **options: Any) -> Any:
    return getattr(brainpy.state, name)(size, spk_fun=d.surrogate, **options)


def cortical(name: str, size: int, d: Design, **options: Any) -> Any:
    """Neurons of brainpy.state that rest at -65 mV and fire at -50 mV."""
    rest = -65 * u.mV
    options = {"V_rest": rest, "V_reset": rest, "V_th": -50 * u.mV} | options
    return spiking(name, size, d, V_initializer=Constant(rest), **options)


def linear(inputs: int, outputs: int, scale: float = 1.0, unit: Any = u.UNITLESS, **options: Any):
    """Weights that give a variance of ``scale**2`` to the sum of inputs of variance 1."""
    normal = Normal(0.0, scale / np.sqrt(inputs), unit=unit)
    options = {"b_init": Constant(0.0 * unit)} | options
    return brainstate.nn.Linear(inputs, outputs, w_init=normal, **options)


milliamperes = partial(linear, unit=u.mA)


def convolution(shape: tuple[int, ...], channels: int, scale: float = 1.0) -> Any:
    """A convolution by 3 pixels in each direction, as `linear`."""
    make = brainstate.nn.Conv2d if len(shape) == 3 else brainstate.nn.Conv1d
    fan = 3 ** (len(shape) - 1) * shape[-1]
    return make(shape, channels, 3, w_init=Normal(0.0, scale / np.sqrt(fan)))


def sizes(d: Design, inputs: int = PIXELS) -> list[int]:
    return [inputs, *[d.width] * d.layers]


def layered(
    sizes: Sequence[int],
    cells: Callable,
    *scales: float,
    classes: int = CLASSES,
    weights: Callable = linear,
    out: Callable | None = linear,
) -> Module:
    """Weights of these scales, or all of one, each before cells of a size, and a readout."""
    scales = scales * (len(sizes) - 1) if len(scales) == 1 else scales
    layers = ((weights(a, b, s), cells(b)) for (a, b), s in zip(pairwise(sizes), scales))
    return row(*[*chain(*layers)], *([out(sizes[-1], classes)] if out else []))


def onto(post: Any, comm: Module, out: Any, tau: Any, unit: Any, **options: Any) -> Module:
    """A projection with exponential synapses, whose conductance or current begins at 0."""
    synapse = brainpy.state.Expon.desc(post.in_size, tau=tau, g_initializer=Constant(0.0 * unit))
    return brainpy.state.AlignPostProj(comm=comm, syn=synapse, out=out, post=post, **options)


def hear_back(net: Any, x: Any) -> Any:
    net.z.value = net.cells(net.fc(x) + net.back(net.z.value))
    return net.out(net.z.value)


def zeros(size: Any, batch_size: int | None) -> brainstate.HiddenState:
    size = (size,) if isinstance(size, int) else tuple(size)
    return brainstate.HiddenState(jnp.zeros(size if batch_size is None else (batch_size, *size)))


class Cells(Module):
    """Neurons of a size, whose states begin at 0."""

    states: tuple[str, ...] = ("mem",)

    def init_state(self, batch_size: int | None = None) -> None:
        for name in self.states:
            setattr(self, name, zeros(self.size, batch_size))


class Own(Cells):
    """Neurons with options of their own."""

    def __init__(self, size: Any, spk_fun: Callable, **options: Any):
        super().__init__()
        self.size, self.spk_fun = size, spk_fun
        for name, option in options.items():
            setattr(self, name, option)


class Beta(Own):
    """LIF neurons as in snnTorch: the membrane keeps a share of itself in each step.

    ``fault`` takes the threshold from the spike, where it should be a factor.
    """

    def __init__(self, size: Any, spk_fun: Callable, beta: Any = 0.9, **options: Any):
        super().__init__(size, spk_fun, **{"threshold": 1.0, "fault": False} | options, beta=beta)

    def fire(self) -> Any:
        return self.spk_fun(self.mem.value - self.threshold)

    def update(self, x: Any) -> Any:
        spikes = stop(self.fire())
        reset = spikes - self.threshold if self.fault else spikes * self.threshold
        self.mem.value = self.beta * self.mem.value + x - reset
        return self.fire()


class Hard(Cells):
    """`Beta` with a comparison in place of a surrogate."""

    def __init__(self, size: Any, beta: float = 0.9):
        super().__init__()
        self.size, self.beta = size, beta

    def update(self, x: Any) -> Any:
        mem = self.beta * self.mem.value + x
        spikes = jnp.where(mem > 1.0, 1.0, 0.0)
        self.mem.value = mem - spikes
        return spikes


class Parametric(Cells):
    """PLIF neurons: the time constant of the layer is learnt, and a spike resets to 0."""

    states = ("v",)

    def __init__(self, size: Any, spike_grad: Callable):
        super().__init__()
        self.size, self.spike_grad = size, spike_grad
        self.w = brainstate.ParamState(jnp.asarray(0.0))  # a time constant of 2 steps

    def update(self, x: Any) -> Any:
        v = self.v.value + (x - self.v.value) * jax.nn.sigmoid(self.w.value)
        spikes = self.spike_grad(v - 1.0)
        self.v.value = v * (1 - stop(spikes))
        return spikes


class Millivolt(Cells):
    """Neurons with a threshold of 20 mV above rest; ``scale`` is what the surrogate counts in."""

    states = ("V",)

    def __init__(self, size: int, spk_fun: Callable, scale: Any = 20 * u.mV):
        super().__init__()
        self.size, self.spk_fun, self.scale = size, spk_fun, scale
        self.rest, self.threshold, self.tau = -70 * u.mV, -50 * u.mV, 15 * u.ms

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.V.value = self.V.value * u.mV + self.rest

    def update(self, x: Any) -> Any:
        """``x`` is the voltage that the current would reach."""
        dt = brainstate.environ.get_dt()
        V = self.V.value + (self.rest + x - self.V.value) * (dt / self.tau)
        spikes = self.spk_fun((V - self.threshold) / self.scale)
        self.V.value = V - stop(spikes) * (self.threshold - self.rest)
        return spikes


class FirstSpike(Beta):
    """Neurons without leak that fire once."""

    states = ("mem", "fired")

    def update(self, x: Any) -> Any:
        self.mem.value = self.mem.value + x
        spikes = self.fire() * (1 - self.fired.value)
        self.fired.value = stop(self.fired.value + spikes)
        return spikes


class Ternary(Beta):
    """Neurons that fire +1 above the threshold and -1 below its negative."""

    def update(self, x: Any) -> Any:
        mem = self.beta * self.mem.value + x
        up, down = (self.spk_fun(sign * mem - self.threshold) for sign in (1, -1))
        self.mem.value = mem - stop(up - down) * self.threshold
        return up - down


class Current(Beta):
    """`Beta` behind a synapse whose current decays by a factor, too."""

    states, kept = ("mem", "syn"), 0.8

    def update(self, x: Any) -> Any:
        self.syn.value = self.kept * self.syn.value + x
        return super().update(self.syn.value)

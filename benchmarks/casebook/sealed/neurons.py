"""Neurons of the sealed half of the casebook, written by hand, and weights of a given size."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import brainpy
import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ..networks import Design


def given(design: Design, **defaults: Any) -> SimpleNamespace:
    """The options of a design, and defaults for the others."""
    return SimpleNamespace(**defaults | dict(design.options))


def linear(inputs: int, outputs: int, scale: float = 1.0, unit: Any = u.UNITLESS, **options: Any):
    """Weights that give a variance of ``scale**2`` to the sum of inputs of variance 1."""
    normal = braintools.init.Normal(0.0, scale / np.sqrt(inputs), unit=unit)
    options = {"b_init": braintools.init.Constant(0.0 * unit)} | options
    return brainstate.nn.Linear(inputs, outputs, w_init=normal, **options)


def convolution(shape: tuple[int, ...], channels: int, scale: float = 1.0) -> Any:
    """A convolution by 3 pixels in each direction, as `linear`."""
    make = brainstate.nn.Conv2d if len(shape) == 3 else brainstate.nn.Conv1d
    fan = 3 ** (len(shape) - 1) * shape[-1]
    return make(shape, channels, 3, w_init=braintools.init.Normal(0.0, scale / np.sqrt(fan)))


def zeros(size: Any, batch_size: int | None) -> brainstate.HiddenState:
    size = (size,) if isinstance(size, int) else tuple(size)
    return brainstate.HiddenState(jnp.zeros(size if batch_size is None else (batch_size, *size)))


class Beta(brainstate.nn.Module):
    """LIF neurons as in snnTorch: the membrane keeps a share of itself in each step.

    ``fault`` takes the threshold from the spike, where it should be a factor.
    """

    def __init__(self, size: Any, spk_fun: Callable, beta: Any = 0.9, *, fault: bool = False):
        super().__init__()
        self.size, self.spk_fun, self.beta, self.fault = size, spk_fun, beta, fault
        self.threshold = 1.0

    def init_state(self, batch_size: int | None = None) -> None:
        self.mem = zeros(self.size, batch_size)

    def fire(self) -> Any:
        return self.spk_fun(self.mem.value - self.threshold)

    def update(self, x: Any) -> Any:
        spikes = jax.lax.stop_gradient(self.fire())
        reset = spikes - self.threshold if self.fault else spikes * self.threshold
        self.mem.value = self.beta * self.mem.value + x - reset
        return self.fire()


class Hard(brainstate.nn.Module):
    """`Beta` with a comparison in place of a surrogate."""

    def __init__(self, size: Any, beta: float = 0.9):
        super().__init__()
        self.size, self.beta = size, beta

    def init_state(self, batch_size: int | None = None) -> None:
        self.mem = zeros(self.size, batch_size)

    def update(self, x: Any) -> Any:
        mem = self.beta * self.mem.value + x
        spikes = jnp.where(mem > 1.0, 1.0, 0.0)
        self.mem.value = mem - spikes
        return spikes


class Parametric(brainstate.nn.Module):
    """PLIF neurons: the time constant of the layer is learnt, and a spike resets to 0."""

    def __init__(self, size: Any, spike_grad: Callable):
        super().__init__()
        self.size, self.spike_grad = size, spike_grad
        self.w = brainstate.ParamState(jnp.asarray(0.0))  # a time constant of 2 steps

    def init_state(self, batch_size: int | None = None) -> None:
        self.v = zeros(self.size, batch_size)

    def update(self, x: Any) -> Any:
        v = self.v.value + (x - self.v.value) * jax.nn.sigmoid(self.w.value)
        spikes = self.spike_grad(v - 1.0)
        self.v.value = v * (1 - jax.lax.stop_gradient(spikes))
        return spikes


class Millivolt(brainstate.nn.Module):
    """Neurons with a threshold of 20 mV above rest; ``scale`` is what the surrogate counts in."""

    def __init__(self, size: int, spk_fun: Callable, scale: Any = 20 * u.mV):
        super().__init__()
        self.size, self.spk_fun, self.scale = size, spk_fun, scale
        self.rest, self.threshold, self.tau = -70 * u.mV, -50 * u.mV, 15 * u.ms

    def init_state(self, batch_size: int | None = None) -> None:
        self.V = zeros(self.size, batch_size)
        self.V.value = self.V.value * u.mV + self.rest

    def update(self, x: Any) -> Any:
        """``x`` is the voltage that the current would reach."""
        dt = brainstate.environ.get_dt()
        V = self.V.value + (self.rest + x - self.V.value) * (dt / self.tau)
        spikes = self.spk_fun((V - self.threshold) / self.scale)
        self.V.value = V - jax.lax.stop_gradient(spikes) * (self.threshold - self.rest)
        return spikes


class FirstSpike(Beta):
    """Neurons without leak that fire once."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.fired = zeros(self.size, batch_size)

    def update(self, x: Any) -> Any:
        self.mem.value = self.mem.value + x
        spikes = self.fire() * (1 - self.fired.value)
        self.fired.value = jax.lax.stop_gradient(self.fired.value + spikes)
        return spikes


class Ternary(Beta):
    """Neurons that fire +1 above the threshold and -1 below its negative."""

    def update(self, x: Any) -> Any:
        mem = self.beta * self.mem.value + x
        up, down = (self.spk_fun(sign * mem - self.threshold) for sign in (1, -1))
        self.mem.value = mem - jax.lax.stop_gradient(up - down) * self.threshold
        return up - down


class Current(Beta):
    """`Beta` behind a synapse whose current decays by a factor, too."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.syn = zeros(self.size, batch_size)

    def update(self, x: Any) -> Any:
        self.syn.value = 0.8 * self.syn.value + x
        return super().update(self.syn.value)


def cortical(name: str, size: int, design: Design, **options: Any) -> Any:
    """Neurons of brainpy.state that rest at -65 mV and fire at -50 mV."""
    rest = -65 * u.mV
    options |= {"V_rest": rest, "V_reset": rest, "V_th": -50 * u.mV, "spk_fun": design.surrogate}
    start = braintools.init.Constant(rest)
    return getattr(brainpy.state, name)(size, V_initializer=start, **options)

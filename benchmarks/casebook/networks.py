"""Neurons, layers and networks of the casebook."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike

PIXELS, SIDE, CLASSES = 64, 8, 10


class Leaky(brainstate.nn.Module):
    """LIF neurons; in the step after a spike, the threshold is subtracted from the membrane."""

    def __init__(
        self, size: Any, spk_fun: Any, *, decay: float = 0.9, threshold: float = 1.0, detach=True
    ):
        super().__init__()
        self.size = (size,) if isinstance(size, int) else tuple(size)
        self.spk_fun, self.decay, self.threshold, self.detach = spk_fun, decay, threshold, detach

    def init_state(self, batch_size: int | None = None) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros((*batch, *self.size)))

    def spikes(self) -> Any:
        return self.spk_fun(self.V.value - self.threshold)

    def update(self, x: Any) -> Any:
        reset = self.spikes() * self.threshold
        reset = jax.lax.stop_gradient(reset) if self.detach else reset
        self.V.value = self.decay * self.V.value + x - reset
        return self.spikes()


class Synaptic(Leaky):
    """`Leaky` with a synaptic current that decays; ``mixed_up`` decays the membrane instead."""

    def __init__(self, *args: Any, current_decay: float = 0.8, mixed_up: bool = False, **options):
        super().__init__(*args, **options)
        self.current_decay, self.mixed_up = current_decay, mixed_up

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.current = brainstate.HiddenState(jnp.zeros_like(self.V.value))

    def update(self, x: Any) -> Any:
        before = self.V.value if self.mixed_up else self.current.value
        self.current.value = self.current_decay * before + x
        return super().update(self.current.value)


class Recurrent(brainstate.nn.Module):
    """A layer whose spikes come back to it in the next step."""

    def __init__(self, inputs: int, size: int, spk_fun: Any, **options: Any):
        super().__init__()
        self.into, self.back = dense(inputs, size), dense(size, size)
        self.cell = Leaky(size, spk_fun, **options)

    def update(self, x: Any) -> Any:
        return self.cell(self.into(x) + self.back(self.cell.spikes()))


class Reshape(brainstate.nn.Module):
    def __init__(self, axes: int, shape: Sequence[int]):
        super().__init__()
        self.axes, self.shape = axes, tuple(shape)

    def update(self, x: Any) -> Any:
        return x.reshape(*x.shape[: x.ndim - self.axes], *self.shape)


class Overflowing(Surrogate):
    """A sigmoid whose derivative overflows to inf / inf below the threshold."""

    def __init__(self, slope: float = 25.0):
        super().__init__()
        self.slope = slope

    def surrogate_fun(self, x: Any) -> Any:
        return jax.nn.sigmoid(self.slope * x)

    def surrogate_grad(self, x: Any) -> Any:
        e = jnp.exp(-self.slope * x)
        return self.slope * e / (e + 1) ** 2


class Network(brainstate.nn.Module):
    """Layers and a readout that has no spikes."""

    def __init__(self, layers: Sequence[Any], features: int):
        super().__init__()
        self.layers, self.readout = list(layers), dense(features, CLASSES)

    def update(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.readout(x)


def uniform(shape: Sequence[int], fan_in: int) -> Any:
    """PyTorch's initialisation of linear and convolutional layers, biases included."""
    return brainstate.random.uniform(-1, 1, tuple(shape)) / np.sqrt(fan_in)


def dense(inputs: int, outputs: int) -> brainstate.nn.Linear:
    init = partial(uniform, fan_in=inputs)
    return brainstate.nn.Linear(inputs, outputs, w_init=init, b_init=init)


def convolution(side: int, inputs: int, outputs: int, biased: bool) -> brainstate.nn.Conv2d:
    init = partial(uniform, fan_in=9 * inputs)
    bias = init if biased else None
    return brainstate.nn.Conv2d((side, side, inputs), outputs, 3, w_init=init, b_init=bias)


def deep(spk_fun: Any, depth: int, *, width: int = 64, kind: Any = Leaky, **options) -> Network:
    layers: list[Any] = []
    for i in range(depth):
        layers += [dense(width if i else PIXELS, width), kind(width, spk_fun, **options)]
    return Network(layers, width)


def convolutional(
    spk_fun: Any,
    thresholds: Sequence[float],
    *,
    kind: Any = Leaky,
    biased: bool = True,
    channels: int = 4,
    **options: Any,
) -> Network:
    layers: list[Any] = [Reshape(1, (SIDE, SIDE, 1))]
    for i, threshold in enumerate(thresholds):
        neurons = kind((SIDE, SIDE, channels), spk_fun, threshold=threshold, **options)
        layers += [convolution(SIDE, channels if i else 1, channels, biased), neurons]
    features = SIDE * SIDE * channels
    return Network([*layers, Reshape(3, (features,))], features)


def fast_sigmoid(slope: float) -> QPseudoSpike:
    """The fast sigmoid of snnTorch: 1 / (1 + slope * abs(x))**2."""
    return QPseudoSpike(2.0, scale=1.5 / slope, dampening=1.5 / slope)


def constant(images: Any, steps: int) -> Any:
    """Each image as a constant current, of shape (steps, batch, pixels)."""
    flat = images.reshape(len(images), -1)
    return jnp.broadcast_to(flat, (steps, *flat.shape))

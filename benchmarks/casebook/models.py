"""Small models of networks that, as their users reported, learn nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import brainstate
import braintools
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

CLASSES = 10
PIXELS = 64


class Leaky(brainstate.nn.Module):
    """Leaky integrate-and-fire membranes that lose the threshold after a spike."""

    def __init__(
        self,
        size: Any,
        spk_fun: Callable[[Any], Any],
        *,
        decay: float = 0.9,
        threshold: float = 1.0,
        detach_reset: bool = True,
    ):
        super().__init__()
        self.size = (size,) if isinstance(size, int) else tuple(size)
        self.spk_fun = spk_fun
        self.decay, self.threshold, self.detach_reset = decay, threshold, detach_reset

    def init_state(self, batch_size: int | None = None) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros((*batch, *self.size)))

    def update(self, x: Any) -> Any:
        reset = self.spk_fun(self.V.value - self.threshold) * self.threshold
        reset = jax.lax.stop_gradient(reset) if self.detach_reset else reset
        self.V.value = self.decay * self.V.value + x - reset
        return self.spk_fun(self.V.value - self.threshold)


class Synaptic(Leaky):
    """The same, driven by a current that decays; ``mixed_up`` puts the membrane in its place."""

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


def torch_init(shape: Sequence[int]) -> Any:
    """PyTorch's default for linear and convolutional layers."""
    bound = 1 / np.sqrt(np.prod(shape[:-1]))
    return brainstate.random.uniform(-bound, bound, shape)


def dense(inputs: int, outputs: int, scale: float = 1.0) -> brainstate.nn.Linear:
    w = lambda shape: scale * torch_init(shape)
    return brainstate.nn.Linear(inputs, outputs, w_init=w, b_init=lambda s: torch_init((inputs, *s))[0])


class Network(brainstate.nn.Module):
    """Layers, a readout and nothing else; images are shown as a constant current."""

    def __init__(self, layers: Sequence[Any], readout: Any):
        super().__init__()
        self.layers, self.readout = list(layers), readout

    def update(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.readout(x)


def deep(
    spk_fun: Any, depth: int = 8, width: int = 64, scale: float = 1.0, kind: Any = Leaky, **options
) -> Network:
    layers: list[Any] = []
    for i in range(depth):
        layers += [dense(width if i else PIXELS, width, scale), kind(width, spk_fun, **options)]
    return Network(layers, dense(width, CLASSES))

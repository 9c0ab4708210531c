"""Functions that tables name: surrogates, and functions of weights, inputs, spikes and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
from braintools import surrogate as bts
from braintools.surrogate import Surrogate

from .networks.design import CLASSES, same


class Custom(Surrogate):
    """A surrogate given by its derivative."""

    def __init__(self, derivative: Any):
        super().__init__()
        self.derivative = derivative

    def surrogate_fun(self, x: Any) -> Any:
        return jax.nn.sigmoid(x)

    def surrogate_grad(self, x: Any) -> Any:
        return self.derivative(x)


def overflowing(x: Any) -> Any:
    """The derivative of a sigmoid of slope 25, inf / inf below the threshold."""
    e = jnp.exp(-25 * x)
    return 25 * e / (e + 1) ** 2


def triangular(x: Any) -> Any:
    return jnp.where(x < 0, 1.0, -1.0)


def pruned(w: Any) -> Any:
    return jnp.where(abs(w) < 0.02, 0, w)


def root(w: Any) -> Any:
    return jnp.sign(w) * jnp.sqrt(abs(w))


def negative(w: Any) -> Any:
    return -abs(w)


def inhibiting(w: Any) -> Any:
    return -20 * abs(w)


def signs(w: Any) -> Any:
    return jnp.sign(w) / 8


def times(x: Any, factor: float) -> Any:
    return factor * x


def over(x: Any, divisor: float) -> Any:
    return x / divisor


def plus(x: Any, shift: float) -> Any:
    return x + shift


def direction(x: Any) -> Any:
    """A vector over its length, which may be 0."""
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def averaged(x: Any) -> Any:
    """The mean image in place of each."""
    return jnp.broadcast_to(x.mean(axis=1, keepdims=True), x.shape)


def holed(x: Any) -> Any:
    """One missing value, NaN."""
    return x.at[:, 3, 20].set(jnp.nan)


def highest(mem: Any, *, soft: bool = False) -> Any:
    """A spike of the highest of each four membranes; ``soft`` has the gradient of a softmax."""
    four = mem.reshape(*mem.shape[:-1], -1, 4)
    hard, near = jax.nn.one_hot(four.argmax(axis=-1), 4), jax.nn.softmax(four)
    spikes = hard + near - jax.lax.stop_gradient(near) if soft else hard
    return spikes.reshape(mem.shape)


def shuffled(labels: Any) -> Any:
    return jax.random.permutation(jax.random.key(0), labels)


def bell(x: Any) -> Any:
    """The derivative of a Gaussian, where the Gaussian was meant."""
    return -4 * x * jnp.exp(-2 * x**2)


ARCTAN = bts.Arctan()


def in_microvolts(x: Any) -> Any:
    return ARCTAN(x / 15e3)


def one_number(x: Any) -> Any:
    """The mean of all features in the place of each."""
    return x * 0 + x.mean(axis=-1, keepdims=True)


def reversed_sign(x: Any) -> Any:
    """The derivative of a spike of the threshold minus the membrane."""
    return -1 / (1 + 2 * abs(x)) ** 2


def ascent(rate: float) -> Any:
    return optax.chain(optax.scale_by_adam(), optax.scale(rate))


def root_above_zero(x: Any) -> Any:
    return jnp.sqrt(x + 1e-6)


def triangle(x: Any) -> Any:
    return 0.3 * jnp.maximum(1 - abs(x), 0)


def unbounded_triangle(x: Any) -> Any:
    return 0.3 * (1 - abs(x))


def twice_shifted(x: Any) -> Any:
    """A Gaussian around the threshold, which is subtracted again."""
    return jnp.exp(-0.5 * ((x - 1) / 0.15) ** 2)


def angle(vector: Any) -> Any:
    """The unit vector of the same direction, by its angle."""
    at = jnp.arctan2(vector[..., 1], vector[..., 0])
    return 5 * jnp.stack([jnp.cos(at), jnp.sin(at)], axis=-1)


def winner(spikes: Any) -> Any:
    return jax.nn.one_hot(spikes.argmax(axis=-1), CLASSES)


def clipped(x: Any) -> Any:
    return u.math.clip(x, -1 * u.mA, 1 * u.mA)


def parabola(x: Any) -> Any:
    return x * (1 - x)


def straight(x: Any, *, stop: Callable = jax.lax.stop_gradient) -> Any:
    """A straight-through spike: the value of a step, the derivative of a sigmoid."""
    soft, hard = jax.nn.sigmoid(4 * x), (x > 0).astype(x.dtype)
    return soft + stop(hard - soft)


def not_stopped(x: Any) -> Any:
    return straight(x, stop=same)


def raised(x: Any) -> Any:
    """The derivative within half a wave of a cosine."""
    return jnp.where(abs(x) < 1 / 4, jnp.cos(2 * np.pi * x), 0)


def waving(x: Any) -> Any:
    return jnp.cos(2 * np.pi * x)


def nearest(y: Any) -> Any:
    """How near a number is to the middle of each of five parts, for the loss of a regression."""
    return -4 * (y - jnp.linspace(-1.4, 1.4, 5)) ** 2

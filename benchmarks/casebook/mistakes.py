"""Mistakes: surrogates, and functions of weights and inputs, that keep a network from learning."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate


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

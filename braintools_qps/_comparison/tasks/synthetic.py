"""Tasks that are drawn at random: a cue to remember, and spike times on random manifolds."""

from __future__ import annotations

import numpy as np

from ..._checks import check_positive, checked_count
from .arrays import FEWEST_SAMPLES
from .task import SPLIT_SEED, Task, at_unit_rms, make_task

CUES = 4
CUE_SAMPLES = 2000
CUE_STEPS = 4
DELAY_STEPS = 20
RECALL_STEPS = 4
NOISE = 0.3

SMALLEST_AMPLITUDE = 1e-3  # of frequencies that are kept, relative to the first
MOST_FREQUENCIES = 1000
SLOWEST_FALL = 0.1  # slower than this, all frequencies are kept


def cue_recall() -> Task:
    """One of four inputs is on for 4 steps; after 20 steps of noise a fifth input asks which it
    was.

    Only the outputs while the question is on, in the last steps, count as the answer. So the
    network has to remember.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    labels = rng.permutation(np.arange(CUE_SAMPLES) % CUES)
    steps = CUE_STEPS + DELAY_STEPS + RECALL_STEPS
    X = NOISE * rng.standard_normal((CUE_SAMPLES, steps, CUES + 1)).astype(np.float32)
    X[np.arange(CUE_SAMPLES), :CUE_STEPS, labels] += 1
    X[:, -RECALL_STEPS:, CUES] += 1  # the question
    return make_task(at_unit_rms(X), labels, readout=RECALL_STEPS)


def randman(
    classes: int = 10,
    dim: int = 1,
    alpha: float = 3.0,
    units: int = 20,
    steps: int = 50,
    samples: int = 2000,
    spikes: int = 1,
    seed: int = 0,
) -> Task:
    r"""Spike times on random manifolds: each class is a smooth random curve or surface in the space
    of all units' spike times, so that only the times tell, not the rates.

    Each class is a manifold of dimension :math:`D` in a cube of as many dimensions as there are
    units. The coordinate of unit :math:`i` at a random point :math:`x` of :math:`[0, 1]^D` is

    .. math:: f_i(x) = \prod_{d=1}^{D} \sum_k \frac{A_{idk}}{k^\alpha}
        \sin\bigl(2 \pi (k B_{idk} x_d + C_{idk})\bigr),

    with A, B and C uniform between 0 and 1. It is stretched to :math:`[0, 1]` over the samples of
    the class, and is then the time at which the unit fires, as a share of the steps. Every unit
    fires equally often in every sample, so that rates tell nothing.

    Parameters
    ----------
    classes : int
        Number of manifolds.
    dim : int
        Dimension of the manifolds. More is harder.
    alpha : float
        How fast the spectrum falls. Smaller makes rougher manifolds and a harder task.
    units, steps : int
        Number of inputs, and of time steps.
    samples : int
        Number of samples of all classes together.
    spikes : int
        Spikes of each unit per sample; each spike has its own manifolds.
    seed : int
        Seed of the manifolds and the points.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer where it must be one, or out of its range.

    References
    ----------
    .. [1] F. Zenke and T. P. Vogels, "The Remarkable Robustness of Surrogate Gradient Learning for
       Instilling Complex Function in Spiking Neural Networks", Neural Computation 33, 899-925
       (2021).
    """
    _check(**locals())
    rng = np.random.default_rng([seed, classes, dim, units])
    labels = np.arange(samples) % classes
    X = np.zeros((samples, steps, units), np.float32)
    for label in range(classes):
        rows = np.flatnonzero(labels == label)
        points = rng.random((len(rows), dim))
        for _ in range(spikes):
            times = _stretched(_manifold(rng, points, units, alpha))
            step = np.minimum((times * steps).astype(int), steps - 1)
            np.add.at(X, (rows[:, None], step, np.arange(units)), 1)
    return make_task(at_unit_rms(X), labels)


def _manifold(rng: np.random.Generator, points: np.ndarray, units: int, alpha: float) -> np.ndarray:
    """Coordinates of points on a random manifold, of shape (points, units)."""
    slowest = max(alpha, SLOWEST_FALL)  # slower than this, all frequencies are kept
    frequencies = min(MOST_FREQUENCIES, int(np.ceil(SMALLEST_AMPLITUDE ** (-1 / slowest))))
    k = np.arange(1, frequencies + 1)
    coordinates = np.ones((len(points), units))
    for unit in range(units):
        for x in points.T:
            amplitude, stretch, phase = rng.random((3, frequencies))
            angle = 2 * np.pi * (k * stretch * x[:, None] + phase)
            coordinates[:, unit] *= np.sin(angle) @ (amplitude / k**alpha)
    return coordinates


def _stretched(coordinates: np.ndarray) -> np.ndarray:
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    return (coordinates - low) / np.where(high > low, high - low, 1)


def _check(classes: int, alpha: float, **counts: int) -> None:
    least = {"seed": 0, "samples": FEWEST_SAMPLES * checked_count("classes", classes, 2)}
    for name, count in counts.items():
        checked_count(name, count, least.get(name, 1))
    check_positive("alpha", alpha)

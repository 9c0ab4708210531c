"""The record of a trial: a short training on the given batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .record import Record

SOON = 50  # steps; healthy networks of the casebook took 41 at most
MOVES = 0.02  # share of the loss; networks that could not learn lowered it by less


@dataclass(frozen=True, eq=False)
class LearningTrial(Record):
    """A short training on the given batch, which shows whether the network learns.

    Attributes
    ----------
    losses : tuple of float
        The loss before each step of Adam.
    constant : float
        The loss of the best constant answer: the entropy of the labels, or their variance.
    samples : int
        Number of samples in the trial.

    Examples
    --------
    >>> from braintools_qps.records import LearningTrial
    >>> trial = LearningTrial(losses=(2.4, 2.0, 1.1), constant=2.3, samples=64)
    >>> trial.half_after, round(trial.share_gone, 2), trial.learns
    (2, 0.52, True)
    """

    losses: tuple[float, ...]
    constant: float
    samples: int

    @property
    def span(self) -> float:
        """Magnitude of the loss of the best constant answer."""
        return abs(self.constant)

    @property
    def left(self) -> float:
        """The lowest loss, or infinity if none is finite."""
        return min((x for x in self.losses if np.isfinite(x)), default=np.inf)

    @property
    def share_gone(self) -> float:
        """Share by which the lowest loss is below the loss of the best constant answer."""
        return self.gone_after(len(self.losses))

    @property
    def half_after(self) -> int | None:
        """The number of steps within which the loss halves; None if it does not."""
        half = self.constant - self.span / 2
        return next((i for i, loss in enumerate(self.losses) if loss <= half), None)

    @property
    def learns(self) -> bool:
        """Whether the loss falls to half of the loss of the best constant answer."""
        return self.half_after is not None

    @property
    def learns_soon(self) -> bool:
        """Whether the loss falls to that half within 50 steps."""
        return self.half_after is not None and self.half_after <= SOON

    @property
    def had_learned(self) -> bool:
        """Whether the loss was already at that half before training."""
        return self.half_after == 0

    @property
    def moves(self) -> bool:
        """Whether the loss falls by a fiftieth of the best constant answer's."""
        return self.share_gone >= MOVES

    def gone_after(self, steps: int) -> float:
        """Return the share by which the lowest loss of the first steps is below the constant's.

        Parameters
        ----------
        steps : int
            The number of steps.

        Returns
        -------
        float

        Examples
        --------
        >>> from braintools_qps.records import LearningTrial
        >>> LearningTrial((2.0, 1.5, 0.5), constant=2.0, samples=64).gone_after(1)
        0.25
        """
        known = [x for x in self.losses[: steps + 1] if np.isfinite(x)]
        if not known:
            return 0.0
        return float(np.clip((self.constant - min(known)) / self.span, 0, 1))

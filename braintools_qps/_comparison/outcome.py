"""The record of a candidate, made of what training left behind, with what went wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .programs import Outcome

# Of what was learnt, the share that must be lost again to count as a collapse. It must be so many
# standard errors of an accuracy at least, and such a share of any other score.
COLLAPSE, ERRORS = 0.25, 3.0
SILENT = 1e-3  # spikes per neuron and step
RUNAWAY, GROWN = 0.5, 2.0  # above this rate, and so many times that of the first epoch
SATURATED = 0.9  # above this rate, whatever the first epoch has ended with


def numbers_of(outcomes: Sequence[Outcome], noise: float | None) -> dict[str, Any]:
    """The fields of a `CandidateResult` that come from its runs, one for each seed."""
    tested = _by_seed([one.tested for one in outcomes])
    curves = _by_seed([one.curves for one in outcomes])
    return {
        "test_score": tested["score"],
        "best_test_score": tested["best_score"],
        "best_epoch": tuple(one.best_epoch for one in outcomes),
        "firing_rate": tested["firing_rate"],
        "spikes": tested["spikes"],
        "validation_score": tuple(curve[-1] for curve in curves["score"]),
        "loss": curves["loss"],
        "validation_curve": curves["score"],
        "firing_rate_curve": curves["firing_rate"],
        "flags": flags(outcomes, noise),
    }


def _by_seed(found: Sequence[Any]) -> dict[str, tuple]:
    """The fields of named tuples of arrays as plain numbers, those of one name together."""
    names = found[0]._fields
    return {n: tuple(_plain(np.asarray(getattr(one, n))) for one in found) for n in names}


def _plain(values: np.ndarray) -> Any:
    """A number, or a tuple of numbers."""
    return tuple(values.tolist()) if values.ndim else float(values)


def flags(outcomes: Sequence[Outcome], noise: float | None) -> Mapping[str, int]:
    """In how many runs each thing went wrong; what never did is left out.

    ``noise`` is how far a score may fall by chance, None where that is not known.
    """
    found = {
        "nan": [_is_nan(one) for one in outcomes],
        "collapse": [_has_collapsed(one.curves.score, noise) for one in outcomes],
        "runaway": [_ran_away(one.curves.firing_rate) for one in outcomes],
        "silent": [bool(one.curves.firing_rate[-1] < SILENT) for one in outcomes],
    }
    return {name: sum(each) for name, each in found.items() if any(each)}


def noise_of_accuracy(samples: int) -> float:
    """How far an accuracy on so many samples may fall by chance."""
    return ERRORS * math.sqrt(0.25 / samples)


def _is_nan(outcome: Outcome) -> bool:
    ends = outcome.curves.score[-1], outcome.curves.loss[-1]
    return not np.isfinite(ends).all()


def _has_collapsed(score: Any, noise: float | None) -> bool:
    """Whether the last epoch has lost a good part of what the best one had learnt."""
    if not np.isfinite(score).all():
        return False
    best = int(score.argmax())
    learnt = score[best] - score[: best + 1].min()
    least = COLLAPSE * abs(score[best]) if noise is None else noise
    return bool(score[best] - score[-1] > max(COLLAPSE * learnt, least))


def _ran_away(rate: Any) -> bool:
    return bool(rate[-1] > min(max(RUNAWAY, GROWN * rate[0]), SATURATED))

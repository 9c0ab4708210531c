"""Kept runs are tried before they are used: do their numbers come out again?

Of the runs of a candidate that one call of `compare` has kept, one is trained for an epoch, and its
kept weights are tested. On the same machine the numbers must be those that were kept, bit for bit.
Elsewhere the first loss and the test score may differ by a thousandth, or by one sample.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import numpy as np

from .devices import present_devices
from .numerics import machine
from .plan import Run
from .runs import Outcome, Runs

NEAR = 1e-3  # as near as another machine or program comes to the numbers of a first epoch

NUMBERS = (
    "first loss", "test score", "first validation score", "first firing rate", "firing rate",
    "spikes", "operations",
)  # fmt: skip

logger = logging.getLogger(__name__)

Origin = tuple[str, str]  # a candidate's label, and the call of `compare` that kept runs of it
# Trains runs for an epoch and tests their kept weights, so many at once; by key, but for failures
Retrain = Callable[[Sequence[Run], int], Mapping[str, Outcome]]


class Kept:
    """The runs that are known: those of this call, and kept ones whose numbers come out again.

    ``sample`` is what one sample of the test part adds to the score. If ``fresh``, kept runs do not
    count.
    """

    def __init__(
        self, store: Runs, call: str, sample: float, retrain: Retrain, fresh: bool
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}  # by key, without weights
        self._store, self._call, self._sample = store, call, sample
        self._retrain, self._fresh = retrain, fresh
        self._is_sound: dict[Origin, bool] = {}

    @property
    def from_before(self) -> int:
        """How many known runs earlier calls have trained."""
        return sum(outcome.call != self._call for outcome in self.outcomes.values())

    def add(self, run: Run, outcome: Outcome, notes: Sequence[str]) -> None:
        """Keep a run that has just been trained, with notes on the model."""
        outcome = outcome._replace(call=self._call, notes=notes)
        self._store.keep(run.key, outcome)
        self.outcomes[run.key] = outcome._replace(weights={})

    def find(self, runs: Mapping[str, Sequence[Run]]) -> dict[str, list[Run]]:
        """Look for runs, by candidate, and try what was kept of them.

        Runs whose kept numbers do not come out again are returned with other keys.
        """
        while True:
            keyed = {label: list(map(self._under_its_key, each)) for label, each in runs.items()}
            every = [run for each in keyed.values() for run in each]
            known = {self._origin(run): run for run in reversed(every) if run.key in self.outcomes}
            tried = {(label, self._call) for label in runs} | self._is_sound.keys()
            untried = {origin: run for origin, run in known.items() if origin not in tried}
            if not untried:
                return keyed
            self._try(untried, len({run.key for run in every} - self.outcomes.keys()))

    def _under_its_key(self, run: Run) -> Run:
        while self._is_known(run) and not self._is_sound.get(self._origin(run), True):
            key = sha256(f"{run.key} {self._origin(run)[1]}".encode()).hexdigest()[:40]
            run = run._replace(key=key)
        return run

    def _is_known(self, run: Run) -> bool:
        known = run.key in self.outcomes or self._fresh
        if not known and (outcome := self._store.outcome(run.key)) is not None:
            self.outcomes[run.key] = outcome._replace(weights={})
        return run.key in self.outcomes

    def _origin(self, run: Run) -> Origin:
        return run.candidate.label, self.outcomes[run.key].call

    def _try(self, untried: Mapping[Origin, Run], missing: int) -> None:
        """Find out of some runs whether their numbers come out again."""
        logger.info("Kept runs are tried before they are used: of each candidate, one epoch again.")
        olds = {o: old for o, run in untried.items() if (old := self._store.outcome(run.key))}
        runs = {origin: untried[origin]._replace(kept=old.weights) for origin, old in olds.items()}
        width = present_devices().width(missing or len(runs))
        if not missing:
            width = next((old.width for old in olds.values() if old.machine == machine()), width)
        news = self._retrain([*runs.values()], width)
        for origin, run in untried.items():
            label, new = origin[0], news.get(run.key)
            self._is_sound[origin] = new is not None and self._is_again(label, olds[origin], new)
            if new is None:
                logger.info("Kept runs of %s could not be tried: training anew.", label)

    def _is_again(self, label: str, old: Outcome, new: Outcome) -> bool:
        """Whether the numbers of a trial are those that were kept; say so if not bit for bit."""
        before, now = _numbers(old), _numbers(new)
        if np.array_equal(before, now, equal_nan=True):
            return True
        said = _first_difference(before, now)
        is_same_program = (old.machine, old.width) == (new.machine, new.width)
        near = np.maximum(NEAR * abs(now[:2]), [0.0, self._sample])
        is_near = np.isclose(before[:2], now[:2], 0, near, equal_nan=True).all()
        if is_near and not (is_same_program and "cpu:" in new.machine):
            logger.info(
                "Kept runs of %s come out again within rounding (%s): they are of another machine "
                "or program.", label, said,
            )  # fmt: skip
            return True
        warnings.warn(
            f"Kept runs of {label} are of another network, data or score ({said}): training anew",
            stacklevel=7,
        )
        return False


def _first_difference(before: np.ndarray, now: np.ndarray) -> str:
    row = int(np.isclose(before, now, 0, 0, equal_nan=True).argmin())
    digits = 9 if np.isclose(before[row], now[row], 1e-3) else 4
    return f"{NUMBERS[row]} {before[row]:.{digits}g}, now {now[row]:.{digits}g}"


def _numbers(outcome: Outcome) -> np.ndarray:
    """The numbers that a trial computes again."""
    (loss, score, rate), tested = (curve[0] for curve in outcome.history), outcome.tested
    counts = (tested[name] for name in ("firing_rate", "spikes", "operations"))
    return np.array([loss, tested["test"], score, rate, *counts], float)

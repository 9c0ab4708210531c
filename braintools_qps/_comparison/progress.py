"""Progress of a comparison: a bar in a terminal or a notebook, elsewhere a line a minute."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..records import CandidateResult, Comparison
from .storage import Store

SECONDS_BETWEEN = 60.0  # lines, where there is no terminal
LONGEST_LABEL = 24
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class Event(NamedTuple):
    """The argument of the ``callback`` of `compare`, after each epoch and at each result."""

    comparison: Comparison  # so far
    result: CandidateResult | None  # that has just come in, if any
    labels: tuple[str, ...]  # of the candidates in training
    epochs_done: int  # by all runs
    epochs: int  # of all runs
    loss: float  # mean over the runs that have had an epoch
    runs_done: int
    runs: int
    directory: Path | None  # of the results; not out if that could not be written


Callback = Callable[[Event], None]


class Progress:
    """Counts epochs and runs, shows a bar, and tells the callback.

    Each candidate of ``labels`` has so many ``runs`` of so many ``epochs``.
    """

    def __init__(
        self,
        comparison: Comparison,
        labels: Iterable[str],
        runs: int,
        epochs: int,
        store: Store,
        callback: Callback | None,
        *,
        shown: bool,
    ) -> None:
        self.comparison = comparison
        self.fault: Exception | None = (
            None  # an error of the callback, which is not the fault of a candidate
        )
        self._runs, self._epochs = dict.fromkeys(labels, 0), dict.fromkeys(labels, 0)  # done
        self._all_runs, self._length = runs, epochs
        self._store, self._callback = store, callback
        total = len(self._epochs) * runs * epochs
        self._bar = _bar(total) if shown and total else None

    def compiling(self, label: str) -> None:
        """Show that a program is compiled for a candidate, which takes a while."""
        self._describe(f"compiling {_short(label)}")

    def advance(self, label: str, epochs: int, loss: float, known: bool = False) -> None:
        """Count epochs of all runs; known ones were trained before."""
        self._epochs[label] += epochs
        if known and self._bar is not None:
            self._bar.initial += epochs  # so that the speed does not count them
        self._tell(label, loss, None)

    def finish(self, label: str, runs: int, loss: float, known: bool = False) -> None:
        """Count runs that have finished, and those of their epochs that were not counted."""
        self._runs[label] += runs
        if epochs := self._runs[label] * self._length - self._epochs[label]:
            self.advance(label, epochs, loss, known)

    def end(self, comparison: Comparison, result: CandidateResult) -> None:
        """Count all that is left of a candidate that has finished, or failed."""
        self.comparison = comparison
        self._runs[result.label] = self._all_runs
        self._epochs[result.label] = self._all_runs * self._length
        self._tell(result.label, math.nan, result)

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def _tell(self, label: str, loss: float, result: CandidateResult | None) -> None:
        of_each = self._all_runs * self._length
        done, epochs = sum(self._epochs.values()), len(self._epochs) * of_each
        runs_done, runs = sum(self._runs.values()), len(self._runs) * self._all_runs
        if self._bar is not None:
            self._describe(_short(label))
            ended = "" if math.isnan(loss) else f", loss {loss:.3f}"
            self._bar.set_postfix_str(f"run {runs_done}/{runs}{ended}", refresh=False)
            self._bar.update(done - self._bar.n)
        if self._callback is None:
            return
        unfinished = tuple(one for one, count in self._epochs.items() if count < of_each)
        labels, place = unfinished or (label,), self._store.place
        counts = done, epochs, loss, runs_done, runs
        event = Event(self.comparison, result, labels, *counts, place)
        try:
            self._callback(event)
        except Exception as error:
            self.fault = error
            raise

    def _describe(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(text, refresh=text.startswith("compiling"))


def _bar(total: int) -> Any:
    """A bar of tqdm, or None where it is not installed."""
    try:
        from tqdm.asyncio import tqdm as outside_of_notebooks
        from tqdm.auto import tqdm
    except ImportError:
        return None
    options: dict[str, Any] = {"total": total, "desc": "starting", "smoothing": 0}
    if tqdm is not outside_of_notebooks:
        return tqdm(**options)
    if sys.stderr.isatty():
        return tqdm(**options, bar_format=BAR, dynamic_ncols=True)
    return tqdm(**options, bar_format=BAR, ncols=80, mininterval=SECONDS_BETWEEN)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 3] + "..."
